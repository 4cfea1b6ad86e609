// SPDX-License-Identifier: Apache-2.0
// What a run tells a profile: the names of what begins and ends, and how much work a step was.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace grove {

/// Called with a name when it begins (true) and when it ends (false), properly nested, by the training thread. Must not
/// throw.
using SpanHook = std::function<void(std::string_view name, bool begins)>;

/// Tells a hook, where there is one, that something begins, and at the end of the scope that it is over.
class Span {
 public:
  Span(SpanHook const& hook, std::string_view name) : hook_(hook), name_(name) {
    if (hook_) hook_(name_, true);
  }
  ~Span() {
    if (hook_) hook_(name_, false);
  }
  Span(Span const&) = delete;
  Span& operator=(Span const&) = delete;

 private:
  SpanHook const& hook_;
  std::string_view name_;
};

/// How much this rank computed in one step.
struct StepSize {
  std::size_t sequences = 0;
  std::size_t sampled_tokens = 0;  ///< of completions
  double tokens = 0;               ///< that a forward pass over all sequences computes, prompts included
  double squared_lengths = 0;      ///< sum over sequences of their tokens squared: what attention grows with
  std::size_t scored_passes = 0;   ///< forward passes over all sequences before the first update
  std::size_t trained_passes = 0;  ///< forward and backward passes over all sequences
};

}  // namespace grove
