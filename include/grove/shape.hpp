// SPDX-License-Identifier: Apache-2.0
// The shape phase: one reward a sequence out of the matrix, and what single tokens earn.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "grove/batch.hpp"
#include "grove/concepts.hpp"
#include "grove/metrics.hpp"
#include "grove/reward/shaping.hpp"

namespace grove {

namespace detail {

/// The combined reward of each sequence; none where every reward declined.
template <Policy P>
void rewards_of_sequences(Batch<P>& batch) {
  using Real = typename P::Real;
  auto const n = batch.rewards.samples();
  batch.reward.assign(n, Real(0));
  batch.valid.assign(n, 0);
  for (std::size_t s = 0; s < n; ++s)
    if (batch.rewards.combined(s)) {
      batch.reward[s] = static_cast<Real>(batch.rewards.combined_at_end(s));
      batch.valid[s] = 1;
    }
}

/// What an environment and rewards of single tokens give. `R` is the reward's type.
template <class R, Policy P>
void rewards_of_tokens(Batch<P>& batch) {
  auto const& t = batch.trajectories;
  if constexpr (requires { t.token_rewards(); }) {
    auto const rewards = t.token_rewards();
    batch.token_reward.assign(rewards.begin(), rewards.end());
    // They are in the token rewards already.
    if constexpr (requires { requires R::sums_token_rewards; }) std::ranges::fill(batch.reward, typename P::Real(0));
  }
  if (!batch.rewards.has_tokens()) return;
  batch.token_reward.resize(t.episodes.tokens());
  auto const& cu = t.episodes.cu_seqlens;
  for (std::size_t s = 0; s < batch.rewards.samples(); ++s)
    batch.rewards.add_tokens_to(s, std::span(batch.token_reward).subspan(cu[s], cu[s + 1] - cu[s]));
}

}  // namespace detail

/// Fills the batch's rewards and lets the algorithm's shaping add its own. `R` is the reward's type.
template <class R, Policy P, class Shaping>
void shape(Batch<P>& batch, Shaping const& shaping, Metrics& metrics) {
  detail::rewards_of_sequences(batch);
  detail::rewards_of_tokens<R>(batch);
  if (shaping.wanted().empty()) return;
  batch.token_reward.resize(batch.trajectories.episodes.tokens());
  shaping(ShapingInput<typename P::Real>{batch.trajectories.episodes, batch.counts, batch.log_prob, batch.ref_log_prob},
          std::span(batch.token_reward), metrics);
}

}  // namespace grove
