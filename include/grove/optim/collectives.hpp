// SPDX-License-Identifier: Apache-2.0
// Sums and copies of equal pieces over ranks, in the order of the ranks. A communicator that can move single pieces
// does; through any other one whole arrays are added up.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/optim/device_memory.hpp"

namespace grove {

/// Ranks that hand each other equal pieces of memory.
template <class C>
concept MovesPieces = Communicator<C> && requires(C& c, std::span<const std::byte> from, std::span<std::byte> to) {
  { c.all_to_all(from, to) } -> std::same_as<void>;  // piece r of `from` to rank r; piece r of `to` is rank r's
  { c.all_gather(from, to) } -> std::same_as<void>;  // every rank's `from`, one after the other
};

/// That do so while the caller goes on; what is returned waits for the end, until which `memory` keeps both.
template <class C>
concept MovesPiecesBehind = MovesPieces<C> &&
    requires(C& c, std::span<const std::byte> from, std::span<std::byte> to, std::shared_ptr<void> const& memory) {
  { c.begin_all_to_all(from, to, memory) } -> std::convertible_to<std::function<void()>>;
};

/// That move a device's memory as well, where they reach it, named as the last argument.
template <class C>
concept MovesDevicePieces = MovesPieces<C> &&
    requires(C& c, std::span<const std::byte> from, std::span<std::byte> to, std::shared_ptr<void> const& memory,
             DeviceMemory const& device) {
  { c.reaches(device) } -> std::same_as<bool>;
  { c.begin_all_to_all(from, to, memory, &device) } -> std::convertible_to<std::function<void()>>;
  { c.all_gather(from, to, &device) } -> std::same_as<void>;
};

namespace detail {

/// Adds to `mine` the sum of the ranks' pieces, made in double in the order of the ranks and rounded once, so that
/// every number depends on what was added alone.
template <std::floating_point T>
void add_pieces(std::span<T const> pieces, std::span<T> mine) {
  auto const n = mine.size();
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t at = i; at < pieces.size(); at += n) sum += static_cast<double>(pieces[at]);
    mine[i] += static_cast<T>(sum);
  }
}

}  // namespace detail

/// Begins to send every rank its piece of `values` [size() pieces]. Returns what waits for the others' and adds the sum
/// of this rank's pieces to an array of one piece. Over ranks that cannot move pieces behind the caller, the waiting
/// comes first.
template <std::floating_point T, Communicator C>
std::function<void(std::span<T> mine)> begin_reduce_scatter(C& ranks, std::vector<T> values) {
  struct Pieces {
    std::vector<T> from, to;
  };
  auto const pieces = std::make_shared<Pieces>();
  pieces->from = std::move(values);
  if constexpr (MovesPieces<C>) {
    pieces->to.resize(pieces->from.size());
    auto const from = std::as_bytes(std::span(pieces->from));
    auto const to = std::as_writable_bytes(std::span(pieces->to));
    std::function<void()> wait;
    if constexpr (MovesPiecesBehind<C>)
      wait = ranks.begin_all_to_all(from, to, pieces);
    else
      ranks.all_to_all(from, to);
    return [pieces, wait](std::span<T> mine) {
      if (wait) wait();
      detail::add_pieces<T>(pieces->to, mine);
    };
  } else {
    std::vector<double> sums(pieces->from.begin(), pieces->from.end());
    ranks.all_reduce_sum(sums);
    auto const first = ranks.rank() * (sums.size() / ranks.size());
    return [sums = std::move(sums), first](std::span<T> mine) {
      for (std::size_t i = 0; i < mine.size(); ++i) mine[i] += static_cast<T>(sums[first + i]);
    };
  }
}

/// The same for numbers on a device. Where ranks do not reach it they go by way of the host; the sums are the same
/// bits.
template <Communicator C>
std::function<void(DeviceArray<float> const& mine)> begin_reduce_scatter(C& ranks, DeviceArray<float> const& values) {
  if constexpr (MovesDevicePieces<C>) {
    if (ranks.reaches(values.device())) {
      struct Pieces {
        DeviceArray<float> from, to;
      };
      auto const pieces = std::make_shared<Pieces>();
      pieces->to = DeviceArray<float>(values.device(), values.size());
      pieces->from = values;
      auto const wait =
          ranks.begin_all_to_all(pieces->from.bytes(), pieces->to.bytes(), pieces, &pieces->from.device());
      return [pieces, wait, count = ranks.size()](DeviceArray<float> const& mine) {
        wait();
        mine.device().add_pieces(pieces->to.data(), count, mine.data(), mine.size());
      };
    }
  }
  return [add = begin_reduce_scatter<float>(ranks, values.read())](DeviceArray<float> const& mine) {
    std::vector<float> sum(mine.size());
    add(sum);
    DeviceArray<float> const there(mine.device(), sum.size());
    there.write(sum);
    mine.device().add_pieces(there.data(), 1, mine.data(), mine.size());
  };
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

template <Communicator C, class T>
void all_gather(C& ranks, DeviceArray<T> const& mine, DeviceArray<T> const& all) {
  if constexpr (MovesDevicePieces<C>)
    if (ranks.reaches(mine.device())) return ranks.all_gather(mine.bytes(), all.bytes(), &mine.device());
  auto const from = mine.read();
  std::vector<T> to(all.size());
  all_gather(ranks, std::as_bytes(std::span(from)), std::as_writable_bytes(std::span(to)));
  all.write(to);
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
