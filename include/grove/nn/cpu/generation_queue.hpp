// SPDX-License-Identifier: Apache-2.0
// What the threads of one `generate` call share: the prompts still to begin, and the way out for completions.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "grove/nn/cpu/generation_options.hpp"
#include "grove/nn/cpu/prompt_families.hpp"
#include "grove/nn/cpu/stop_strings.hpp"

namespace grove::nn::cpu::detail {

/// Some samples of one request, for one thread.
struct GenerationUnit {
  std::size_t request = 0;
  std::uint32_t first = 0;  ///< sample, counted from 0 whatever the request's first_sample
  std::uint32_t count = 0;
  bool last = false;  ///< no samples of this request are left
};

/// Hands out the requests in their order.
class GenerationQueue {
 public:
  explicit GenerationQueue(std::span<GenerationRequest const> requests) : requests_(requests) {}

  /// How many samples of a request, of those that are left, its taker has room for.
  using Room = std::function<std::size_t(std::size_t request, std::size_t left)>;

  /// At most `samples` samples of the next request that has any, and no more than there is room for (no function: for
  /// all of them). Nothing where that is none, and when all are handed out.
  std::optional<GenerationUnit> take(std::size_t samples, Room const& room = {});

  /// Whether all samples are handed out.
  bool empty();

 private:
  void skip_finished();

  std::span<GenerationRequest const> requests_;
  std::mutex mutex_;
  std::size_t request_ = 0;
  std::uint32_t sample_ = 0;
};

/// Passes completions on, one at a time, in the wanted order.
class GenerationOutlet {
 public:
  GenerationOutlet(std::span<GenerationRequest const> requests, Delivery delivery, GenerationSink const& sink);

  /// `sample` counts from 0.
  void deliver(std::size_t request, std::uint32_t sample, Completion&& completion);

 private:
  struct Waiting {
    std::size_t request;
    std::uint32_t sample;
    Completion completion;
  };

  void pass_on(std::size_t request, std::uint32_t sample, Completion&& completion);

  std::span<GenerationRequest const> requests_;
  Delivery delivery_;
  GenerationSink const& sink_;
  std::mutex mutex_;
  std::vector<std::size_t> offsets_;        // of each request's first sample among all
  std::size_t next_ = 0;                    // the sample that is due
  std::map<std::size_t, Waiting> waiting_;  // those that ended before their turn
};

/// One `generate` call as its workers see it.
struct GenerationJob {
  std::span<GenerationRequest const> requests;
  GenerationOptions const& options;
  StopStrings stops;
  RandomStream random;
  std::size_t context = 0;  ///< most tokens of prompt and completion
  std::size_t vocabulary = 0;
  std::uint64_t version = 0;  ///< of the policy, recorded with each token
  GenerationQueue queue;
  GenerationOutlet outlet;
  std::vector<PromptFamily> families{};  ///< of each request, where prompts share beginnings; else empty
  std::atomic<bool> failed{false};       ///< a worker threw: the others give up
};

}  // namespace grove::nn::cpu::detail
