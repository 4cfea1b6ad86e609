// SPDX-License-Identifier: Apache-2.0
// The sequences that a GenerationWorker has to do with, and how long it expects them to become.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "grove/nn/cpu/generation_completion.hpp"
#include "grove/nn/cpu/generation_queue.hpp"

namespace grove::nn::cpu::detail {

/// A session that computes prompts piece by piece within a bound of pages. One that does not gets whole prompts, and
/// whoever makes it sees to its memory.
template <class Session>
concept PagedSession = requires(Session& session, typename Session::Slot slot) {
  session.open();
  session.free_pages();
  session.extend_pages(slot, std::size_t{1});
  session.fork_pages(slot);
};

/// A session that can draw tokens where its logits are, and says whether it does. What it draws is what TokenSampler
/// does, but for rounding.
template <class Session>
concept DrawingSession = requires(Session& session, std::span<typename Session::Slot const> slots,
                                  std::span<TokenId const> tokens, std::span<Draw const> draws,
                                  std::span<SampledToken> drawn) {
  session.draws();
  session.step(slots, tokens, draws, drawn);
};

/// How long completions become, from those that have ended and those that have not: the mean of an exponential
/// distribution whose later part is not seen yet.
class LengthEstimate {
 public:
  void token() { ++tokens_; }
  void end() { ++ended_; }

  /// Tokens that one of at most `limit` has at its end, if it has `sampled` now: the mean, or what it has where that is
  /// more; the most until one has ended.
  [[nodiscard]] std::size_t at_end(std::size_t sampled, std::size_t limit) const {
    return ended_ == 0 ? limit : std::clamp((tokens_ + ended_ - 1) / ended_, sampled, limit);
  }

 private:
  std::size_t tokens_ = 0;
  std::size_t ended_ = 0;
};

/// A completion that gets a token with each step.
template <class Slot>
struct ActiveSequence : RunningCompletion {
  Slot slot{};
};

/// Samples of one prompt that begin together once it is computed, or a completion that goes on once its tokens are.
template <class Slot>
struct EnteringSequence {
  GenerationUnit unit{};
  std::optional<ActiveSequence<Slot>> resumed{};
  std::optional<Slot> slot{};
  std::size_t done = 0;  ///< tokens computed

  [[nodiscard]] std::size_t request() const { return resumed ? resumed->request : unit.request; }
  [[nodiscard]] std::size_t samples() const { return resumed ? 1 : unit.count; }
  [[nodiscard]] std::size_t sampled() const { return resumed ? resumed->completion.tokens.size() : 0; }
};

/// A sequence that others go on from: a prompt whose samples are not all begun, with the logits after it; or what the
/// prompts of a family have in common, under the family's first request.
template <class Slot>
struct OpenSequence {
  std::size_t request = 0;
  Slot slot{};
  std::vector<float> logits{};
};

}  // namespace grove::nn::cpu::detail
