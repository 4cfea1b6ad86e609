// SPDX-License-Identifier: Apache-2.0
// The ranks of several processes, over c10d's Gloo. Nothing of c10d shows here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "grove/concepts.hpp"
#include "grove/dist/launch.hpp"

namespace grove {

/// A Communicator. Copies are the same group. Sums are added in an order that depends on the number of ranks alone, and
/// every rank gets the same bits.
///
/// Each wait has a name (the phase) and a deadline. Where it fails, the Error says which rank is missing, in which
/// phase it was last seen, and what it said of itself.
class ProcessGroup {
 public:
  /// A single process, whose collectives are nothing.
  ProcessGroup() = default;

  /// Meets the other ranks. Throws Error where they do not come within the deadline.
  explicit ProcessGroup(Launch const& launch, std::chrono::milliseconds deadline = std::chrono::minutes(10));

  std::size_t rank() const;
  std::size_t size() const;
  std::chrono::milliseconds deadline() const;

  /// Replaces each number by its sum over the ranks.
  void all_reduce_sum(std::span<double> values);

  /// Replaces the bytes by those of one rank.
  void broadcast(std::span<std::byte> bytes, std::size_t from = 0);

  /// What this rank does from now on, for the messages of all.
  void phase(std::string_view name);

  /// Tells the others why this rank stops.
  void fail(std::string_view cause) noexcept;

 private:
  class Group;
  std::shared_ptr<Group> group_;
};
static_assert(Communicator<ProcessGroup>);

/// The store where the ranks of a launcher of one's own meet; it lives as long as this does.
class RankStore {
 public:
  RankStore();
  ~RankStore();
  RankStore(RankStore const&) = delete;
  RankStore& operator=(RankStore const&) = delete;

  std::uint16_t port() const;

 private:
  class Store;
  std::unique_ptr<Store> store_;
};

}  // namespace grove
