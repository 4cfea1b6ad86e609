// SPDX-License-Identifier: Apache-2.0
// AdamW with decoupled weight decay (arXiv 1711.05101), the arithmetic of torch.optim.AdamW, over plain memory: it
// serves every policy on the host, whatever holds the parameters.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "grove/error.hpp"
#include "grove/optim/square_roots.hpp"
#include "grove/parameter.hpp"

namespace grove {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
};

/// Square root of the sum of squares of all gradients that are not frozen, added up in double in the parameters' order.
inline double gradient_norm(std::span<const ParameterView> parameters) {
  auto const squares = [](auto const* gradient, std::size_t size) {
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
    return sum;
  };
  double sum = 0;
  for (auto const& p : parameters)
    if (!p.frozen)
      sum += p.dtype == Dtype::F64 ? squares(static_cast<double const*>(p.gradient), p.size)
                                   : squares(static_cast<float const*>(p.gradient), p.size);
  return std::sqrt(sum);
}

/// What gradients of this norm are multiplied by so that their norm is at most `max_norm` (0: no limit), as
/// torch.nn.utils.clip_grad_norm_ does: its 1e-6 also shrinks a norm that is just at the limit.
inline double clip_scale(double norm, double max_norm) {
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + 1e-6)) : 1.0;
}

inline void zero_gradients(std::span<const ParameterView> parameters) {
  for (auto const& p : parameters) {
    if (p.dtype == Dtype::F64)
      std::fill_n(static_cast<double*>(p.gradient), p.size, 0.0);
    else
      std::fill_n(static_cast<float*>(p.gradient), p.size, 0.0f);
  }
}

/// bf16 parameters keep an f32 master copy, since an update of 1e-6 vanishes in bf16's 8 bits of mantissa.
class AdamW {
 public:
  template <class T>
  struct Moments {
    std::vector<T> first, second;
    std::vector<T> master;   ///< only for bf16 parameters
    std::size_t behind = 0;  ///< steps that the parameter was frozen in, which its bias correction does not count
  };
  using State = std::variant<Moments<float>, Moments<double>>;

  explicit AdamW(AdamWOptions options = {}) : options_(options) {}

  /// One update with the given rate; gradients are multiplied by `gradient_scale` first. Does not throw once the first
  /// call has allocated the moments.
  void step(std::span<const ParameterView> parameters, double rate, double gradient_scale = 1.0) {
    if (states_.empty()) allocate(parameters);
    check(parameters);
    ++steps_;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      auto const& p = parameters[i];
      if (p.frozen)
        std::visit([](auto& moments) { ++moments.behind; }, states_[i]);
      else
        std::visit([&](auto& moments) { update(p, moments, rate * p.rate, gradient_scale); }, states_[i]);
    }
  }

  std::size_t steps() const { return steps_; }
  std::span<State> states() { return states_; }
  std::span<State const> states() const { return states_; }
  AdamWOptions const& options() const { return options_; }

  /// Takes over a checkpoint's state.
  void restore(std::vector<State> states, std::size_t steps) {
    states_ = std::move(states);
    steps_ = steps;
  }

 private:
  void allocate(std::span<const ParameterView> parameters) {
    std::vector<State> states;
    for (auto const& p : parameters) {
      if (p.dtype == Dtype::F64) {
        states.emplace_back(
            Moments<double>{.first = std::vector<double>(p.size), .second = std::vector<double>(p.size), .master = {}});
        continue;
      }
      Moments<float> moments{.first = std::vector<float>(p.size), .second = std::vector<float>(p.size), .master = {}};
      if (p.dtype == Dtype::BF16) {
        auto const* values = static_cast<std::uint16_t const*>(p.value);
        for (std::size_t i = 0; i < p.size; ++i) moments.master.push_back(widen(values[i]));
      }
      states.emplace_back(std::move(moments));
    }
    states_ = std::move(states);
  }

  /// The state must be that of these parameters; a checkpoint's may be another model's.
  void check(std::span<const ParameterView> parameters) const {
    if (states_.size() != parameters.size())
      throw Error("AdamW", std::to_string(parameters.size()) + " parameters",
                  std::to_string(states_.size()) + ", as many as the optimizer's state has");
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      auto const& p = parameters[i];
      bool const fits = std::visit(
          [&](auto const& m) {
            using T = typename std::decay_t<decltype(m.first)>::value_type;
            return m.first.size() == p.size && m.second.size() == p.size &&
                   m.master.size() == (p.dtype == Dtype::BF16 ? p.size : 0) &&
                   std::same_as<T, double> == (p.dtype == Dtype::F64);
          },
          states_[i]);
      if (!fits)
        throw Error("AdamW", "the state of parameter " + std::string(p.name) + " has another size or type",
                    std::to_string(p.size) + " elements", "resume with the model the checkpoint was written of");
    }
  }

  template <class T>
  void update(ParameterView const& p, Moments<T>& moments, double rate, double gradient_scale) const {
    auto const t = static_cast<double>(steps_ - moments.behind);
    auto const b1 = static_cast<T>(options_.beta1), b2 = static_cast<T>(options_.beta2);
    auto const c1 = static_cast<T>(1 - options_.beta1), c2 = static_cast<T>(1 - options_.beta2);
    auto const eps = static_cast<T>(options_.eps), scale = static_cast<T>(gradient_scale);
    auto const keep = static_cast<T>(1.0 - rate * (p.decay ? options_.weight_decay : 0.0));
    auto const size = static_cast<T>(rate / (1.0 - std::pow(options_.beta1, t)));
    auto const root = static_cast<T>(1.0 / std::sqrt(1.0 - std::pow(options_.beta2, t)));
    T* value = p.dtype == Dtype::BF16 ? moments.master.data() : static_cast<T*>(p.value);
    T const* gradient = static_cast<T const*>(p.gradient);
    constexpr std::size_t block = 256;  // in arrays of their own, which nothing overlaps
    std::array<T, block> m, v, roots;
    for (std::size_t begin = 0; begin < p.size; begin += block) {
      auto const n = std::min(block, p.size - begin);
      T* const first = moments.first.data() + begin;
      T* const second = moments.second.data() + begin;
      for (std::size_t i = 0; i < n; ++i) {
        T const g = gradient[begin + i] * scale;
        m[i] = b1 * first[i] + c1 * g;
        v[i] = b2 * second[i] + c2 * g * g;
      }
      detail::square_roots(v.data(), n, roots.data());
      std::copy_n(m.begin(), n, first);
      std::copy_n(v.begin(), n, second);
      T* const x = value + begin;
      for (std::size_t i = 0; i < n; ++i) x[i] = x[i] * keep - size * m[i] / (roots[i] * root + eps);
    }
    if (p.dtype == Dtype::BF16) {
      auto* stored = static_cast<std::uint16_t*>(p.value);
      for (std::size_t i = 0; i < p.size; ++i) stored[i] = narrow(static_cast<float>(value[i]));
    }
  }

  AdamWOptions options_;
  std::vector<State> states_;
  std::size_t steps_ = 0;
};

}  // namespace grove
