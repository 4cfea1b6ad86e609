// SPDX-License-Identifier: Apache-2.0
// Sequences that grow token by token over the weights of one tensor decoder: what cpu::DecodeSession is to the CPU
// engine, and GenerationWorker drives either. Logits agree with Decoder::score within rounding, not to the bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "grove/nn/torch/decoder.hpp"

namespace grove::nn::torch {

template <class Variant>
class DecodeSession {
 public:
  using Slot = std::uint32_t;

  /// The decoder's weights must not be loaded while the session lives.
  explicit DecodeSession(Decoder<Variant> const& decoder);
  ~DecodeSession();
  DecodeSession(DecodeSession&&) noexcept;
  DecodeSession& operator=(DecodeSession&&) noexcept;

  /// Opens a slot for each prompt (of at least one token). `logits[sequences, vocab]` (or empty: not wanted) become
  /// those of the token after each prompt, not scaled by any temperature.
  void prefill(PackedBatch prompts, std::span<Slot> slots, std::span<float> logits);

  /// A new sequence that goes on from `parent`'s present end.
  Slot fork(Slot parent);

  /// Appends one token to each of the slots, which are distinct.
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits);

  /// Forgets a sequence.
  void release(Slot slot);

  [[nodiscard]] std::size_t length(Slot slot) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

extern template class DecodeSession<Qwen2>;
extern template class DecodeSession<Qwen3>;
extern template class DecodeSession<Llama>;

}  // namespace grove::nn::torch
