// SPDX-License-Identifier: Apache-2.0
// How the caller of `generate` says, while it runs, that nobody needs the rest of a request's completions.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

namespace grove::nn::cpu {

/// For one `generate` call, whose options point to it. The completions of a request that is ended stop with their next
/// token and those that wait never begin; their places go to others. All are still delivered, with `Finish::Ended` and
/// the tokens they have. Completions of other requests stay as they are, to the bit.
class EarlyEnd {
 public:
  /// For so many requests, counted by their place.
  explicit EarlyEnd(std::size_t requests) : ended_(requests) {}

  /// From any thread and as often as one likes; the sink is the usual place.
  void end(std::size_t request) {
    if (!ended_.at(request).exchange(true)) ++count_;
  }
  [[nodiscard]] bool has_ended(std::size_t request) const { return ended_.at(request).load(); }
  /// Requests that are ended.
  [[nodiscard]] std::size_t count() const noexcept { return count_.load(); }
  [[nodiscard]] std::size_t requests() const noexcept { return ended_.size(); }

 private:
  std::vector<std::atomic<bool>> ended_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace grove::nn::cpu
