// SPDX-License-Identifier: Apache-2.0
// Tokens whose log-prob and advantage move together the most are those that make the entropy fall (arXiv 2505.22617):
//   cov_t = (A_t - mean A) (log p_t - mean log p)      over the tokens of the minibatch that count.
// Clip-Cov takes a few of them out of the loss, KL-Cov holds them near the old policy.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grove/columns.hpp"
#include "grove/objective/select_largest.hpp"
#include "grove/objective/selection.hpp"
#include "grove/objective/surrogate.hpp"
#include "grove/option.hpp"
#include "grove/random.hpp"
#include "grove/scalar.hpp"

namespace grove {

namespace detail {

/// The covariance of each row, with the means taken over all ranks; rows that do not count get -infinity.
template <std::floating_point T, class C>
std::vector<double> covariances(Rows<T> const& rows, C& communicator) {
  std::array<double, 3> sums{};
  for (std::size_t i = 0; i < rows.counts.size(); ++i)
    if (rows.counts[i]) {
      sums[0] += 1;
      sums[1] += static_cast<double>(rows.advantage[i]);
      sums[2] += static_cast<double>(rows.log_p[i]);
    }
  communicator.all_reduce_sum(sums);
  double const n = sums[0] > 0 ? sums[0] : 1;
  std::vector<double> cov(rows.counts.size(), -HUGE_VAL);
  for (std::size_t i = 0; i < cov.size(); ++i)
    if (rows.counts[i])
      cov[i] =
          (static_cast<double>(rows.advantage[i]) - sums[1] / n) * (static_cast<double>(rows.log_p[i]) - sums[2] / n);
  return cov;
}

/// How many rows the ranks before this one hold.
template <class C>
std::uint64_t rows_before(std::size_t rows, C& communicator) {
  std::vector<double> held(communicator.size());
  held[communicator.rank()] = static_cast<double>(rows);
  communicator.all_reduce_sum(held);
  double before = 0;
  for (std::size_t r = 0; r < communicator.rank(); ++r) before += held[r];
  return static_cast<std::uint64_t>(before);
}

}  // namespace detail

/// Clip-Cov's draw: a random `ratio` of the tokens (at least one), out of those with low < cov < high that clipping has
/// not already taken.
struct RandomHighCovariance {
  double ratio = 2e-4;
  double low = 1, high = 5;
  double epsilon_low = 0.2, epsilon_high = 0.2;  ///< the surrogate's clip range

  static constexpr ColumnSet needs = {Column::LogProb, Column::OldLogProb};
  static std::string describe() { return "RandomHighCovariance"; }
  ColumnSet wanted() const { return needs; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"clip_cov_ratio", "share of tokens taken out of the loss", between(0, 1)}, self.ratio);
    visit(Option{"clip_cov_lb", "smallest covariance of a token that may be taken out", or_infinite({})}, self.low);
    visit(Option{.name = "clip_cov_ub",
                 .help = "largest covariance of a token that may be taken out",
                 .range = or_infinite({}),
                 .floor = {"clip_cov_lb", 0, true}},
          self.high);
    visit(Option{"epsilon", "the ratio is clipped below 1 - epsilon", or_infinite(at_least(0))}, self.epsilon_low);
    visit(Option{"epsilon_high", "and above 1 + epsilon_high", or_infinite(at_least(0)), "epsilon"}, self.epsilon_high);
  }

  template <std::floating_point T, class C>
  void operator()(Rows<T> const& rows, SelectionKey key, C& communicator, std::span<T> selected) const {
    auto cov = detail::covariances(rows, communicator);
    double count = 0;
    for (std::size_t i = 0; i < cov.size(); ++i) {
      count += rows.counts[i];
      if (!(cov[i] > low && cov[i] < high) || is_clipped(rows, i)) cov[i] = -HUGE_VAL;
    }
    communicator.all_reduce_sum(std::span(&count, 1));
    // The candidates with the largest random numbers, so that ranks agree on the draw without sharing their tokens.
    // A token's number is that of its place in the minibatch of all ranks, one after another: where it is cut between
    // ranks changes nothing.
    std::uint64_t const first = detail::rows_before(cov.size(), communicator);
    RandomStream const random({key.seed, Purpose::Selection}, key.step, key.update);
    for (std::size_t i = 0; i < cov.size(); ++i)
      if (cov[i] != -HUGE_VAL)
        cov[i] = uniform(random, {.index = (first + i) >> 32U, .token = static_cast<std::uint32_t>(first + i)});
    detail::select_largest(cov, std::max(1.0, std::floor(ratio * count)), communicator, selected);
  }

 private:
  template <std::floating_point T>
  bool is_clipped(Rows<T> const& rows, std::size_t i) const {
    double const r = exponential(static_cast<double>(rows.log_p[i]) - static_cast<double>(rows.log_p_old[i]));
    auto const a = static_cast<double>(rows.advantage[i]);
    return (a > 0 && r > 1 + epsilon_high) || (a < 0 && r < 1 - epsilon_low);
  }
};

/// KL-Cov's: the `ratio` of tokens (at least one) with the largest covariance. The paper has 2e-3 for a 7B model and
/// 2e-4 for 32B.
struct LargestCovariance {
  double ratio = 2e-3;

  static constexpr ColumnSet needs = Column::LogProb;
  static std::string describe() { return "LargestCovariance"; }
  ColumnSet wanted() const { return needs; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"kl_cov_ratio", "share of tokens held near the old policy", between(0, 1)}, self.ratio);
  }

  template <std::floating_point T, class C>
  void operator()(Rows<T> const& rows, SelectionKey, C& communicator, std::span<T> selected) const {
    auto const cov = detail::covariances(rows, communicator);
    double count = 0;
    for (auto c : rows.counts) count += c;
    communicator.all_reduce_sum(std::span(&count, 1));
    detail::select_largest(cov, std::max(1.0, std::floor(ratio * count)), communicator, selected);
  }
};

/// A weight of 0 for the selected tokens.
template <class S>
struct Dropping {
  using selection_type = S;
  static constexpr std::string_view name = "Dropping";
  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = {};

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T operator()(Token<T> const& t) const {
    return T(1) - t.selected;
  }
};

/// A weight of 0 for all but the selected tokens.
template <class S>
struct Keeping {
  using selection_type = S;
  static constexpr std::string_view name = "Keeping";
  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = {};

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr T operator()(Token<T> const& t) const {
    return t.selected;
  }
};

/// KL-Cov's surrogate: -r A, and beta |log r| more where the token was selected. verl's yaml sets beta to 0.1.
struct KlCovPenalty {
  double beta = 1;

  using selection_type = LargestCovariance;
  static constexpr std::string_view name = "KlCovPenalty";
  static constexpr std::array<std::string_view, 0> metric_names = {};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"ppo_kl_coef", "pull of the selected tokens towards the old policy", at_least(0)}, self.beta);
  }

  template <std::floating_point T>
  GROVE_HOST_DEVICE constexpr SurrogateValue<T, 0> operator()(T ratio, Token<T> const& t) const {
    T const log_ratio = t.log_p - t.log_p_old;
    T const sign = log_ratio > 0 ? T(1) : (log_ratio < 0 ? T(-1) : T(0));
    T const pull = t.selected * static_cast<T>(beta);
    return {.loss = -ratio * t.advantage + pull * sign * log_ratio,
            .d_ratio = -t.advantage,
            .d_log_p = pull * sign,
            .metrics = {}};
  }
};

}  // namespace grove
