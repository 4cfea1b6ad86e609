// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

namespace grove::detail {

/// f() on a thread of its own; none where it does not return in time. A thread cannot be stopped from outside, so a
/// late one goes on by itself and what it finds is dropped: f must own all that it reads. What f throws is thrown here.
template <class F>
std::optional<std::invoke_result_t<F>> within(std::chrono::milliseconds deadline, F f) {
  std::packaged_task<std::invoke_result_t<F>()> task(std::move(f));
  auto result = task.get_future();
  std::thread(std::move(task)).detach();
  if (result.wait_for(deadline) != std::future_status::ready) return std::nullopt;
  return result.get();
}

}  // namespace grove::detail
