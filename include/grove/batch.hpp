// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/error.hpp"
#include "grove/update_plan.hpp"

namespace grove {

/// One batch on its way through the phases. Columns are packed like `trajectories.episodes`; unwanted ones are empty.
template <Policy P>
struct Batch {
  using Real = typename P::Real;

  typename P::Trajectories trajectories{};
  RewardMatrix rewards{};
  std::vector<std::uint8_t> valid{};   ///< [sequences] 0 where every reward declined
  std::vector<Real> reward{};          ///< [sequences] after shaping, earned at the last token
  std::vector<Real> token_reward{};    ///< [tokens] earned at single tokens: by an environment, as a penalty
  std::vector<Real> greedy_reward{};   ///< [sequences] of the greedy completion of the same problem
  std::vector<std::uint8_t> counts{};  ///< [tokens] 1 where the token enters the loss
  std::vector<Real> log_prob{}, ref_log_prob{}, value{}, sum_squares{};  ///< [tokens] before the first update
  std::vector<Real> bootstrap{};                                         ///< [sequences] value after the last token
  std::vector<Real> old_log_prob{};                      ///< [tokens] empty: the policy's own at each update
  std::vector<Real> advantage{}, returns{}, selected{};  ///< [tokens]
  UpdatePlan plan{};
};

/// Whether a policy's outputs for a token depend on the other tokens of its sequence. Where they do not, an update may
/// take single tokens out of sequences: the units of a plan are tokens then, else sequences.
template <class P>
inline constexpr Unit unit_of = [] {
  if constexpr (requires { P::unit; })
    return P::unit;
  else
    return Unit::Sequence;
}();

/// What an update plan divides: lengths of a batch's units.
template <Policy P>
class Units {
 public:
  explicit Units(Episodes const& episodes) : episodes_(episodes) {}
  std::size_t size() const { return unit_of<P> == Unit::Token ? episodes_.tokens() : episodes_.sequences(); }
  std::size_t length(std::size_t unit) const { return unit_of<P> == Unit::Token ? 1 : episodes_.length(unit); }

 private:
  Episodes const& episodes_;
};

/// The columns of some units of a batch, packed in their order, so that one chunk of outputs is one range of each.
template <Policy P>
class MicroBatchColumns {
 public:
  using Real = typename P::Real;

  MicroBatchColumns(Batch<P> const& batch, std::span<const std::uint32_t> units)
      : episodes_(batch.trajectories.episodes), units_(units) {
    pack<std::uint8_t>(batch.counts, counts);
    if constexpr (unit_of<P> == Unit::Token) {
      add_sequence(units.size());  // tokens from anywhere: no sequence is left to speak of
    } else {
      for (auto s : units) add_sequence(episodes_.length(s));
    }
    pack<Real>(batch.trajectories.rollout_log_probs(), rollout_);
    pack<Real>(batch.old_log_prob, old_);
    pack<Real>(batch.ref_log_prob, ref_);
    pack<Real>(batch.value, old_value_);
    pack<Real>(batch.advantage, advantage_);
    pack<Real>(batch.returns, returns_);
    pack<Real>(batch.selected, selected_);
    if (!batch.reward.empty()) spread(batch.reward);
  }

  /// The objective's view of the tokens whose outputs start at `first`.
  Rows<Real> rows(std::size_t first, TokenOutputs<Real> outputs) const {
    return rows(first, outputs.log_prob.size(), outputs);
  }

  /// All tokens, without the policy's outputs.
  Rows<Real> rows() const { return rows(0, counts.size(), {}); }

  std::vector<std::size_t> cu_seqlens{0};
  std::vector<std::uint32_t> lengths;
  std::vector<std::uint8_t> counts;

 private:
  Rows<Real> rows(std::size_t first, std::size_t n, TokenOutputs<Real> outputs) const {
    auto const part = [&](std::vector<Real> const& column) {
      return column.empty() ? std::span<const Real>() : std::span(column).subspan(first, n);
    };
    return {.cu_seqlens = cu_seqlens,
            .lengths = lengths,
            .first = first,
            .counts = std::span(counts).subspan(first, n),
            .log_p = outputs.log_prob,
            .log_p_old = old_.empty() ? std::span<const Real>(outputs.log_prob) : part(old_),
            .log_p_rollout = part(rollout_),
            .log_p_ref = part(ref_),
            .entropy = outputs.entropy,
            .advantage = part(advantage_),
            .value = outputs.value,
            .value_old = part(old_value_),
            .return_ = part(returns_),
            .reward = part(reward_),
            .selected = part(selected_)};
  }

  void add_sequence(std::size_t length) {
    std::uint32_t counted = 0;
    for (auto i = cu_seqlens.back(); i < cu_seqlens.back() + length; ++i) counted += counts[i];
    cu_seqlens.push_back(cu_seqlens.back() + length);
    lengths.push_back(counted);
  }

  template <class T>
  void pack(std::span<const T> from, std::vector<T>& to) const {
    if (from.empty()) return;
    if constexpr (unit_of<P> == Unit::Token) {
      to.resize(units_.size());
      for (std::size_t i = 0; i < units_.size(); ++i) to[i] = from[units_[i]];
    } else {
      to.reserve(count_tokens(episodes_, units_));
      for (auto s : units_)
        to.insert(to.end(), from.begin() + episodes_.cu_seqlens[s], from.begin() + episodes_.cu_seqlens[s + 1]);
    }
  }

  void spread(std::vector<Real> const& reward) {
    if constexpr (unit_of<P> == Unit::Sequence) {
      reward_.reserve(counts.size());
      for (auto s : units_) reward_.insert(reward_.end(), episodes_.length(s), reward[s]);
    }
  }

  Episodes const& episodes_;
  std::span<const std::uint32_t> units_;
  std::vector<Real> rollout_, old_, ref_, old_value_, advantage_, returns_, selected_, reward_;
};

/// Throws Error where a rollout or a replay left columns of the wrong length or a plan that names what is not there.
template <Policy P>
void check_batch(Batch<P> const& batch) {
  auto const& t = batch.trajectories;
  auto const expect = [](std::string_view what, std::size_t size, std::size_t expected, std::string_view unit) {
    if (size != expected)
      throw Error("rollout", std::string(what) + " has " + std::to_string(size) + " entries",
                  std::to_string(expected) + ", one a " + std::string(unit));
  };
  expect("group", t.episodes.group.size(), t.episodes.sequences(), "sequence");
  expect("truncated", t.episodes.truncated.size(), t.episodes.sequences(), "sequence");
  expect("rollout_log_probs()", t.rollout_log_probs().size(), t.episodes.tokens(), "token");
  expect("policy_versions()", t.policy_versions().size(), t.episodes.tokens(), "token");
  expect("rewards", batch.rewards.samples(), t.episodes.sequences(), "sequence");
  auto const units = Units<P>(t.episodes).size();
  for (auto const& minibatch : batch.plan)
    for (auto const& micro_batch : minibatch)
      for (auto unit : micro_batch)
        if (unit >= units)
          throw Error("update plan", "names sequence " + std::to_string(unit), "below " + std::to_string(units));
}

/// Takes the samples that every reward declined out of the loss and out of the plan, so that no mean counts them.
template <Policy P>
void leave_out_declined(Batch<P>& batch) {
  auto const& episodes = batch.trajectories.episodes;
  std::vector<std::uint8_t> declined(Units<P>(episodes).size());
  for (std::size_t s = 0; s < episodes.sequences(); ++s) {
    if (batch.rewards.combined(s)) continue;
    auto const first = episodes.cu_seqlens[s], last = episodes.cu_seqlens[s + 1];
    std::fill(batch.counts.begin() + first, batch.counts.begin() + last, 0);
    if constexpr (unit_of<P> == Unit::Token)
      std::fill(declined.begin() + first, declined.begin() + last, 1);
    else
      declined[s] = 1;
  }
  for (auto& minibatch : batch.plan)
    for (auto& micro_batch : minibatch) std::erase_if(micro_batch, [&](auto unit) { return declined[unit] != 0; });
}

}  // namespace grove
