// SPDX-License-Identifier: Apache-2.0
#include "grove/dist/pulse.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <stop_token>
#include <utility>

namespace grove::detail {

Pulse::Pulse(std::function<void(std::uint64_t)> show)
    : thread_([this, show = std::move(show)](std::stop_token const& stop) {
        std::mutex mutex;
        std::condition_variable_any woken;
        std::unique_lock lock(mutex);
        try {
          while (!stop.stop_requested()) {
            show(beats_ + 1);
            ++beats_;
            woken.wait_for(lock, stop, beat, [] { return false; });
          }
        } catch (std::exception const&) {  // nobody can see it any more
        }
      }) {}

void Signs::see(std::size_t rank, std::uint64_t count, std::uint64_t own) {
  auto const [at, is_new] = signs_.try_emplace(rank, Sign{count, own, false});
  if (!is_new && at->second.count != count) at->second = {count, own, true};
}

std::uint64_t Signs::since(std::size_t rank, std::uint64_t own) const {
  auto const at = signs_.find(rank);
  return at == signs_.end() ? 0 : own - at->second.own;
}

bool Signs::moved(std::size_t rank) const {
  auto const at = signs_.find(rank);
  return at != signs_.end() && at->second.moved;
}

void Signs::forget_moves() {
  for (auto& [rank, sign] : signs_) sign.moved = false;
}

}  // namespace grove::detail
