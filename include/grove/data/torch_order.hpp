// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "grove/error.hpp"

namespace grove::data {

/// The order in which the original run drew its problems: `torch.randperm(n)` from a CPU generator of this seed, anew
/// from the same generator each epoch, cut into chunks of the prompts of one optimizer step; the rows left over at an
/// epoch's end are not drawn (TRL 69ad852e: permutations of a sampler that drops its last chunk).
class TorchOrder {
 public:
  /// `chunk` is 12 in open-rs: 6 completions x 3 ranks x 4 accumulation steps / 6 of a group.
  TorchOrder(std::size_t n, std::uint64_t seed, std::size_t chunk)
      : n_(n), seed_(seed), chunk_(chunk), generator_(static_cast<std::uint32_t>(seed)) {
    if (chunk == 0 || n < chunk)
      throw Error("data", std::to_string(n) + " problems", "at least the " + std::to_string(chunk) + " of one step");
    if (n >= std::numeric_limits<std::uint32_t>::max() / 20)
      throw Error("data", std::to_string(n) + " problems", "fewer than 2^32 / 20, above which torch draws otherwise");
  }

  /// The row of a draw; draws count through the epochs. Going back starts the generator anew.
  std::size_t operator()(std::uint64_t draw) {
    std::uint64_t const per_epoch = n_ / chunk_ * chunk_;
    std::uint64_t const epoch = draw / per_epoch;
    if (epoch < next_epoch_ && epoch + 1 != next_epoch_) {
      generator_.seed(static_cast<std::uint32_t>(seed_));
      next_epoch_ = 0;
    }
    while (next_epoch_ <= epoch) permute();
    return order_[draw % per_epoch];
  }

 private:
  /// Fisher-Yates from the front with 32 random bits modulo what is left, as torch's CPU kernel does.
  void permute() {
    order_.resize(n_);
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    for (std::size_t i = 0; i + 1 < n_; ++i) std::swap(order_[i], order_[i + generator_() % (n_ - i)]);
    ++next_epoch_;
  }

  std::size_t n_;
  std::uint64_t seed_;
  std::size_t chunk_;
  std::mt19937 generator_;
  std::uint64_t next_epoch_ = 0;
  std::vector<std::size_t> order_;
};

}  // namespace grove::data
