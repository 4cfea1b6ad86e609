// SPDX-License-Identifier: Apache-2.0
// What every engine for decoder-only transformers is told and answers: the architectures, packed sequences, and the
// outputs of the vocabulary projection with their derivatives. Plain memory; no engine's own types.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "grove/token_id.hpp"

namespace grove::nn {

/// The architectures, described at compile time.
struct Qwen2 {
  static constexpr std::string_view architecture = "Qwen2ForCausalLM";
  static constexpr bool qkv_bias = true;  ///< q, k and v projections have biases
  static constexpr bool qk_norm = false;  ///< RMS norm of each query and key head
};
struct Qwen3 {
  static constexpr std::string_view architecture = "Qwen3ForCausalLM";
  static constexpr bool qkv_bias = false;
  static constexpr bool qk_norm = true;
};
struct Llama {
  static constexpr std::string_view architecture = "LlamaForCausalLM";
  static constexpr bool qkv_bias = false;
  static constexpr bool qk_norm = false;
};

/// Sequences packed one after another.
struct PackedBatch {
  std::span<TokenId const> tokens{};
  std::span<std::size_t const> cu_seqlens{};  ///< [sequences + 1] first token of each sequence, and the total
  std::size_t first_position = 0;             ///< rotary position of the first token of every sequence

  [[nodiscard]] std::size_t sequences() const noexcept { return cu_seqlens.empty() ? 0 : cu_seqlens.size() - 1; }
};

/// The places whose next-token distribution is wanted.
struct HeadRows {
  std::span<std::size_t const> rows{};  ///< packed token indices, ascending: the token *before* the one predicted
  std::span<TokenId const> targets{};   ///< [rows] the token whose log-prob is wanted
  float temperature = 1;
  bool bf16 = false;   ///< logits and log-probs are rounded to bf16, as where a model's head computes in it
  bool parts = false;  ///< rows are independent: the outputs of some may be handed over before others are computed
};

/// One entry a row; an empty span is not wanted. `hidden` is `[rows, hidden_size]`, after the final norm.
struct HeadOutputs {
  std::span<float> log_prob{};
  std::span<float> entropy{};
  std::span<float> sum_squares{};
  std::span<float> hidden{};
};

/// Derivatives of the loss with respect to the outputs, to be filled; all zero when handed over. A span is empty where
/// its output was not asked for.
struct HeadGradients {
  std::span<float> log_prob{};
  std::span<float> entropy{};
  std::span<float> hidden{};
};

/// Whether a pass adds the low-rank adapters that are loaded, where there are any.
enum class Adapted { Yes, No };

/// Which outputs `accumulate` computes. log_prob comes with the other two of the vocabulary; without any of the three
/// the vocabulary projection is left out.
struct HeadColumns {
  bool log_prob = true;
  bool entropy = false;
  bool sum_squares = false;
  bool hidden = false;

  [[nodiscard]] bool vocabulary() const noexcept { return log_prob || entropy || sum_squares; }
};

/// Called once a batch with the outputs of all rows, or (HeadRows::parts) for one run of rows after another; fills the
/// gradients.
using HeadFunction = std::function<void(HeadOutputs const& outputs, HeadGradients const& gradients)>;

/// Called on the way back with a layer whose weights' gradients are whole, as are those of all layers above it, of the
/// final norm and of a head of its own. Those of the embedding come last, untold.
using LayerDone = std::function<void(std::size_t layer)>;

}  // namespace grove::nn
