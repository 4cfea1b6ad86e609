// SPDX-License-Identifier: Apache-2.0
// Rollouts that sample with weights of an earlier step, on purpose: which versions may have sampled a token, and
// whether an algorithm makes up for the difference.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "grove/checkpoint/state.hpp"
#include "grove/columns.hpp"
#include "grove/error.hpp"
#include "grove/metrics.hpp"
#include "grove/objective/rows.hpp"
#include "grove/train_options.hpp"

namespace grove {

/// The policy's versions at the beginning of the last steps.
class EarlierVersions {
 public:
  /// Remembers as many steps as a token's weights may be older than those that are trained.
  explicit EarlierVersions(std::size_t steps) : steps_(steps) {}

  /// How many tokens neither the present version nor an earlier one sampled. Where there may be such, the number that
  /// an earlier one did is `sampling/earlier_tokens`.
  std::size_t count_stale(std::span<const std::uint64_t> versions, std::uint64_t present, Metrics& metrics) const {
    std::size_t earlier = 0, stale = 0;
    for (auto const version : versions)
      if (version != present) ++(std::ranges::find(versions_, version) != versions_.end() ? earlier : stale);
    if (steps_ > 0) metrics.set("sampling/earlier_tokens", static_cast<double>(earlier));
    return stale;
  }

  /// A step begins with this version.
  void add(std::uint64_t version) {
    versions_.push_back(version);
    if (versions_.size() > steps_) versions_.erase(versions_.begin());
  }

  void state(State& s) { s("versions", versions_); }

 private:
  std::size_t steps_;
  std::vector<std::uint64_t> versions_;
};

namespace detail {

/// The derivatives of two short sequences, one with a positive and one with a negative advantage, whose sampler was
/// surer of every token by so much. `to_sampler`: ratios are taken to its log-probs.
template <std::floating_point T, class O>
std::array<T, 4> derivatives(O const& objective, T surer, bool to_sampler) {
  constexpr std::array<std::size_t, 3> starts = {0, 2, 4};
  constexpr std::array<std::uint32_t, 2> lengths = {2, 2};
  constexpr std::array<std::uint8_t, 4> counts = {1, 1, 1, 1};
  constexpr std::array<T, 4> advantage = {1, 1, -1, -1}, ones = {1, 1, 1, 1}, log_p = {-3, -3, -3, -3};
  std::array<T, 4> sampled = log_p, d_log_p{}, d_entropy{}, d_value{};
  for (T& x : sampled) x += surer;
  Rows<T> const rows{.cu_seqlens = starts,
                     .lengths = lengths,
                     .counts = counts,
                     .log_p = log_p,
                     .log_p_old = to_sampler ? sampled : log_p,
                     .log_p_rollout = sampled,
                     .log_p_ref = log_p,
                     .entropy = ones,
                     .advantage = advantage,
                     .value = ones,
                     .value_old = ones,
                     .return_ = ones,
                     .reward = ones,
                     .selected = ones};
  typename O::denominators_type denominators{};
  for (auto& d : denominators) d = {.micro_batch = {2, 4}, .data_parallel = {2, 4}, .window = {2, 4}};
  typename O::tally_type tally{};
  objective.evaluate(rows, denominators, TokenGradients<T>{d_log_p, d_entropy, d_value}, tally);
  return d_log_p;
}

}  // namespace detail

/// Whether an objective's derivatives depend on what the sampler's log-probs were: by a rollout correction or mask that
/// is switched on, or, where the old log-probs are the sampler's, by the ratio to them.
template <std::floating_point T, class O>
bool reads_sampler(O const& objective, OldLogProbs old) {
  bool const to_sampler = old == OldLogProbs::Sampled;
  auto const with = [&](T surer) { return detail::derivatives<T>(objective, surer, to_sampler); };
  return with(0) != with(2) || with(0) != with(-2);
}

/// Throws Error where tokens may come from earlier weights and nothing makes up for it.
template <std::floating_point T, class O>
void check_staleness(O const& objective, TrainOptions const& options) {
  if (options.ratio_check.staleness > 0 && !reads_sampler<T>(objective, options.old_log_probs))
    throw Error("Trainer",
                "tokens may come from earlier weights, and the objective does not read the sampler's log-probs",
                "a rollout correction such as TruncatedImportance, or old_log_probs = Sampled");
}

}  // namespace grove
