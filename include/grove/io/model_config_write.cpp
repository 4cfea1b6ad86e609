// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"
#include "grove/io/model_config.hpp"
#include "grove/io/model_config_keys.hpp"

namespace grove::io {
namespace {

Json token_json(std::optional<TokenId> id) { return id ? Json(*id) : Json(nullptr); }

/// None as null, one as a number, several as a list: what transformers writes.
Json tokens_json(std::vector<TokenId> const& ids) {
  if (ids.empty()) return nullptr;
  return ids.size() == 1 ? Json(ids[0]) : Json(ids);
}

Json rope_json(Rope const& rope) {
  switch (rope.type) {
    case RopeType::Default:
      return nullptr;
    case RopeType::Linear:
      return {{"rope_type", "linear"}, {"factor", rope.factor}};
    case RopeType::Llama3:
      return {{"rope_type", "llama3"},
              {"factor", rope.factor},
              {"low_freq_factor", rope.low_freq_factor},
              {"high_freq_factor", rope.high_freq_factor},
              {"original_max_position_embeddings", rope.original_max}};
    case RopeType::Yarn:
      break;
  }
  Json json{{"rope_type", "yarn"},
            {"factor", rope.factor},
            {"original_max_position_embeddings", rope.original_max},
            {"beta_fast", rope.beta_fast},
            {"beta_slow", rope.beta_slow}};
  if (rope.attention_factor) json["attention_factor"] = *rope.attention_factor;
  if (rope.mscale) json["mscale"] = *rope.mscale;
  if (rope.mscale_all_dim) json["mscale_all_dim"] = *rope.mscale_all_dim;
  if (!rope.truncate) json["truncate"] = false;
  return json;
}

/// Old transformers knows only "from this layer on", new ones take the list: the list is written where it is needed.
void add_windows(ModelConfig const& config, Json& json) {
  auto const is_sliding = [](auto const& window) { return window.has_value(); };
  auto const first = std::find_if(config.windows.begin(), config.windows.end(), is_sliding);
  bool const any = first != config.windows.end();
  for (auto const& window : config.windows)
    if (window && *window != **first)
      throw Error("config.json", "the layers have sliding windows of different sizes",
                  "one size, all that the file can say");
  json["use_sliding_window"] = any;
  json["sliding_window"] = any ? Json(**first) : Json(nullptr);
  json["max_window_layers"] = static_cast<std::size_t>(first - config.windows.begin());
  if (std::all_of(first, config.windows.end(), is_sliding)) return;
  Json types = Json::array();
  for (auto const& window : config.windows) types.push_back(window ? "sliding_attention" : "full_attention");
  json["layer_types"] = std::move(types);
}

}  // namespace

Json model_config_json(ModelConfig const& config) {
  bool const qwen2 = config.architecture == Architecture::Qwen2;
  Json json{{"architectures", {detail::causal_lm_name(config.architecture)}},
            {"model_type", model_type_name(config.architecture)},
            {"vocab_size", config.vocab_size},
            {"hidden_size", config.hidden_size},
            {"intermediate_size", config.intermediate_size},
            {"num_hidden_layers", config.layers},
            {"num_attention_heads", config.heads},
            {"num_key_value_heads", config.kv_heads}};
  bool const derived = config.head_dim * config.heads == config.hidden_size;
  if (config.architecture == Architecture::Qwen3 || !derived) json["head_dim"] = config.head_dim;
  json["hidden_act"] = "silu";
  json["max_position_embeddings"] = config.max_position_embeddings;
  json["rms_norm_eps"] = config.rms_norm_eps;
  json["tie_word_embeddings"] = config.tie_word_embeddings;
  if (!qwen2) json["attention_bias"] = config.qkv_bias;
  if (config.architecture == Architecture::Llama) json["mlp_bias"] = false;
  json["attention_dropout"] = 0.0;
  json["rope_theta"] = config.rope.theta;
  json["rope_scaling"] = rope_json(config.rope);
  if (config.architecture != Architecture::Llama) add_windows(config, json);
  json["bos_token_id"] = token_json(config.bos_id);
  json["eos_token_id"] = tokens_json(config.eos_ids);
  json["pad_token_id"] = token_json(config.pad_id);
  json["use_cache"] = true;
  if (config.dtype)
    json["torch_dtype"] = *config.dtype == DType::BF16  ? "bfloat16"
                          : *config.dtype == DType::F16 ? "float16"
                                                        : "float32";
  return json;
}

void write_model_config(std::string const& folder, ModelConfig const& config) {
  std::filesystem::path const path(folder);
  write_file(path / "config.json", model_config_json(config).dump(2) + "\n");
  Json generation = Json::object();
  if (config.bos_id) generation["bos_token_id"] = *config.bos_id;
  if (!config.eos_ids.empty()) generation["eos_token_id"] = tokens_json(config.eos_ids);
  if (config.pad_id) generation["pad_token_id"] = *config.pad_id;
  write_file(path / "generation_config.json", generation.dump(2) + "\n");
}

}  // namespace grove::io
