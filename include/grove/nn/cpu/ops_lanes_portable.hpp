// SPDX-License-Identifier: Apache-2.0
// Sixteen floats as an array: plain loops, which the compiler turns into the vectors of whatever it compiles for.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace grove::nn::cpu::detail {

struct LanesPortable {
  float v[16];
  static constexpr std::size_t count = 16;
  static constexpr std::size_t tile_rows = 2;

  template <class F>
  static LanesPortable make(F f) {
    LanesPortable r;
    for (std::size_t i = 0; i < count; ++i) r.v[i] = f(i);
    return r;
  }
  static LanesPortable zero() { return all(0); }
  static LanesPortable all(float x) {
    return make([&](std::size_t) { return x; });
  }
  static LanesPortable load(float const* p) {
    return make([&](std::size_t i) { return p[i]; });
  }
  static LanesPortable load(float const* p, std::size_t n) {
    return make([&](std::size_t i) { return i < n ? p[i] : 0.0F; });
  }
  void store(float* p) const { store(p, count); }
  void store(float* p, std::size_t n) const {
    for (std::size_t i = 0; i < n; ++i) p[i] = v[i];
  }

  using Ref = LanesPortable const&;
  static LanesPortable fma(Ref a, Ref b, Ref c) {
    return make([&](std::size_t i) { return a.v[i] * b.v[i] + c.v[i]; });
  }
  static LanesPortable fnma(Ref a, Ref b, Ref c) {
    return make([&](std::size_t i) { return c.v[i] - a.v[i] * b.v[i]; });
  }
  static LanesPortable max(Ref a, Ref b) {
    return make([&](std::size_t i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  static LanesPortable min(Ref a, Ref b) {
    return make([&](std::size_t i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }

  static LanesPortable within(std::size_t begin, std::size_t end, Ref inside, Ref outside) {
    return make([&](std::size_t i) { return i >= begin && i < end ? inside.v[i] : outside.v[i]; });
  }
  static LanesPortable zero_below(Ref x, Ref key, float bound) {
    return make([&](std::size_t i) { return key.v[i] < bound ? 0.0F : x.v[i]; });
  }
  static LanesPortable scale(Ref x, Ref shifted) {
    return make([&](std::size_t i) {
      auto const power = std::bit_cast<std::uint32_t>(shifted.v[i]) << 23U;
      return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x.v[i]) + power);
    });
  }
};

inline LanesPortable operator+(LanesPortable const& a, LanesPortable const& b) {
  return LanesPortable::make([&](std::size_t i) { return a.v[i] + b.v[i]; });
}
inline LanesPortable operator-(LanesPortable const& a, LanesPortable const& b) {
  return LanesPortable::make([&](std::size_t i) { return a.v[i] - b.v[i]; });
}
inline LanesPortable operator*(LanesPortable const& a, LanesPortable const& b) {
  return LanesPortable::make([&](std::size_t i) { return a.v[i] * b.v[i]; });
}
inline LanesPortable operator/(LanesPortable const& a, LanesPortable const& b) {
  return LanesPortable::make([&](std::size_t i) { return a.v[i] / b.v[i]; });
}

}  // namespace grove::nn::cpu::detail
