// SPDX-License-Identifier: Apache-2.0
#include "grove/dist/presence.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <thread>
#include <utility>

namespace grove::detail {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

/// After a rank is missed: for the others to say why they stopped, or that they miss someone, too, and to see who gives
/// signs of life. Launchers end all a few seconds after one has failed, and by then the message must be out.
constexpr milliseconds patience{1500};
/// The same where a whole deadline has passed, in which signs were looked for already.
constexpr milliseconds patience_when_late{1000};

/// What c10d says where a deadline has passed.
bool is_late(std::string const& cause) {
  return cause.find("imed out") != std::string::npos || cause.find("imeout") != std::string::npos;
}

void append(std::string& list, std::string const& text) { list.append(list.empty() ? "" : "; ").append(text); }

std::string number(std::size_t rank) { return "rank " + std::to_string(rank); }

}  // namespace

Presence::Presence(Launch launch, Board board, Board beside, milliseconds deadline, Heartbeat heartbeat)
    : launch_(std::move(launch)), board_(std::move(board)), deadline_(deadline), heartbeat_(std::move(heartbeat)) {
  enter(phase_);
  pulse_ = std::make_unique<Pulse>(
      [put = std::move(beside.put), name = mine("alive")](std::uint64_t count) { put(name, std::to_string(count)); });
}

Presence::~Presence() {
  pulse_.reset();
  if (told_) return;
  try {
    board_.put(mine("left"), phase_);
    if (launch_.rank == 0 && !launch_.store_is_there) await_others();
  } catch (std::exception const&) {  // the others see that the connection is gone
  }
}

/// Their pulses would complain of a board that is gone.
void Presence::await_others() const {
  auto const until = Clock::now() + patience;
  for (std::size_t r = 1; r < launch_.size; ++r)
    while (of("left", r).empty() && of("failure", r).empty() && of("lost", r).empty() && Clock::now() < until)
      std::this_thread::sleep_for(milliseconds(5));
}

std::string Presence::seconds(milliseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

std::string Presence::key(std::string_view what, std::size_t rank) {
  return std::string(what).append("/").append(std::to_string(rank));
}

void Presence::enter(std::string_view phase) {
  phase_ = phase;
  board_.put(mine("phase"), phase_);
}

void Presence::fail(std::string_view cause) noexcept {
  try {
    if (!told_) board_.put(mine("failure"), "in phase " + phase_ + ": " + std::string(cause));
    told_ = true;
  } catch (std::exception const&) {  // the others see that the connection is gone
  }
}

std::string Presence::waiting(std::span<std::size_t const> members, milliseconds since) const {
  std::string text = number(launch_.rank) + " waits in phase " + phase_ + " since " + seconds(since);
  for (auto const r : members) {
    if (r == launch_.rank) continue;
    auto const there = of("phase", r);
    append(text, number(r) + " is in phase " + (there.empty() ? "none" : there));
  }
  return text;
}

void Presence::look(Signs& signs) const {
  for (std::size_t r = 0; r < launch_.size; ++r) {
    auto const text = r == launch_.rank ? "" : of("alive", r);
    std::uint64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    signs.see(r, count, pulse_->beats());
  }
}

Error Presence::lost(std::span<std::size_t const> members, std::string const& cause, Signs signs) {
  told_ = true;
  std::string missing;
  try {
    bool late = is_late(cause);
    board_.put(mine("lost"), late ? "late" : "broken");
    auto const until = Clock::now() + (late ? patience_when_late : patience);
    look(signs);
    signs.forget_moves();
    for (; missing = report(), missing.empty(); look(signs)) {
      if (is_told(members, signs) || Clock::now() >= until) break;
      std::this_thread::sleep_for(milliseconds(50));
    }
    // One that gives up breaks the connections of the others that wait.
    for (auto const r : members) late = late || of("lost", r) == "late";
    if (missing.empty()) missing = gone(members, signs);
    if (missing.empty()) missing = not_come(members, signs, late);
  } catch (std::exception const&) {
    missing = "the store where ranks meet is gone, and with it rank 0 or the launcher";
  }
  return {number(launch_.rank) + ", phase " + phase_, missing + " (" + cause + ")",
          "all ranks to come within " + seconds(deadline_)};
}

std::string Presence::last_seen(std::size_t rank) const {
  auto const there = of("phase", rank);
  return there.empty() ? "" : ", last seen in phase " + there;
}

bool Presence::is_silent(std::size_t rank, Signs const& signs) const {
  return rank != launch_.rank && signs.since(rank, pulse_->beats()) >= Signs::silence && of("left", rank).empty();
}

/// Whether nothing more is to be learnt of any member, and of at least one that it is gone.
bool Presence::is_told(std::span<std::size_t const> members, Signs const& signs) const {
  return !gone(members, signs).empty() && std::ranges::all_of(members, [&](std::size_t r) {
    return r == launch_.rank || !of("lost", r).empty() || !of("left", r).empty() || is_silent(r, signs);
  });
}

/// What a rank said before it stopped.
std::string Presence::report() const {
  std::string text;
  for (std::size_t r = 0; r < launch_.size; ++r)
    if (auto const cause = of("failure", r); !cause.empty()) append(text, number(r) + " stopped " + cause);
  return text;
}

/// Those that ended while they were waited for, and those anywhere that give no sign of life.
std::string Presence::gone(std::span<std::size_t const> members, Signs const& signs) const {
  std::string text;
  for (auto const r : members)
    if (r != launch_.rank && !of("left", r).empty()) append(text, number(r) + " ended" + last_seen(r));
  for (std::size_t r = 0; r < launch_.size; ++r)
    if (is_silent(r, signs) && of("lost", r).empty())
      append(text, number(r) + " died or hangs" + last_seen(r) + ", no sign of life for " +
                       seconds(Pulse::beat * signs.since(r, pulse_->beats())));
  return text;
}

std::string Presence::not_come(std::span<std::size_t const> members, Signs const& signs, bool late) const {
  std::string text;
  for (auto const r : members) {
    if (r == launch_.rank || !of("lost", r).empty()) continue;
    append(text, signs.moved(r) ? number(r) + (late ? " lives and did not come" : " lives") + last_seen(r)
                                : "whether " + number(r) + " lives is not known" + last_seen(r));
  }
  if (late) return text.empty() ? "all ranks came, and what they exchange did not" : text;
  return "the connection to another rank broke, and whose end that was is not known" +
         (text.empty() ? "" : ": " + text);
}

Wait::Wait(Presence& presence, std::span<std::size_t const> members)
    : presence_(presence),
      members_(members),
      between_looks_(std::clamp<milliseconds>(presence.deadline() / 10, Pulse::beat, std::chrono::seconds(10))),
      next_look_(between_looks_),
      next_line_(presence.heartbeat().every) {}

milliseconds Wait::waited() const { return std::chrono::duration_cast<milliseconds>(Clock::now() - begin_); }

milliseconds Wait::pause() const {
  auto const next = presence_.heartbeat().every.count() > 0 ? std::min(next_line_, next_look_) : next_look_;
  return std::max(next - waited(), milliseconds(1));
}

void Wait::goes_on() {
  auto const since = waited();
  if (since >= next_look_) {
    presence_.look(signs_);
    next_look_ = since + between_looks_;
  }
  auto const& heartbeat = presence_.heartbeat();
  if (heartbeat.every.count() == 0 || since < next_line_) return;
  heartbeat.tell(presence_.waiting(members_, since));
  next_line_ += heartbeat.every;
}

}  // namespace grove::detail
