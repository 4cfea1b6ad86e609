// SPDX-License-Identifier: Apache-2.0
// The ranks of several processes, over c10d: Gloo for what the host has, NCCL for what CUDA devices have. Nothing of
// c10d shows here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "grove/dist/launch.hpp"
#include "grove/optim/collectives.hpp"
#include "grove/optim/device_memory.hpp"

namespace grove {

/// What a rank says while it waits for the others.
struct Heartbeat {
  std::chrono::milliseconds every{0};  ///< 0: it says nothing
  /// Gets one line: who waits in which phase for whom, and where those are.
  std::function<void(std::string const&)> tell{};
};

/// A Communicator. Copies are the same group. Sums are added in an order that depends on the number of ranks alone, and
/// every rank gets the same bits.
///
/// Where a `device` is named, the bytes lie in its memory, which `reaches` has said yes to.
///
/// Each wait has a name (the phase) and a deadline. Where it fails, the Error says which rank is missing, in which
/// phase it was last seen, and what it said of itself.
class ProcessGroup {
 public:
  /// A single process, whose collectives are nothing.
  ProcessGroup() = default;

  /// Meets the other ranks. Throws Error where they do not come within the deadline. Where a CUDA build sees several
  /// devices, the calling thread takes the one of its local rank.
  explicit ProcessGroup(Launch const& launch, std::chrono::milliseconds deadline = std::chrono::minutes(10),
                        Heartbeat heartbeat = {});

  /// A group of some of the ranks, in this order; each of them asks for it with the same name. Messages go on naming
  /// ranks by their numbers in the whole.
  ProcessGroup subgroup(std::string const& name, std::span<std::size_t const> members) const;

  std::size_t rank() const;
  std::size_t size() const;
  std::chrono::milliseconds deadline() const;

  /// Replaces each number by its sum over the ranks.
  void all_reduce_sum(std::span<double> values);

  /// Whether ranks can move this memory without a copy on the host: CUDA's where NCCL was compiled in, and tensors on
  /// the CPU. The same on all ranks of one program.
  bool reaches(DeviceMemory const& device) const;

  /// Replaces the bytes by those of one rank.
  void broadcast(std::span<std::byte> bytes, std::size_t from = 0, DeviceMemory const* device = nullptr);

  /// `from` and `to` hold one piece of the same size for each rank: piece r of `from` goes to rank r, piece r of `to`
  /// is rank r's.
  void all_to_all(std::span<const std::byte> from, std::span<std::byte> to);

  /// The same behind what the caller does next: returns what waits for its end. `memory` owns both and is kept till
  /// then.
  std::function<void()> begin_all_to_all(std::span<const std::byte> from, std::span<std::byte> to,
                                         std::shared_ptr<void> const& memory, DeviceMemory const* device = nullptr);

  /// Every rank's bytes, as many of each, one after the other.
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all, DeviceMemory const* device = nullptr);

  /// What this rank does from now on, for the messages of all.
  void phase(std::string_view name);

  /// Tells the others why this rank stops.
  void fail(std::string_view cause) noexcept;

 private:
  class Group;
  explicit ProcessGroup(std::shared_ptr<Group> group) : group_(std::move(group)) {}
  std::shared_ptr<Group> group_;
};
static_assert(MovesPiecesBehind<ProcessGroup>);
static_assert(MovesDevicePieces<ProcessGroup>);

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
