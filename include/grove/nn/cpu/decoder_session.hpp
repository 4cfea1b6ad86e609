// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "grove/nn/cpu/decoder.hpp"
#include "grove/nn/cpu/decoder_rows.hpp"
#include "grove/nn/cpu/kv_cache.hpp"

namespace grove::nn::cpu {

/// Sequences that grow token by token over the weights of one decoder. Logits have the bits that Decoder::score works
/// with, whatever else is in the session, however often it was forked and however many threads share a step.
///
/// Two ways to use several threads: one session a thread, each with sequences of its own (many sequences; no waiting at
/// all), or one session whose pool shares the columns of every product (few sequences). A session is for one thread at
/// a time; several may use the same decoder, whose weights must not be loaded meanwhile.
template <class Variant>
class DecodeSession {
 public:
  using Slot = KvCache::Slot;

  /// `pool` shares the work of each call; null: the calling thread does it alone.
  explicit DecodeSession(Decoder<Variant> const& decoder, ThreadPool* pool = nullptr);

  /// Computes the keys and values of prompts (each of at least one token) and opens a slot for each: slots[sequences].
  /// `logits[sequences, vocab]` (or empty: not wanted) become those of the token after each prompt. Throws grove::Error
  /// for a token outside the vocabulary and spans that do not fit together; nothing has changed then.
  void prefill(PackedBatch prompts, std::span<Slot> slots, std::span<float> logits);

  /// A new sequence without tokens.
  Slot open() { return cache_.open(); }

  /// The same for pieces of prompts (each of at least one token) that go on from the present ends of `slots`, which are
  /// distinct; the pieces' `first_position` says nothing. `logits[n, vocab]` become those of the first n pieces.
  void append(PackedBatch pieces, std::span<Slot const> slots, std::span<float> logits);

  /// A new sequence that goes on from `parent`'s present end; shares its pages. Its next logits are its parent's.
  Slot fork(Slot parent) { return cache_.fork(parent); }

  /// Appends one token to each of the slots: `logits[n, vocab]` (or empty) become those of the token after it, not
  /// scaled by any temperature. A slot that is named twice gets both tokens, in order. Throws as prefill does.
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits);

  /// Forgets a sequence.
  void release(Slot slot) { cache_.close(slot); }

  /// Gives the memory of keys and values back where no sequence is left and it is more than `keep` bytes.
  void trim(std::size_t keep) { cache_.trim(keep); }

  /// A bound on keys and values, as KvCache has it: what would take more pages than are free is refused.
  void limit(std::size_t pages) { cache_.limit(pages); }
  [[nodiscard]] std::size_t free_pages() const noexcept { return cache_.free_pages(); }
  [[nodiscard]] std::size_t extend_pages(Slot slot, std::size_t tokens) const {
    return cache_.extend_pages(slot, tokens);
  }
  [[nodiscard]] std::size_t fork_pages(Slot slot) const { return cache_.fork_pages(slot); }

  /// Tokens in the sequence so far.
  [[nodiscard]] std::size_t length(Slot slot) const { return cache_.length(slot); }

  [[nodiscard]] KvCache const& cache() const noexcept { return cache_; }

 private:
  /// One row of a call: where it goes in the cache.
  struct Place {
    Slot slot = 0;
    std::size_t index = 0;  ///< in the sequence
    std::size_t position = 0;
  };

  void run_pieces(PackedBatch pieces, std::span<Slot const> slots, std::span<float> logits);
  void check(std::span<TokenId const> tokens, std::size_t rows, std::span<float> logits) const;
  [[nodiscard]] detail::RowTile make_tile(std::span<Place const> places);
  float const* run_tile(std::span<TokenId const> tokens, std::span<Place const> places);
  void project_head(float const* x, std::size_t rows, float* logits);
  [[nodiscard]] std::size_t tile_rows() const noexcept;

  Decoder<Variant> const* decoder_;
  detail::Threads threads_;
  KvCache cache_;
  detail::RowScratch scratch_;
  std::vector<Place> places_;
  std::vector<float> last_;  // hidden rows of the prompts' last tokens
};

extern template class DecodeSession<Qwen2>;
extern template class DecodeSession<Qwen3>;
extern template class DecodeSession<Llama>;

}  // namespace grove::nn::cpu
