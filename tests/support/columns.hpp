// SPDX-License-Identifier: Apache-2.0
// What tests of models ask of columns of tokens.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace grove::test {

/// The numbers of all sequences of a batch.
template <class Trajectories>
std::vector<std::uint32_t> all_sequences(Trajectories const& t) {
  std::vector<std::uint32_t> sequences(t.episodes.sequences());
  std::iota(sequences.begin(), sequences.end(), 0U);
  return sequences;
}

/// Length of the difference by that of `want`; infinite where the sizes differ.
inline double relative_error(std::span<float const> got, std::span<float const> want) {
  double error = got.size() == want.size() ? 0 : HUGE_VAL;
  double norm = 0;
  for (std::size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
    error += std::pow(static_cast<double>(got[i]) - static_cast<double>(want[i]), 2);
    norm += std::pow(static_cast<double>(want[i]), 2);
  }
  return std::sqrt(error / norm);
}

}  // namespace grove::test
