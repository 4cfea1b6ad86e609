// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grove/io/dtype.hpp"
#include "grove/io/json.hpp"
#include "grove/io/rope.hpp"
#include "grove/token_id.hpp"

namespace grove::io {

enum class Architecture : std::uint8_t { Qwen2, Qwen3, Llama };

/// What `model_type` says: "qwen2", "qwen3" or "llama".
std::string_view model_type_name(Architecture architecture);

/// Everything that `config.json` and `generation_config.json` say about a model's arithmetic and its special tokens,
/// with transformers' defaults filled in. The activation is SiLU, the norms are RMS, the MLP has no biases.
struct ModelConfig {
  Architecture architecture = Architecture::Qwen2;
  std::size_t vocab_size = 0;  ///< rows of the embedding, which may exceed the tokenizer's entries
  std::size_t hidden_size = 0;
  std::size_t intermediate_size = 0;
  std::size_t layers = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;  ///< divides heads
  std::size_t head_dim = 0;  ///< even; heads * head_dim need not be hidden_size
  std::size_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  bool tie_word_embeddings = false;
  bool qkv_bias = false;     ///< q_proj, k_proj and v_proj have biases (Qwen2 always)
  bool output_bias = false;  ///< o_proj has one (Llama and Qwen3 with attention_bias)
  bool qk_norm = false;      ///< RMS norms over head_dim on queries and keys (Qwen3)

  /// Of each layer: none attends to all earlier tokens; w attends to the last w tokens, itself included
  /// (key j is seen from query i when i - w < j <= i).
  std::vector<std::optional<std::size_t>> windows;

  Rope rope;
  std::optional<DType> dtype;  ///< that the file names: F32, BF16 or F16
  std::optional<TokenId> bos_id;
  std::vector<TokenId> eos_ids;  ///< generation_config.json's where it names any, else config.json's
  std::optional<TokenId> pad_id;

  bool operator==(ModelConfig const&) const = default;
};

/// Reads a parsed `config.json` in either spelling (rope_theta, rope_scaling, torch_dtype; or rope_parameters, dtype,
/// layer_types). A key that could change the arithmetic and is not supported is refused by name, and so is every key
/// that is not known to be harmless. Errors name `source`, the key, its value and what was expected.
/// Source: transformers 5.23, Qwen2Config, Qwen3Config, LlamaConfig.
ModelConfig parse_model_config(Json const& json, std::string const& source);

/// Reads `config.json` of a Hugging Face folder, and the special tokens of its `generation_config.json` if there is
/// one.
ModelConfig read_model_config(std::string const& folder);

/// A `config.json` in the spelling that both old and new transformers load (4.49 and 5.23 were tried).
Json model_config_json(ModelConfig const& config);

/// Writes `config.json` and `generation_config.json` (with the special tokens) into a folder, each atomically.
void write_model_config(std::string const& folder, ModelConfig const& config);

}  // namespace grove::io
