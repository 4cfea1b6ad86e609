// SPDX-License-Identifier: Apache-2.0
// The state of the parts that every trainer has: parameters, optimizer, reference policy.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "grove/checkpoint/state.hpp"
#include "grove/concepts.hpp"
#include "grove/optim/adamw.hpp"
#include "grove/parameter.hpp"

namespace grove::detail {

constexpr io::DType element_type(Dtype dtype) {
  if (dtype == Dtype::F64) return io::DType::F64;
  return dtype == Dtype::F32 ? io::DType::F32 : io::DType::BF16;
}

inline std::span<std::byte> bytes_of(ParameterView const& p) {
  return {static_cast<std::byte*>(p.value), p.size * io::size_of(element_type(p.dtype))};
}

inline std::vector<std::size_t> shape_of(ParameterView const& p) {
  if (p.shape.empty()) return {p.size};
  return {p.shape.begin(), p.shape.end()};
}

/// The name of the i-th parameter, also where a policy gives none.
inline std::string name_of(ParameterView const& p, std::size_t i) {
  return p.name.empty() ? "parameter-" + std::to_string(i) : std::string(p.name);
}

/// Every policy's parameters, by name. A policy with more to remember (normalisers, say) lists that in `state(State&)`;
/// one with `set_version` goes on counting where it was.
template <class P>
void parameters_state(State& s, P& policy) {
  s.within("model", [&] {
    auto const parameters = policy.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i)
      s.array(name_of(parameters[i], i), element_type(parameters[i].dtype), shape_of(parameters[i]),
              bytes_of(parameters[i]));
  });
  if constexpr (Stateful<P>) s("policy", policy);
  std::uint64_t version = policy.version();
  s("policy_version", version);
  if (!s.loading()) return;
  policy.commit();
  if constexpr (requires { policy.set_version(version); }) policy.set_version(version);
}

template <class T>
void moments_state(State& s, AdamW::Moments<T>& moments) {
  s("first", moments.first);
  s("second", moments.second);
  if constexpr (std::same_as<T, float>)
    if (!s.loading() ? !moments.master.empty() : s.has("master")) s("master", moments.master);
  if constexpr (requires { moments.behind; }) s("behind", moments.behind);
}

/// Moments under the names of their parameters; none before the first update.
inline void optimizer_state(State& s, AdamW& optimizer, std::span<const ParameterView> parameters) {
  s.within("optimizer", [&] {
    auto steps = static_cast<std::uint64_t>(optimizer.steps());
    s("steps", steps);
    std::vector<AdamW::State> loaded;
    for (std::size_t i = 0; i < parameters.size() && steps > 0; ++i) {
      if (s.loading()) {
        if (parameters[i].dtype == Dtype::F64)
          loaded.emplace_back(AdamW::Moments<double>{});
        else
          loaded.emplace_back(AdamW::Moments<float>{});
      }
      auto& state = s.loading() ? loaded.back() : optimizer.states()[i];
      s.within(name_of(parameters[i], i),
               [&] { std::visit([&](auto& moments) { moments_state(s, moments); }, state); });
    }
    if (s.loading()) optimizer.restore(std::move(loaded), steps);
  });
}

/// A number that two sets of parameters share only by a chance of 2^-64.
inline std::uint64_t fingerprint(std::span<const ParameterView> parameters) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  auto const mix = [&](std::uint64_t word) {
    hash = (std::rotl(hash, 23) ^ word) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29U;
  };
  for (auto const& p : parameters) {
    auto const bytes = bytes_of(p);
    std::size_t i = 0;
    for (std::uint64_t word = 0; i + sizeof word <= bytes.size(); i += sizeof word) {
      std::memcpy(&word, bytes.data() + i, sizeof word);
      mix(word);
    }
    for (; i < bytes.size(); ++i) mix(std::to_integer<std::uint64_t>(bytes[i]));
    mix(bytes.size());
  }
  return hash;
}

}  // namespace grove::detail
