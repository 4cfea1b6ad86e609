// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>
#include <vector>

#include "grove/episodes.hpp"
#include "grove/worker_pool.hpp"

namespace grove::detail {

/// f(s) for each sequence, on `threads` threads; 0 means one for small batches, else all cores. A thread takes tens of
/// thousands of tokens at a time. No result depends on the number of threads.
template <class F>
void over_sequences(Episodes const& episodes, std::size_t threads, F const& f) {
  std::size_t const small = 1 << 17, portion = 1 << 15;
  if (threads == 0) threads = episodes.tokens() < small ? 1 : std::thread::hardware_concurrency();
  std::vector<std::size_t> begin{0};
  for (std::size_t s = 1; s < episodes.sequences(); ++s)
    if (episodes.cu_seqlens[s] - episodes.cu_seqlens[begin.back()] >= portion) begin.push_back(s);
  begin.push_back(episodes.sequences());
  auto const portions = begin.size() - 1;
  WorkerPool(std::min(threads, portions)).for_each(portions, [&](std::size_t i) {
    for (std::size_t s = begin[i + 1]; s-- > begin[i];) f(s);
  });
}

}  // namespace grove::detail
