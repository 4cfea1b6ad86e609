// SPDX-License-Identifier: Apache-2.0
// DPPO's trust region (arXiv 2602.04879): instead of clipping the ratio, tokens that moved too far from the sampler's
// probability in the direction their advantage pushes them lose their gradient. The distance is that of the two-point
// distributions {token, any other}: total variation |p - q|, or KL(q || p).
#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>

#include "grove/columns.hpp"
#include "grove/objective/token.hpp"
#include "grove/option.hpp"
#include "grove/scalar.hpp"

namespace grove {

struct TotalVariation {
  static constexpr std::string_view name = "TotalVariation";
  template <std::floating_point T>
  constexpr T operator()(T log_p, T log_q) const {
    T const d = exponential(log_p) - exponential(log_q);
    return d < 0 ? -d : d;
  }
};

struct BinaryKl {
  static constexpr std::string_view name = "BinaryKl";
  template <std::floating_point T>
  T operator()(T log_p, T log_q) const {
    T const p = exponential(log_p), q = exponential(log_q);
    T const rest = larger(T(1) - q, T(0));
    T const other = rest > 0 ? rest * std::log(rest / larger(T(1) - p, T(1e-8))) : T(0);
    return q * (log_q - log_p) + other;
  }
};

template <class D = TotalVariation>
struct DivergenceMask {
  double low = 0.2;   ///< largest divergence of a token with a negative advantage that has become less likely
  double high = 0.2;  ///< and of one with a positive advantage that has become more likely

  static constexpr std::string_view name = D::name;
  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = {Column::LogProb, Column::RolloutLogProb};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"epsilon", "largest divergence of tokens that a negative advantage pushes down",
                 or_infinite(at_least(0))},
          self.low);
    visit(Option{"epsilon_high", "and of tokens that a positive one pushes up", or_infinite(at_least(0)), "epsilon"},
          self.high);
  }

  template <std::floating_point T>
  constexpr T operator()(Token<T> const& t) const {
    T const divergence = D{}(t.log_p_detached, t.log_p_rollout);
    T const up =
        indicator<T>((t.advantage > 0) & (t.log_p_detached > t.log_p_rollout) & (divergence > static_cast<T>(high)));
    T const down =
        indicator<T>((t.advantage <= 0) & (t.log_p_detached <= t.log_p_rollout) & (divergence > static_cast<T>(low)));
    return T(1) - up - down;
  }
};

}  // namespace grove
