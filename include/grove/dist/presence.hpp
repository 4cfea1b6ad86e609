// SPDX-License-Identifier: Apache-2.0
// What the processes of a group tell each other of themselves, so that an error can say who is missing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "grove/dist/launch.hpp"
#include "grove/dist/process_group.hpp"
#include "grove/dist/pulse.hpp"
#include "grove/error.hpp"

namespace grove::detail {

/// Texts under keys that all ranks see.
struct Board {
  std::function<void(std::string const& key, std::string_view text)> put{};
  std::function<std::string(std::string const& key)> get{};  ///< nothing where there is none; does not wait
};

/// Where this process is, that it lives, why it stopped, that it misses someone; and the same of the others. Shared by
/// the groups that it is in.
class Presence {
 public:
  /// `beside` is the same board over a connection of its own: for the pulse, which waits for nobody.
  Presence(Launch launch, Board board, Board beside, std::chrono::milliseconds deadline, Heartbeat heartbeat);
  /// Says that this process needs the others no more. One that keeps the board waits a moment for them to say so.
  ~Presence();
  Presence(Presence const&) = delete;
  Presence& operator=(Presence const&) = delete;

  Launch const& launch() const { return launch_; }
  std::chrono::milliseconds deadline() const { return deadline_; }
  Heartbeat const& heartbeat() const { return heartbeat_; }
  /// Whether the others know that this process stops.
  bool told() const { return told_; }

  void enter(std::string_view phase);
  void fail(std::string_view cause) noexcept;

  /// The heartbeat's line for one that waits for these ranks.
  std::string waiting(std::span<std::size_t const> members, std::chrono::milliseconds since) const;

  /// Looks for signs of life of all ranks.
  void look(Signs& signs) const;

  /// What became of the others, after a wait for these that saw `signs`. Who lost someone too says so here. Of the rest
  /// only a rank that ended or that gave no sign of life while this one did counts as gone; where there is none, the
  /// message says who lives and of whom it is not known.
  Error lost(std::span<std::size_t const> members, std::string const& cause, Signs signs = {});

  static std::string seconds(std::chrono::milliseconds time);

 private:
  std::string mine(std::string_view what) const { return key(what, launch_.rank); }
  static std::string key(std::string_view what, std::size_t rank);
  std::string of(std::string_view what, std::size_t rank) const { return board_.get(key(what, rank)); }
  std::string last_seen(std::size_t rank) const;
  bool is_silent(std::size_t rank, Signs const& signs) const;
  bool is_told(std::span<std::size_t const> members, Signs const& signs) const;
  std::string report() const;
  std::string gone(std::span<std::size_t const> members, Signs const& signs) const;
  std::string not_come(std::span<std::size_t const> members, Signs const& signs, bool late) const;
  void await_others() const;

  Launch launch_;
  Board board_;
  std::chrono::milliseconds deadline_;
  Heartbeat heartbeat_;
  std::string phase_ = "start";
  bool told_ = false;
  std::unique_ptr<Pulse> pulse_;
};

/// One wait for others. The caller waits `pause()` at a time and calls `goes_on()` in between, which tells the
/// heartbeat and looks for signs of life.
class Wait {
 public:
  Wait(Presence& presence, std::span<std::size_t const> members);

  std::chrono::milliseconds pause() const;
  void goes_on();
  bool is_over() const { return waited() > presence_.deadline(); }
  Error lost(std::string const& cause) { return presence_.lost(members_, cause, std::move(signs_)); }

 private:
  std::chrono::milliseconds waited() const;

  Presence& presence_;
  std::span<std::size_t const> members_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::milliseconds between_looks_, next_look_, next_line_;
  Signs signs_;
};

}  // namespace grove::detail
