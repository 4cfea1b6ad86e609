// SPDX-License-Identifier: Apache-2.0
#include "grove/io/model_config.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>

#include "grove/error.hpp"
#include "grove/io/model_config_keys.hpp"

namespace grove::io {
namespace {

constexpr std::array<std::string_view, 3> type_names{"qwen2", "qwen3", "llama"};

/// The defaults in which the three configuration classes differ.
struct ClassDefaults {
  std::size_t vocab_size, intermediate_size, max_position_embeddings;
  std::optional<std::size_t> kv_heads, head_dim;
  std::optional<std::int64_t> bos, eos;
};

ClassDefaults defaults_of(Architecture architecture) {
  switch (architecture) {
    case Architecture::Qwen2:
      return {151936, 22016, 32768, 32, {}, {}, {}};
    case Architecture::Qwen3:
      return {151936, 22016, 32768, 32, 128, {}, {}};
    case Architecture::Llama:
      return {32000, 11008, 2048, {}, {}, 1, 2};
  }
  return {};
}

/// Reads keys as transformers' strict configuration classes do: a missing key has its default, a null is an error
/// unless the class allows it.
class Reader {
 public:
  Reader(Json const& json, std::string const& source) : fields_(json, source) {}

  JsonFields const& fields() const { return fields_; }
  bool has(std::string_view key) const { return fields_.object().contains(key); }
  bool is_null(std::string_view key) const { return has(key) && fields_.find(key) == nullptr; }

  std::size_t size(std::string_view key, std::size_t fallback, std::size_t most) const {
    std::string const expected = "an integer from 1 to " + std::to_string(most);
    Json const* const value = fields_.find(key);
    if (is_null(key) || (value != nullptr && !value->is_number_unsigned())) fields_.refuse(key, expected);
    std::size_t const size = value == nullptr ? fallback : value->get<std::size_t>();
    if (size < 1 || size > most) fields_.refuse(key, expected);
    return size;
  }

  bool flag(std::string_view key, bool fallback) const {
    if (is_null(key)) fields_.refuse(key, "true or false");
    return fields_.value_or(key, fallback);
  }

 private:
  JsonFields fields_;
};

constexpr std::size_t most_elements = std::size_t{1} << 31;
constexpr std::size_t most_layers = std::size_t{1} << 16;
constexpr std::size_t most_head_dim = std::size_t{1} << 16;

/// The strings of a list; an entry of another type counts as empty, which no list expects.
std::vector<std::string> strings_of(Json const& list) {
  std::vector<std::string> strings;
  for (Json const& entry : list) strings.push_back(entry.is_string() ? entry.get<std::string>() : "");
  return strings;
}

Architecture read_architecture(JsonFields const& fields) {
  std::string const type = fields.required<std::string>("model_type");
  auto const found = std::find(type_names.begin(), type_names.end(), type);
  if (found == type_names.end()) fields.refuse("model_type", "one of \"qwen2\", \"qwen3\", \"llama\"");
  auto const architecture = static_cast<Architecture>(found - type_names.begin());
  std::string const expected(detail::causal_lm_name(architecture));
  if (Json const* const list = fields.find("architectures"))
    if (!list->is_array() || strings_of(*list) != std::vector{expected})
      fields.refuse("architectures", "[\"" + expected + "\"]");
  return architecture;
}

void read_sizes(Reader const& reader, ClassDefaults const& defaults, ModelConfig& config) {
  JsonFields const& fields = reader.fields();
  config.vocab_size = reader.size("vocab_size", defaults.vocab_size, std::numeric_limits<TokenId>::max());
  config.hidden_size = reader.size("hidden_size", 4096, most_elements);
  config.intermediate_size = reader.size("intermediate_size", defaults.intermediate_size, most_elements);
  config.layers = reader.size("num_hidden_layers", 32, most_layers);
  config.heads = reader.size("num_attention_heads", 32, most_elements);
  config.max_position_embeddings =
      reader.size("max_position_embeddings", defaults.max_position_embeddings, most_elements);

  bool const as_heads = reader.is_null("num_key_value_heads") || !defaults.kv_heads;
  config.kv_heads =
      reader.is_null("num_key_value_heads")
          ? config.heads
          : reader.size("num_key_value_heads", as_heads ? config.heads : *defaults.kv_heads, most_elements);
  if (config.heads % config.kv_heads != 0)
    throw Error(fields.where(),
                "key \"num_key_value_heads\" is " + std::to_string(config.kv_heads) +
                    (reader.has("num_key_value_heads") ? "" : " (the default of a missing key)"),
                "a divisor of num_attention_heads, " + std::to_string(config.heads));

  bool const derived = !defaults.head_dim && fields.find("head_dim") == nullptr;
  if (derived && config.hidden_size % config.heads != 0)
    fields.refuse("head_dim", "it, since hidden_size is no multiple of num_attention_heads");
  config.head_dim = derived ? config.hidden_size / config.heads
                            : reader.size("head_dim", defaults.head_dim.value_or(0), most_head_dim);
  if (config.head_dim % 2 != 0 || config.head_dim > most_head_dim)
    throw Error(fields.where(), "the heads have " + std::to_string(config.head_dim) + " dimensions",
                "an even number up to " + std::to_string(most_head_dim), "see head_dim");
}

void read_biases(Reader const& reader, ModelConfig& config) {
  if (config.architecture == Architecture::Qwen2) {
    config.qkv_bias = true;
    if (!reader.flag("attention_bias", true)) reader.fields().refuse("attention_bias", "true, which Qwen2 always has");
  } else {
    config.qkv_bias = config.output_bias = reader.flag("attention_bias", false);
  }
  config.qk_norm = config.architecture == Architecture::Qwen3;
}

/// Which layers slide: `layer_types` where given, else those from max_window_layers on.
std::vector<bool> sliding_layers(Reader const& reader, std::size_t layers, bool use_window) {
  JsonFields const& fields = reader.fields();
  std::vector<bool> sliding(layers, false);
  if (Json const* const types = fields.find("layer_types")) {
    std::string const expected = std::to_string(layers) + " entries, each \"full_attention\" or \"sliding_attention\"";
    if (!types->is_array() || types->size() != layers) fields.refuse("layer_types", expected);
    std::vector<std::string> const names = strings_of(*types);
    for (std::size_t i = 0; i < layers; ++i) {
      sliding[i] = names[i] == "sliding_attention";
      if (!sliding[i] && names[i] != "full_attention") fields.refuse("layer_types", expected);
    }
    if (!use_window && std::find(sliding.begin(), sliding.end(), true) != sliding.end())
      fields.refuse("layer_types", "only \"full_attention\" without use_sliding_window and a sliding_window");
    return sliding;
  }
  if (reader.is_null("max_window_layers")) fields.refuse("max_window_layers", "an integer >= 0");
  std::size_t const first = std::min(fields.value_or<std::size_t>("max_window_layers", 28), layers);
  if (use_window) std::fill(sliding.begin() + static_cast<std::ptrdiff_t>(first), sliding.end(), true);
  return sliding;
}

void read_windows(Reader const& reader, ModelConfig& config) {
  bool use_window = reader.flag("use_sliding_window", false);
  if (config.architecture == Architecture::Llama) {
    if (use_window) reader.fields().refuse("use_sliding_window", "false: Llama has no sliding windows");
    if (reader.fields().find("sliding_window") != nullptr)
      reader.fields().refuse("sliding_window", "null: Llama has no sliding windows");
  }
  if (reader.is_null("sliding_window")) use_window = false;
  std::size_t const window = use_window ? reader.size("sliding_window", 4096, most_elements) : 0;
  config.windows.resize(config.layers);
  std::vector<bool> const sliding = sliding_layers(reader, config.layers, use_window);
  for (std::size_t i = 0; i < config.layers; ++i)
    if (sliding[i]) config.windows[i] = window;
}

std::optional<DType> read_dtype(JsonFields const& fields) {
  char const* const key = fields.find("dtype") != nullptr ? "dtype" : "torch_dtype";
  std::optional<std::string> const name = fields.optional<std::string>(key);
  if (!name) return std::nullopt;
  if (*name == "float32") return DType::F32;
  if (*name == "bfloat16") return DType::BF16;
  if (*name == "float16") return DType::F16;
  fields.refuse(key, "\"float32\", \"bfloat16\" or \"float16\"");
}

TokenId token_of(JsonFields const& fields, std::string_view key, Json const& value, std::size_t vocab_size) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= vocab_size)
    fields.refuse(key, "token ids from 0 to " + std::to_string(vocab_size - 1));
  return value.get<TokenId>();
}

std::optional<TokenId> read_token(JsonFields const& fields, std::string_view key, std::size_t vocab_size) {
  Json const* const value = fields.find(key);
  if (value == nullptr) return std::nullopt;
  return token_of(fields, key, *value, vocab_size);
}

/// One id or a list of them, each once.
std::vector<TokenId> read_tokens(JsonFields const& fields, std::string_view key, std::size_t vocab_size) {
  std::vector<TokenId> ids;
  Json const* const value = fields.find(key);
  if (value == nullptr) return ids;
  auto const add = [&](Json const& entry) {
    TokenId const id = token_of(fields, key, entry, vocab_size);
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  };
  if (value->is_array()) {
    for (Json const& entry : *value) add(entry);
  } else {
    add(*value);
  }
  return ids;
}

/// Nothing pads here, and published files name ids outside the vocabulary (-1): those count as none.
std::optional<TokenId> read_padding(JsonFields const& fields, std::size_t vocab_size) {
  Json const* const value = fields.find("pad_token_id");
  if (value == nullptr || !value->is_number_unsigned() || value->get<std::uint64_t>() >= vocab_size)
    return std::nullopt;
  return value->get<TokenId>();
}

void read_special_tokens(Reader const& reader, ClassDefaults const& defaults, ModelConfig& config) {
  JsonFields const& fields = reader.fields();
  auto const in_range = [&](std::int64_t id) { return static_cast<std::size_t>(id) < config.vocab_size; };
  config.bos_id = read_token(fields, "bos_token_id", config.vocab_size);
  if (!reader.has("bos_token_id") && defaults.bos && in_range(*defaults.bos))
    config.bos_id = static_cast<TokenId>(*defaults.bos);
  config.eos_ids = read_tokens(fields, "eos_token_id", config.vocab_size);
  if (!reader.has("eos_token_id") && defaults.eos && in_range(*defaults.eos))
    config.eos_ids = {static_cast<TokenId>(*defaults.eos)};
  config.pad_id = read_padding(fields, config.vocab_size);
}

}  // namespace

std::string_view model_type_name(Architecture architecture) {
  return type_names[static_cast<std::size_t>(architecture)];
}

ModelConfig parse_model_config(Json const& json, std::string const& source) {
  Reader const reader(json, source);
  JsonFields const& fields = reader.fields();
  ModelConfig config;
  config.architecture = read_architecture(fields);
  detail::check_model_keys(fields);
  ClassDefaults const defaults = defaults_of(config.architecture);
  read_sizes(reader, defaults, config);
  read_biases(reader, config);
  if (reader.has("hidden_act") && fields.optional<std::string>("hidden_act") != "silu")
    fields.refuse("hidden_act", "\"silu\"");
  config.tie_word_embeddings = reader.flag("tie_word_embeddings", false);
  config.rms_norm_eps = reader.has("rms_norm_eps") ? fields.required<double>("rms_norm_eps") : 1e-6;
  if (!(config.rms_norm_eps >= 0) || !std::isfinite(config.rms_norm_eps))
    fields.refuse("rms_norm_eps", "a number >= 0");
  read_windows(reader, config);
  config.rope = detail::read_rope(fields, config.max_position_embeddings);
  config.dtype = read_dtype(fields);
  read_special_tokens(reader, defaults, config);
  return config;
}

ModelConfig read_model_config(std::string const& folder) {
  JsonLimits const limits{.depth = 64, .bytes = std::size_t{1} << 26};
  auto const file = [&](char const* name) { return (std::filesystem::path(folder) / name).string(); };
  std::string const path = file("config.json");
  ModelConfig config = parse_model_config(read_json_file(path, limits), path);

  std::string const generation = file("generation_config.json");
  std::error_code ignored;
  if (!std::filesystem::exists(generation, ignored)) return config;
  Json const json = read_json_file(generation, limits);
  JsonFields const fields(json, generation);
  std::vector<TokenId> eos = read_tokens(fields, "eos_token_id", config.vocab_size);
  if (!eos.empty()) config.eos_ids = std::move(eos);
  if (auto const bos = read_token(fields, "bos_token_id", config.vocab_size)) config.bos_id = bos;
  if (auto const pad = read_padding(fields, config.vocab_size)) config.pad_id = pad;
  return config;
}

}  // namespace grove::io
