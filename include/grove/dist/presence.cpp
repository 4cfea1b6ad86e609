// SPDX-License-Identifier: Apache-2.0
#include "grove/dist/presence.hpp"

#include <exception>
#include <thread>
#include <utility>

namespace grove::detail {

using std::chrono::milliseconds;

Presence::Presence(Launch launch, Board board, milliseconds deadline, Heartbeat heartbeat)
    : launch_(std::move(launch)), board_(std::move(board)), deadline_(deadline), heartbeat_(std::move(heartbeat)) {
  enter(phase_);
}

std::string Presence::seconds(milliseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

void Presence::enter(std::string_view phase) {
  phase_ = phase;
  board_.put("phase/" + std::to_string(launch_.rank), phase_);
}

void Presence::fail(std::string_view cause) noexcept {
  try {
    if (!told_) board_.put("failure/" + std::to_string(launch_.rank), "in phase " + phase_ + ": " + std::string(cause));
    told_ = true;
  } catch (std::exception const&) {  // the others see that the connection is gone
  }
}

std::string Presence::waiting(std::span<std::size_t const> members, milliseconds since) const {
  std::string text = "rank " + std::to_string(launch_.rank) + " waits in phase " + phase_ + " since " + seconds(since);
  for (auto const r : members) {
    if (r == launch_.rank) continue;
    auto const there = where(r);
    text += "; rank " + std::to_string(r) + " is in phase " + (there.empty() ? "none" : there);
  }
  return text;
}

Error Presence::lost(std::span<std::size_t const> members, std::string const& cause) {
  told_ = true;
  std::string missing;
  try {
    board_.put("lost/" + std::to_string(launch_.rank), phase_);
    auto const until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (missing = report(), missing.empty() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(milliseconds(50));
    if (missing.empty()) missing = silent(members);
  } catch (std::exception const&) {
    missing = "the store where ranks meet is gone, and with it rank 0 or the launcher";
  }
  return {"rank " + std::to_string(launch_.rank) + ", phase " + phase_, missing + " (" + cause + ")",
          "all ranks to come within " + seconds(deadline_)};
}

std::string Presence::where(std::size_t rank) const { return board_.get("phase/" + std::to_string(rank)); }

/// What a rank said before it stopped.
std::string Presence::report() const {
  std::string text;
  for (std::size_t r = 0; r < launch_.size; ++r)
    if (auto const cause = board_.get("failure/" + std::to_string(r)); !cause.empty())
      text += (text.empty() ? "rank " : "; rank ") + std::to_string(r) + " stopped " + cause;
  return text;
}

std::string Presence::silent(std::span<std::size_t const> members) const {
  std::string text;
  for (auto const r : members) {
    if (r == launch_.rank || !board_.get("lost/" + std::to_string(r)).empty()) continue;
    auto const there = where(r);
    text += (text.empty() ? "rank " : "; rank ") + std::to_string(r) + " died or hangs" +
            (there.empty() ? "" : ", last seen in phase " + there);
  }
  return text.empty() ? "the connection to another rank broke" : text;
}

}  // namespace grove::detail
