// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace grove {

/// Sums of one optimizer step, added over its micro-batches; plain numbers, so that ranks can add them too.
template <std::size_t Terms, std::size_t Metrics>
struct Tally {
  std::array<double, Terms> losses{};
  std::array<double, Terms> tokens{};  ///< that each term counted
  std::array<double, Metrics> metrics{};
  double sequences = 0;  ///< the caller's to count: one without a token is in no row

  Tally& operator+=(Tally const& other) {
    for (std::size_t i = 0; i < Terms; ++i) losses[i] += other.losses[i];
    for (std::size_t i = 0; i < Terms; ++i) tokens[i] += other.tokens[i];
    for (std::size_t i = 0; i < Metrics; ++i) metrics[i] += other.metrics[i];
    sequences += other.sequences;
    return *this;
  }

  /// Sums over ranks.
  template <class C>
  void all_reduce(C& communicator) {
    communicator.all_reduce_sum(std::span(losses));
    communicator.all_reduce_sum(std::span(tokens));
    communicator.all_reduce_sum(std::span(metrics));
    communicator.all_reduce_sum(std::span(&sequences, 1));
  }

  double loss() const {
    double sum = 0;
    for (double loss : losses) sum += loss;
    return sum;
  }
};

}  // namespace grove
