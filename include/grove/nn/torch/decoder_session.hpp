// SPDX-License-Identifier: Apache-2.0
// Sequences that grow token by token over the weights of one tensor decoder: what cpu::DecodeSession is to the CPU
// engine, and GenerationWorker drives either. Logits agree with Decoder::score within rounding, not to the bit.
//
// On a CUDA device, where the model's sizes have kernels (heads of 64 or 128, a hidden size that is a multiple of 8),
// keys and values lie in pages that forks share, a step is own kernels between library products, and steps of the same
// padded shape are recorded as a CUDA graph. Elsewhere it is ATen operations over one row of keys a sequence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "grove/nn/cpu/sampling.hpp"
#include "grove/nn/torch/decoder.hpp"
#include "grove/random.hpp"

namespace grove::nn::torch {

class DecodeKernels;
namespace detail {
class SessionImpl;
}

template <class Variant>
class DecodeSession {
 public:
  using Slot = std::uint32_t;

  /// The decoder's weights must not be loaded while the session lives.
  explicit DecodeSession(Decoder<Variant> const& decoder);
  /// Over pages by these kernels, which must outlive the session. Throws grove::Error where they do not take the model.
  DecodeSession(Decoder<Variant> const& decoder, DecodeKernels const& kernels);
  ~DecodeSession();
  DecodeSession(DecodeSession&&) noexcept;
  DecodeSession& operator=(DecodeSession&&) noexcept;

  /// Opens a slot for each prompt (of at least one token). `logits[sequences, vocab]` (or empty: not wanted) become
  /// those of the token after each prompt, not scaled by any temperature.
  void prefill(PackedBatch prompts, std::span<Slot> slots, std::span<float> logits);

  /// A new sequence without tokens.
  Slot open() { return open(0); }

  /// The same for pieces of prompts (each of at least one token) that go on from the present ends of `slots`, which are
  /// distinct; the pieces' `first_position` says nothing. `logits[n, vocab]` become those of the first n pieces.
  void append(PackedBatch pieces, std::span<Slot const> slots, std::span<float> logits);

  /// A new sequence that goes on from `parent`'s present end.
  Slot fork(Slot parent);

  /// Appends one token to each of the slots, which are distinct.
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits);

  /// From now on tokens can be drawn where the logits are. False where the session cannot: it then goes on as before.
  bool draw_by(cpu::SamplingOptions const& options, RandomStream const& random);
  [[nodiscard]] bool draws() const noexcept { return draws_; }

  /// The same step; what follows the tokens is drawn by the numbers at `draws`, as TokenSampler draws it, and logits
  /// stay where they are. Throws grove::Error with the place for a row that TokenSampler refuses.
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<Draw const> draws,
            std::span<cpu::SampledToken> drawn);

  /// Forgets a sequence.
  void release(Slot slot);

  [[nodiscard]] std::size_t length(Slot slot) const;

  /// A bound on pages, while no sequence is open: what would take more than are free is refused. False where the
  /// session has none; it then takes what it takes.
  bool limit(std::size_t pages);
  [[nodiscard]] std::size_t free_pages() const;
  [[nodiscard]] std::size_t extend_pages(Slot slot, std::size_t tokens) const;
  [[nodiscard]] std::size_t fork_pages(Slot slot) const;

 private:
  Slot open(std::size_t first_position);
  void check(std::span<TokenId const> tokens, std::size_t slots, std::size_t rows, std::span<float> logits) const;

  Decoder<Variant> const* decoder_;
  std::unique_ptr<DecodeKernels> kernels_;  // the device's
  std::unique_ptr<detail::SessionImpl> impl_;
  bool draws_ = false;
};

extern template class DecodeSession<Qwen2>;
extern template class DecodeSession<Qwen3>;
extern template class DecodeSession<Llama>;

}  // namespace grove::nn::torch
