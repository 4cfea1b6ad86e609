// SPDX-License-Identifier: Apache-2.0
// Objectives of large batches of columns, on several threads.
#pragma once

#include <concepts>
#include <cstddef>
#include <vector>

#include "grove/columns.hpp"
#include "grove/objective/rows.hpp"
#include "grove/worker_pool.hpp"

namespace grove {

/// `objective.evaluate` on the threads of a pool. Each takes whole sequences, tens of thousands of tokens at a time;
/// the sums of these portions are added in their order, so that no number depends on how many threads there are. Every
/// row must be of a sequence of `rows.cu_seqlens` that begins and ends in the rows.
template <class O, std::floating_point T>
void evaluate(O const& objective, Rows<T> const& rows, typename O::denominators_type const& denominators,
              TokenGradients<T> gradients, typename O::tally_type& tally, WorkerPool& pool) {
  constexpr std::size_t portion = 1 << 15;
  std::vector<std::size_t> borders{0};
  for (auto const end : rows.cu_seqlens)
    if (end >= rows.first + borders.back() + portion) borders.push_back(end - rows.first);
  if (borders.back() < rows.counts.size()) borders.push_back(rows.counts.size());
  std::vector<typename O::tally_type> tallies(borders.size() - 1);
  pool.for_each(tallies.size(), [&](std::size_t i) {
    auto const begin = borders[i], end = borders[i + 1];
    objective.evaluate(rows.part(begin, end), denominators, gradients.part(begin, end), tallies[i]);
  });
  for (auto const& one : tallies) tally += one;
}

}  // namespace grove
