// SPDX-License-Identifier: Apache-2.0
// What the processes of a group tell each other of themselves, so that an error can say who is missing.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "grove/dist/launch.hpp"
#include "grove/dist/process_group.hpp"
#include "grove/error.hpp"

namespace grove::detail {

/// Texts under keys that all ranks see.
struct Board {
  std::function<void(std::string const& key, std::string_view text)> put{};
  std::function<std::string(std::string const& key)> get{};  ///< nothing where there is none; does not wait
};

/// Where this process is, why it stopped, that it misses someone; and the same of the others. Shared by the groups that
/// it is in.
class Presence {
 public:
  Presence(Launch launch, Board board, std::chrono::milliseconds deadline, Heartbeat heartbeat);

  Launch const& launch() const { return launch_; }
  std::chrono::milliseconds deadline() const { return deadline_; }
  Heartbeat const& heartbeat() const { return heartbeat_; }
  /// Whether the others know that this process stops.
  bool told() const { return told_; }

  void enter(std::string_view phase);
  void fail(std::string_view cause) noexcept;

  /// The heartbeat's line for one that waits for these ranks.
  std::string waiting(std::span<std::size_t const> members, std::chrono::milliseconds since) const;

  /// What became of the others. Those that lost someone too say so here, so who is silent is the one that is missing.
  Error lost(std::span<std::size_t const> members, std::string const& cause);

  static std::string seconds(std::chrono::milliseconds time);

 private:
  std::string where(std::size_t rank) const;
  std::string report() const;
  std::string silent(std::span<std::size_t const> members) const;

  Launch launch_;
  Board board_;
  std::chrono::milliseconds deadline_;
  Heartbeat heartbeat_;
  std::string phase_ = "start";
  bool told_ = false;
};

}  // namespace grove::detail
