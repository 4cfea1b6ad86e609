// SPDX-License-Identifier: Apache-2.0
// Which sequences enter which optimizer step and which micro-batch of it: a value, made before the first update.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grove/episodes.hpp"
#include "grove/error.hpp"
#include "grove/random.hpp"

namespace grove {

/// What an update may take out of a batch by itself.
enum class Unit : std::uint8_t {
  Sequence,  ///< whole sequences: a token's outputs depend on those before it
  Token,     ///< single tokens: a policy that sees one observation at a time
};

/// Units whose forward and backward run together: indices of sequences, or of tokens where the policy says so.
using MicroBatch = std::vector<std::uint32_t>;

/// The micro-batches of one optimizer step.
using Minibatch = std::vector<MicroBatch>;

/// One entry an optimizer step, in the order of the steps, over all epochs.
using UpdatePlan = std::vector<Minibatch>;

/// Fills micro-batches with whole sequences up to a number of tokens. How many there are then depends on the lengths,
/// so a Local scope would make the loss depend on them; it does not compile with this.
struct TokenBudget {
  std::size_t tokens = 8192;  ///< completion tokens in a micro-batch; a longer sequence stands alone

  static constexpr bool splits_by_length = true;

  template <class U>
  std::vector<MicroBatch> operator()(U const& units, Sequences chosen) const {
    std::vector<MicroBatch> parts;
    std::size_t filled = 0;
    for (auto unit : chosen) {
      auto const length = units.length(unit);
      if (parts.empty() || filled + length > tokens) {
        parts.emplace_back();
        filled = 0;
      }
      parts.back().push_back(unit);
      filled += length;
    }
    return parts;
  }
};

/// A fixed number of sequences in each micro-batch, as TRL's per_device_train_batch_size.
struct SequencesPerMicroBatch {
  std::size_t sequences = 8;

  static constexpr bool splits_by_length = false;

  template <class U>
  std::vector<MicroBatch> operator()(U const&, Sequences all) const {
    if (sequences == 0) throw Error("SequencesPerMicroBatch", "0 sequences in a micro-batch", "at least 1");
    std::vector<MicroBatch> parts;
    for (std::size_t begin = 0; begin < all.size(); begin += sequences) {
      auto const part = all.subspan(begin, std::min(sequences, all.size() - begin));
      parts.emplace_back(part.begin(), part.end());
    }
    return parts;
  }
};

/// epochs x minibatches optimizer steps over a batch. With more than one minibatch the units are shuffled anew in each
/// epoch, by a key of (seed, step, epoch) only. A minibatch without units is left out, unless `keep_empty`: ranks that
/// train together take part in each other's updates whatever they have themselves.
template <class U, class Batching>
UpdatePlan plan_updates(U const& units, Batching const& batching, std::size_t epochs, std::size_t minibatches,
                        std::uint64_t seed, std::uint64_t step, bool keep_empty = false) {
  UpdatePlan plan;
  std::vector<std::uint32_t> order(units.size());
  for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
    std::iota(order.begin(), order.end(), 0u);
    if (minibatches > 1) {
      RandomSequence random(RandomStream({seed, Purpose::Shuffle}, step), epoch);
      shuffle(std::span(order), random);
    }
    for (std::size_t m = 0; m < minibatches; ++m) {
      auto const begin = order.size() * m / minibatches, end = order.size() * (m + 1) / minibatches;
      if (begin < end || keep_empty) plan.push_back(batching(units, Sequences(order).subspan(begin, end - begin)));
    }
  }
  return plan;
}

}  // namespace grove
