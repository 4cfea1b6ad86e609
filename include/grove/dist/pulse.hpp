// SPDX-License-Identifier: Apache-2.0
// Signs of life: how the ranks know of one that computes for long that it has not died.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <thread>

namespace grove::detail {

/// A thread that counts as long as its process runs, whatever the other threads do. It ends where `show` throws.
class Pulse {
 public:
  static constexpr std::chrono::milliseconds beat{200};

  /// `show` gets the count, on that thread.
  explicit Pulse(std::function<void(std::uint64_t)> show);

  /// Those that were shown.
  std::uint64_t beats() const { return beats_; }

 private:
  std::atomic<std::uint64_t> beats_ = 0;
  std::jthread thread_;  // last: it counts
};

/// What one process has seen of the others' pulses since it began to look. Time is counted in beats of its own: where
/// machine or store are too slow for these, the others' silence says nothing.
class Signs {
 public:
  /// So many own beats without one of another's are a silence.
  static constexpr std::uint64_t silence = 6;

  /// The count that a rank shows (0: none), at a beat of this process.
  void see(std::size_t rank, std::uint64_t count, std::uint64_t own);

  /// Own beats since the rank's count was seen first, or last seen to change.
  std::uint64_t since(std::size_t rank, std::uint64_t own) const;

  /// Whether its count has changed since moves were forgotten.
  bool moved(std::size_t rank) const;
  void forget_moves();

 private:
  struct Sign {
    std::uint64_t count = 0, own = 0;
    bool moved = false;
  };
  std::map<std::size_t, Sign> signs_;
};

}  // namespace grove::detail
