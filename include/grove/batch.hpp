// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/update_plan.hpp"

namespace grove {

/// One batch on its way through the phases. Columns are packed like `trajectories.episodes`; unwanted ones are empty.
template <Policy P>
struct Batch {
  using Real = typename P::Real;

  typename P::Trajectories trajectories{};
  RewardMatrix rewards{};
  std::vector<std::uint8_t> valid{};   ///< [sequences] 0 where every reward declined
  std::vector<Real> reward{};          ///< [sequences] after shaping
  std::vector<std::uint8_t> counts{};  ///< [tokens] 1 where the token enters the loss
  std::vector<Real> old_log_prob{}, ref_log_prob{}, old_value{}, sum_squares{};  ///< [tokens]
  std::vector<Real> advantage{}, returns{};                                      ///< [tokens]
  UpdatePlan plan{};
};

/// The columns of a micro-batch, packed in its order, so that one chunk of outputs is one range of each.
template <Policy P>
class MicroBatchColumns {
 public:
  using Real = typename P::Real;

  MicroBatchColumns(Batch<P> const& batch, Sequences sequences)
      : episodes_(batch.trajectories.episodes), sequences_(sequences) {
    for (auto s : sequences) cu_seqlens.push_back(cu_seqlens.back() + episodes_.length(s));
    pack<std::uint8_t>(batch.counts, counts);
    for (std::size_t s = 0; s + 1 < cu_seqlens.size(); ++s) {
      std::uint32_t length = 0;
      for (auto i = cu_seqlens[s]; i < cu_seqlens[s + 1]; ++i) length += counts[i];
      lengths.push_back(length);
    }
    pack<Real>(batch.trajectories.rollout_log_probs(), rollout_);
    pack<Real>(batch.old_log_prob, old_);
    pack<Real>(batch.ref_log_prob, ref_);
    pack<Real>(batch.old_value, old_value_);
    pack<Real>(batch.advantage, advantage_);
    pack<Real>(batch.returns, returns_);
  }

  /// The objective's view of the tokens whose outputs start at `first`.
  Rows<Real> rows(std::size_t first, TokenOutputs<Real> outputs) const {
    auto const n = outputs.log_prob.size();
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
            .return_ = part(returns_)};
  }

  /// What enters the means of this micro-batch.
  Counts totals() const {
    Counts totals{.sequences = static_cast<double>(lengths.size())};
    for (auto length : lengths) totals.tokens += length;
    return totals;
  }

  std::vector<std::size_t> cu_seqlens{0};
  std::vector<std::uint32_t> lengths;
  std::vector<std::uint8_t> counts;

 private:
  template <class T>
  void pack(std::span<const T> from, std::vector<T>& to) const {
    if (from.empty()) return;
    to.reserve(cu_seqlens.back());
    for (auto s : sequences_)
      to.insert(to.end(), from.begin() + episodes_.cu_seqlens[s], from.begin() + episodes_.cu_seqlens[s + 1]);
  }

  Episodes const& episodes_;
  Sequences sequences_;
  std::vector<Real> rollout_, old_, ref_, old_value_, advantage_, returns_;
};

}  // namespace grove
