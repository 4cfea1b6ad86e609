// SPDX-License-Identifier: Apache-2.0
// Sums and copies of equal pieces over ranks, in the order of the ranks. A communicator that can move single pieces
// does; through any other one whole arrays are added up.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "grove/concepts.hpp"

namespace grove {

/// Ranks that hand each other equal pieces of memory.
template <class C>
concept MovesPieces = Communicator<C> && requires(C& c, std::span<const std::byte> from, std::span<std::byte> to) {
  { c.all_to_all(from, to) } -> std::same_as<void>;  // piece r of `from` to rank r; piece r of `to` is rank r's
  { c.all_gather(from, to) } -> std::same_as<void>;  // every rank's `from`, one after the other
};

/// Piece `rank()` of the sum of every rank's `values`: [size() pieces] -> [one piece]. Added up in double in the order
/// of the ranks and rounded once, so that every number depends on what was added alone.
template <Communicator C, std::floating_point T>
void reduce_scatter(C& ranks, std::span<T const> values, std::span<T> mine) {
  auto const n = mine.size();
  if constexpr (MovesPieces<C>) {
    std::vector<T> pieces(values.size());
    ranks.all_to_all(std::as_bytes(values), std::as_writable_bytes(std::span(pieces)));
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::size_t r = 0; r < ranks.size(); ++r) sum += static_cast<double>(pieces[r * n + i]);
      mine[i] = static_cast<T>(sum);
    }
  } else {
    std::vector<double> sums(values.begin(), values.end());
    ranks.all_reduce_sum(sums);
    for (std::size_t i = 0; i < n; ++i) mine[i] = static_cast<T>(sums[ranks.rank() * n + i]);
  }
}

/// Every rank's piece on every rank: [one piece] -> [size() pieces].
template <Communicator C>
void all_gather(C& ranks, std::span<std::byte const> mine, std::span<std::byte> all) {
  if constexpr (MovesPieces<C>) {
    ranks.all_gather(mine, all);
  } else {
    std::vector<double> sums(all.size());  // small integers, and zero from all ranks but one: exact
    for (std::size_t i = 0; i < mine.size(); ++i) sums[ranks.rank() * mine.size() + i] = static_cast<double>(mine[i]);
    ranks.all_reduce_sum(sums);
    std::ranges::transform(sums, all.begin(), [](double x) { return static_cast<std::byte>(x); });
  }
}

/// One number of each rank, on every rank.
template <Communicator C>
std::vector<double> gathered(C& ranks, double mine) {
  std::vector<double> all(ranks.size());
  all[ranks.rank()] = mine;
  ranks.all_reduce_sum(all);
  return all;
}

/// Every rank's text on every rank.
template <Communicator C>
std::vector<std::string> gathered_texts(C& ranks, std::string const& mine) {
  std::vector<std::size_t> sizes;
  for (double const size : gathered(ranks, static_cast<double>(mine.size())))
    sizes.push_back(static_cast<std::size_t>(size));
  auto const longest = *std::ranges::max_element(sizes);
  std::vector<std::byte> padded(longest), all(longest * ranks.size());
  std::memcpy(padded.data(), mine.data(), mine.size());
  all_gather(ranks, padded, all);
  std::vector<std::string> texts;
  for (std::size_t r = 0; r < sizes.size(); ++r)
    texts.emplace_back(reinterpret_cast<char const*>(all.data()) + r * longest, sizes[r]);
  return texts;
}

/// Rank 0's text on every rank.
template <Communicator C>
std::string text_of_first(C& ranks, std::string const& mine) {
  return gathered_texts(ranks, ranks.rank() == 0 ? mine : "").front();
}

}  // namespace grove
