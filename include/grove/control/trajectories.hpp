// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "grove/episodes.hpp"
#include "grove/update_plan.hpp"

namespace grove::control {

/// Experience of environments: a token is one step, a sequence a piece of one episode. `episodes.truncated` is 1 where
/// the episode went on, beyond a time limit or the end of the collection; `final_observations` then says where to.
template <std::size_t Observation, class ActionType>
struct Trajectories {
  using Action = ActionType;
  static constexpr std::size_t observation_size = Observation;

  Episodes episodes{};
  std::vector<float> observations{};        ///< [tokens x Observation] as the policy sees them
  std::vector<Action> actions{};            ///< [tokens] before the environment clips them
  std::vector<float> log_probs{};           ///< [tokens] as the policy acted
  std::vector<float> token_reward{};        ///< [tokens] normalised if the rollout does so
  std::vector<std::uint64_t> versions{};    ///< [tokens]
  std::vector<float> final_observations{};  ///< [sequences x Observation] after the last token of each
  std::vector<double> reward{};             ///< [sequences] sum of the rewards as the environment gave them
  UpdatePlan plan{};                        ///< of tokens, for updates to be repeated; empty: made by the trainer

  std::span<const float> rollout_log_probs() const { return log_probs; }
  std::span<const std::uint64_t> policy_versions() const { return versions; }
  std::span<const float> token_rewards() const { return token_reward; }
  std::span<const double> rewards() const { return reward; }
};

}  // namespace grove::control
