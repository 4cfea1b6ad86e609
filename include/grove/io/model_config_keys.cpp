// SPDX-License-Identifier: Apache-2.0
#include "grove/io/model_config_keys.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "grove/error.hpp"

namespace grove::io::detail {
namespace {

/// Read by model_config.cpp and below.
constexpr std::array read_keys{"architectures",
                               "attention_bias",
                               "bos_token_id",
                               "dtype",
                               "eos_token_id",
                               "head_dim",
                               "hidden_act",
                               "hidden_size",
                               "intermediate_size",
                               "layer_types",
                               "max_position_embeddings",
                               "max_window_layers",
                               "model_type",
                               "num_attention_heads",
                               "num_hidden_layers",
                               "num_key_value_heads",
                               "original_max_position_embeddings",
                               "pad_token_id",
                               "rms_norm_eps",
                               "rope_parameters",
                               "rope_scaling",
                               "rope_theta",
                               "sliding_window",
                               "tie_word_embeddings",
                               "torch_dtype",
                               "use_sliding_window",
                               "vocab_size"};

/// Known to leave the arithmetic of a causal language model alone, whatever their value: bookkeeping, initialisation,
/// classification heads, and sampling settings that old files keep in config.json.
constexpr std::array harmless_keys{"_attn_implementation",
                                   "_attn_implementation_autoset",
                                   "_commit_hash",
                                   "_name_or_path",
                                   "attn_implementation",
                                   "bad_words_ids",
                                   "begin_suppress_tokens",
                                   "cls_token_id",
                                   "decoder_start_token_id",
                                   "diversity_penalty",
                                   "do_sample",
                                   "early_stopping",
                                   "encoder_no_repeat_ngram_size",
                                   "exponential_decay_length_penalty",
                                   "finetuning_task",
                                   "forced_bos_token_id",
                                   "forced_eos_token_id",
                                   "gradient_checkpointing",
                                   "id2label",
                                   "initializer_range",
                                   "is_llama_config",
                                   "label2id",
                                   "length_penalty",
                                   "mask_token_id",
                                   "max_length",
                                   "max_sequence_length",
                                   "min_length",
                                   "name_or_path",
                                   "no_repeat_ngram_size",
                                   "num_beam_groups",
                                   "num_beams",
                                   "num_labels",
                                   "num_return_sequences",
                                   "output_attentions",
                                   "output_hidden_states",
                                   "output_scores",
                                   "prefix",
                                   "problem_type",
                                   "remove_invalid_values",
                                   "repetition_penalty",
                                   "return_dict",
                                   "return_dict_in_generate",
                                   "sep_token_id",
                                   "suppress_tokens",
                                   "task_specific_params",
                                   "temperature",
                                   "tf_legacy_loss",
                                   "tie_encoder_decoder",
                                   "tokenizer_class",
                                   "top_k",
                                   "top_p",
                                   "torchscript",
                                   "transformers_version",
                                   "typical_p",
                                   "unk_token_id",
                                   "unsloth_fixed",
                                   "unsloth_version",
                                   "use_cache"};

/// Would change the arithmetic but for this value (JSON text), which is accepted; so is null.
struct FixedKey {
  char const* key;
  char const* value;
};
constexpr std::array fixed_keys{
    FixedKey{"add_cross_attention", "false"},
    FixedKey{"attention_dropout", "0"},
    FixedKey{"chunk_size_feed_forward", "0"},
    FixedKey{"cross_attention_hidden_size", "null"},
    FixedKey{"is_decoder", "false"},
    FixedKey{"is_encoder_decoder", "false"},
    FixedKey{"mlp_bias", "false"},
    FixedKey{"partial_rotary_factor", "1"},
    FixedKey{"per_layer_config", "null"},
    FixedKey{"pretraining_tp", "1"},
    FixedKey{"pruned_heads", "{}"},
    FixedKey{"quantization_config", "null"},
    FixedKey{"rope_interleaved", "false"},
    FixedKey{"use_bfloat16", "false"},
    FixedKey{"use_mrope", "false"},
};

constexpr std::array rope_names{"default", "linear", "llama3", "yarn"};

/// Keys that a rope type reads beside rope_type, type, rope_theta and partial_rotary_factor.
std::vector<std::string_view> rope_keys(RopeType type) {
  switch (type) {
    case RopeType::Default:
      return {};
    case RopeType::Linear:
      return {"factor"};
    case RopeType::Llama3:
      return {"factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor"};
    case RopeType::Yarn:
      return {"factor",           "original_max_position_embeddings",
              "attention_factor", "beta_fast",
              "beta_slow",        "mscale",
              "mscale_all_dim",   "truncate"};
  }
  return {};
}

RopeType read_rope_type(JsonFields const& fields) {
  char const* const key = fields.find("rope_type") != nullptr ? "rope_type" : "type";  // the older spelling
  std::string const name = fields.value_or<std::string>(key, "default");
  auto const found = std::find(rope_names.begin(), rope_names.end(), name);
  if (found == rope_names.end()) fields.refuse(key, "one of \"default\", \"linear\", \"llama3\", \"yarn\"");
  return static_cast<RopeType>(found - rope_names.begin());
}

void check_rope_keys(JsonFields const& fields, RopeType type) {
  std::vector<std::string_view> known = rope_keys(type);
  known.insert(known.end(), {"rope_type", "type", "rope_theta", "partial_rotary_factor"});
  for (auto const& [key, value] : fields.object().get_ref<Json::object_t const&>())
    if (std::find(known.begin(), known.end(), key) == known.end())
      fields.refuse(key,
                    "only keys that RoPE type \"" + std::string(rope_names[static_cast<std::size_t>(type)]) + "\" has");
  if (fields.value_or("partial_rotary_factor", 1.0) != 1.0) fields.refuse("partial_rotary_factor", "1");
}

double positive(JsonFields const& fields, std::string_view key, double value) {
  if (!(value > 0) || !std::isfinite(value)) fields.refuse(key, "a number > 0");
  return value;
}

/// A number where missing, null and 0 all mean the default, as Python's `or` has it.
double positive_or(JsonFields const& fields, std::string_view key, double fallback) {
  double const value = fields.value_or(key, fallback);
  return value == 0 ? fallback : positive(fields, key, value);
}

void read_llama3(JsonFields const& fields, Rope& rope) {
  rope.factor = positive(fields, "factor", fields.required<double>("factor"));
  rope.low_freq_factor = positive(fields, "low_freq_factor", fields.required<double>("low_freq_factor"));
  rope.high_freq_factor = positive(fields, "high_freq_factor", fields.required<double>("high_freq_factor"));
  if (rope.high_freq_factor <= rope.low_freq_factor) fields.refuse("high_freq_factor", "more than low_freq_factor");
}

void read_yarn(JsonFields const& fields, std::size_t max_position_embeddings, Rope& rope) {
  if (!fields.object().contains("factor")) fields.refuse("factor", "a number > 0");
  auto const implied = static_cast<double>(max_position_embeddings) / static_cast<double>(rope.original_max);
  rope.factor = positive(fields, "factor", fields.value_or("factor", implied));
  rope.beta_fast = positive_or(fields, "beta_fast", 32);
  rope.beta_slow = positive_or(fields, "beta_slow", 1);
  if (rope.beta_fast < rope.beta_slow) fields.refuse("beta_fast", "at least beta_slow");
  auto const scale = [&](std::string_view key) {
    std::optional<double> const value = fields.optional<double>(key);
    if (value && (!(*value >= 0) || !std::isfinite(*value))) fields.refuse(key, "a number >= 0");
    return value;
  };
  rope.attention_factor = scale("attention_factor");
  rope.mscale = scale("mscale");
  rope.mscale_all_dim = scale("mscale_all_dim");
  if (fields.object().contains("truncate")) rope.truncate = fields.required<bool>("truncate");
}

/// The object that holds the parameters. Where both spellings stand, transformers takes rope_scaling; they must agree.
Json const* rope_object(JsonFields const& fields) {
  Json const* const old_spelling = fields.find("rope_scaling");
  Json const* const new_spelling = fields.find("rope_parameters");
  if (old_spelling != nullptr && new_spelling != nullptr && *old_spelling != *new_spelling)
    fields.refuse("rope_scaling", "the same as rope_parameters, or only one of them");
  return old_spelling != nullptr ? old_spelling : new_spelling;
}

}  // namespace

std::string_view causal_lm_name(Architecture architecture) {
  constexpr std::array<std::string_view, 3> names{"Qwen2ForCausalLM", "Qwen3ForCausalLM", "LlamaForCausalLM"};
  return names[static_cast<std::size_t>(architecture)];
}

void check_model_keys(JsonFields const& fields) {
  auto const listed = [](auto const& list, std::string const& key) {
    return std::find(list.begin(), list.end(), key) != list.end();
  };
  for (auto const& member : fields.object().items()) {
    std::string const& key = member.key();
    if (listed(read_keys, key) || listed(harmless_keys, key)) continue;
    auto const has_key = [&](FixedKey const& fixed) { return fixed.key == key; };
    auto const fixed = std::find_if(fixed_keys.begin(), fixed_keys.end(), has_key);
    if (fixed == fixed_keys.end())
      throw Error(fields.where(), "key " + excerpt(Json(key)) + " (" + excerpt(member.value()) + ") is not supported",
                  "only keys whose effect on the model is known", "remove it if the model does not depend on it");
    if (!member.value().is_null() && member.value() != Json::parse(fixed->value)) fields.refuse(key, fixed->value);
  }
}

Rope read_rope(JsonFields const& fields, std::size_t max_position_embeddings) {
  Json const empty = Json::object();
  Json const* const object = rope_object(fields);
  JsonFields const rope_fields(object == nullptr ? empty : *object, fields.where() + ": RoPE parameters");
  Rope rope;
  rope.type = read_rope_type(rope_fields);
  check_rope_keys(rope_fields, rope.type);

  JsonFields const& theta = rope_fields.object().contains("rope_theta") ? rope_fields : fields;
  if (theta.object().contains("rope_theta")) rope.theta = theta.required<double>("rope_theta");
  if (!(rope.theta > 1) || !std::isfinite(rope.theta)) theta.refuse("rope_theta", "a number > 1");

  if (rope.type == RopeType::Llama3 || rope.type == RopeType::Yarn) {
    char const* const key = "original_max_position_embeddings";
    JsonFields const& original = fields.find(key) != nullptr ? fields : rope_fields;  // the outer one goes first
    if (rope_fields.object().contains(key) && rope_fields.find(key) == nullptr)
      rope_fields.refuse(key, "an integer > 0");
    rope.original_max = original.value_or(key, max_position_embeddings);
    if (rope.original_max == 0 || rope.original_max > std::size_t{1} << 31) original.refuse(key, "an integer > 0");
  }
  if (rope.type == RopeType::Linear)
    rope.factor = positive(rope_fields, "factor", rope_fields.required<double>("factor"));
  if (rope.type == RopeType::Llama3) read_llama3(rope_fields, rope);
  if (rope.type == RopeType::Yarn) read_yarn(rope_fields, max_position_embeddings, rope);
  return rope;
}

}  // namespace grove::io::detail
