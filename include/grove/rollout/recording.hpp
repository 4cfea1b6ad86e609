// SPDX-License-Identifier: Apache-2.0
// Batches on disk: `DIR/step-000001.jsonl`, one line a sequence, and a rollout that plays them back. Numbers round-trip
// exactly, so a replayed run repeats its metrics bit for bit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grove/checkpoint/state.hpp"
#include "grove/dist/share.hpp"
#include "grove/policy/causal_lm.hpp"
#include "grove/reward_matrix.hpp"
#include "grove/rollout/token_trajectories.hpp"
#include "grove/update_plan.hpp"

namespace grove {

/// Writes one step's batch:
/// {"id","group","index","rank","minibatch","micro_batch","position","prompt_ids","train_prompt_ids","ids","log_probs",
///  "rewards":{name: number|null},"finish","policy_version"}. A reward that scores token by token has a list, one
///  number
/// a token. With several epochs `minibatch`, `micro_batch` and `position` are lists with one entry an epoch.
void write_recording(std::filesystem::path const& folder, std::uint64_t step, TokenTrajectories const& trajectories,
                     RewardMatrix const& rewards, UpdatePlan const& plan, std::size_t epochs);

/// The lines of one rank of several; its groups are counted from `first_group`.
std::string recording_lines(TokenTrajectories const& trajectories, RewardMatrix const& rewards, UpdatePlan const& plan,
                            std::size_t epochs, std::size_t rank = 0, std::size_t first_group = 0);

/// Writes the lines of all ranks as one step's file, in the order of their draw indices.
void write_recording(std::filesystem::path const& folder, std::uint64_t step, std::vector<std::string> const& ranks);

/// Reads one step's batch. `index`, `log_probs`, `rank`, `minibatch`, `micro_batch` and `policy_version` may be absent:
/// log-probs are then computed with the policy as it is (after the sampler's prompt at `sampling_temperature` where
/// that is given, else as it is trained), and the trainer splits the batch itself. Throws Error with file and line for
/// what is malformed, for a second sequence of the same group and index, and for a file without any.
TokenTrajectories read_recording(std::filesystem::path const& folder, std::uint64_t step, AnyCausalLm const& policy,
                                 std::optional<float> sampling_temperature = {});

/// A rollout that plays a recording back, step after step.
class Replay {
 public:
  /// Of several ranks each plays its share of the groups.
  explicit Replay(std::filesystem::path folder, Share share = {}, std::optional<float> sampling_temperature = {})
      : folder_(std::move(folder)), share_(share), temperature_(sampling_temperature) {}

  TokenTrajectories collect(AnyCausalLm& policy) {
    return share_of(read_recording(folder_, ++step_, policy, temperature_), share_);
  }
  std::uint64_t collections() const { return step_; }
  void state(State& s) { s("step", step_); }

 private:
  std::filesystem::path folder_;
  Share share_;
  std::optional<float> temperature_;
  std::uint64_t step_ = 0;
};

static_assert(Rollout<Replay, AnyCausalLm>);

}  // namespace grove
