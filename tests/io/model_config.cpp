// SPDX-License-Identifier: Apache-2.0
#include "grove/io/model_config.hpp"

#include <bit>
#include <cstdlib>
#include <fstream>

#include "io/helpers.hpp"

using namespace grove::io;
using grove::test::contains;
using grove::test::error_of;
using grove::test::TemporaryFolder;

namespace {

Json parse(std::string const& text) { return parse_json(text, "test"); }

/// A small Qwen2 configuration; `change` (JSON) replaces or adds keys.
Json small(std::string const& change = "{}") {
  Json json = parse(R"({"model_type": "qwen2", "vocab_size": 300, "hidden_size": 32, "intermediate_size": 64,
    "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2})");
  json.update(parse(change));
  return json;
}

ModelConfig config_of(std::string const& change) { return parse_model_config(small(change), "config.json"); }

std::string refusal(std::string const& change) {
  return error_of([&] { config_of(change); });
}

std::string dtype_name(DType dtype) {
  return dtype == DType::F32 ? "float32" : dtype == DType::BF16 ? "bfloat16" : "float16";
}

template <typename T>
Json json_of(std::optional<T> const& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// The facts as tests/oracle/model_configs.py lists them.
Json facts(ModelConfig const& config) {
  Json windows = Json::array();
  for (auto const& window : config.windows) windows.push_back(json_of(window));
  return {{"architecture", model_type_name(config.architecture)},
          {"vocab_size", config.vocab_size},
          {"hidden_size", config.hidden_size},
          {"intermediate_size", config.intermediate_size},
          {"layers", config.layers},
          {"heads", config.heads},
          {"kv_heads", config.kv_heads},
          {"head_dim", config.head_dim},
          {"max_position_embeddings", config.max_position_embeddings},
          {"rms_norm_eps", config.rms_norm_eps},
          {"tie_word_embeddings", config.tie_word_embeddings},
          {"qkv_bias", config.qkv_bias},
          {"output_bias", config.output_bias},
          {"windows", windows},
          {"dtype", config.dtype ? Json(dtype_name(*config.dtype)) : Json(nullptr)},
          {"bos_id", json_of(config.bos_id)},
          {"eos_ids", config.eos_ids}};
}

std::vector<Json> oracle_cases() {
  std::ifstream file(GROVE_TEST_DATA "/io/model_configs.jsonl");
  std::vector<Json> cases;
  for (std::string line; std::getline(file, line);) cases.push_back(parse(line));
  REQUIRE(cases.size() == 96);
  return cases;
}

}  // namespace

TEST_CASE("a configuration means to us what it means to transformers, in both spellings") {
  for (Json const& oracle : oracle_cases()) {
    INFO(oracle["config"].dump());
    CHECK(facts(parse_model_config(oracle["config"], "config.json")) == oracle["expected"]);
  }
}

TEST_CASE("inverse frequencies and attention scaling are transformers'") {
  std::size_t equal = 0;
  std::size_t all = 0;
  for (Json const& oracle : oracle_cases()) {
    INFO(oracle["config"].dump());
    ModelConfig const config = parse_model_config(oracle["config"], "config.json");
    CHECK(attention_scaling(config.rope) == Approx(oracle["attention_scaling"].get<double>()).epsilon(1e-15));
    std::vector<float> const inverse = inverse_frequencies(config.rope, config.head_dim);
    Json const& bits = oracle["inverse_frequencies"];
    REQUIRE(inverse.size() == bits.size());
    for (std::size_t i = 0; i < inverse.size(); ++i) {
      // torch's powf is allowed one unit in the last place; division and interpolation may carry it on.
      CHECK(std::abs(std::bit_cast<std::int32_t>(inverse[i]) - bits[i].get<std::int32_t>()) <= 2);
      equal += std::bit_cast<std::int32_t>(inverse[i]) == bits[i].get<std::int32_t>();
    }
    all += inverse.size();
  }
  WARN(equal << " of " << all << " inverse frequencies are bit-equal");
  CHECK(static_cast<double>(equal) > 0.9 * static_cast<double>(all));
}

TEST_CASE("a configuration survives being written and read") {
  TemporaryFolder folder;
  for (Json const& oracle : oracle_cases()) {
    INFO(oracle["config"].dump());
    ModelConfig const config = parse_model_config(oracle["config"], "config.json");
    write_model_config(folder.path().string(), config);
    CHECK(read_model_config(folder.path().string()) == config);
  }
  CHECK(folder.entries() == 2);
}

TEST_CASE("defaults are those of each class") {
  ModelConfig const qwen3 = parse_model_config(parse(R"({"model_type": "qwen3"})"), "x");
  CHECK(qwen3.vocab_size == 151936);
  CHECK(qwen3.head_dim == 128);
  CHECK(qwen3.qk_norm);
  CHECK(!qwen3.qkv_bias);
  CHECK(qwen3.eos_ids.empty());
  ModelConfig const llama = parse_model_config(parse(R"({"model_type": "llama"})"), "x");
  CHECK(llama.kv_heads == 32);
  CHECK(llama.max_position_embeddings == 2048);
  CHECK(llama.bos_id == 1);
  CHECK(llama.eos_ids == std::vector<grove::TokenId>{2});
  CHECK(llama.rope.theta == 10000);
  CHECK(!llama.qk_norm);
}

TEST_CASE("sliding windows fall on the layers that transformers slides") {
  using Windows = std::vector<std::optional<std::size_t>>;
  auto const windows = [](std::string const& change) { return config_of(change).windows; };
  CHECK(windows(R"({"sliding_window": 8, "max_window_layers": 2})") == Windows(4));  // switched off
  CHECK(windows(R"({"use_sliding_window": true, "sliding_window": 8, "max_window_layers": 3})") ==
        Windows{{}, {}, {}, 8});
  CHECK(windows(R"({"use_sliding_window": true, "max_window_layers": 3})") == Windows{{}, {}, {}, 4096});
  CHECK(windows(R"({"use_sliding_window": true, "sliding_window": null, "max_window_layers": 0})") == Windows(4));
  CHECK(windows(R"({"use_sliding_window": true, "sliding_window": 8, "max_window_layers": 0,
    "layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention"]})") ==
        Windows{{}, 8, {}, {}});
  CHECK(contains(
      refusal(R"({"layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention"]})"),
      "expected only \"full_attention\" without use_sliding_window"));
  CHECK(contains(refusal(R"({"layer_types": ["full_attention"]})"), "expected 4 entries, each"));
  CHECK(contains(refusal(R"({"layer_types": ["a", "a", "a", "chunked_attention"]})"), "expected 4 entries, each"));
  CHECK(contains(refusal(R"({"use_sliding_window": true, "sliding_window": 0})"), "expected an integer from 1"));
  CHECK(contains(refusal(R"({"model_type": "llama", "sliding_window": 8})"), "Llama has no sliding windows"));
  CHECK(contains(refusal(R"({"model_type": "llama", "use_sliding_window": true})"), "Llama has no sliding windows"));
}

TEST_CASE("whatever may change the arithmetic is refused by name") {
  CHECK(refusal("{}").empty());
  CHECK(refusal(R"({"use_mrope": false, "pretraining_tp": 1, "attention_dropout": 0.0, "quantization_config": null,
    "temperature": 0.6, "_name_or_path": "x", "unsloth_version": "1"})")
            .empty());
  auto const [change, message] = GENERATE(table<char const*, char const*>({
      {R"({"model_type": "mistral"})", "config.json: key \"model_type\" is \"mistral\"; expected one of \"qwen2\""},
      {R"({"model_type": null})", "key \"model_type\" is missing"},
      {R"({"architectures": ["Qwen2ForSequenceClassification"]})", "expected [\"Qwen2ForCausalLM\"]"},
      {R"({"my_scale": 2})", "key \"my_scale\" (2) is not supported; expected only keys whose effect"},
      {R"({"quantization_config": {"bits": 4}})", "key \"quantization_config\" is {\"bits\":4}; expected null"},
      {R"({"auto_map": {}})", "key \"auto_map\""},
      {R"({"hidden_act": "gelu"})", "key \"hidden_act\" is \"gelu\"; expected \"silu\""},
      {R"({"hidden_act": null})", "expected \"silu\""},
      {R"({"attention_dropout": 0.1})", "key \"attention_dropout\" is 0.1; expected 0"},
      {R"({"pretraining_tp": 2})", "expected 1"},
      {R"({"mlp_bias": true})", "key \"mlp_bias\" is true; expected false"},
      {R"({"use_mrope": true})", "key \"use_mrope\""},
      {R"({"partial_rotary_factor": 0.5})", "key \"partial_rotary_factor\""},
      {R"({"attention_bias": false})", "expected true, which Qwen2 always has"},
      {R"({"dtype": "float8"})", "key \"dtype\" is \"float8\"; expected \"float32\""},
      {R"({"torch_dtype": "int8"})", "key \"torch_dtype\""},
      {R"({"rope_scaling": {"rope_type": "dynamic", "factor": 2}})", "\"rope_type\" is \"dynamic\"; expected one of"},
      {R"({"rope_scaling": {"type": "longrope"}})", "RoPE parameters: key \"type\" is \"longrope\""},
      {R"({"rope_scaling": {"type": "linear", "factor": 2, "finetuned": true}})", "key \"finetuned\""},
      {R"({"rope_scaling": {"factor": 2}})", "expected only keys that RoPE type \"default\" has"},
      {R"({"rope_parameters": {"full_attention": {}}})", "key \"full_attention\""},
      {R"({"rope_parameters": {"rope_type": "linear", "factor": 2}, "rope_scaling": {"rope_type": "linear", "factor": 3}})",
       "expected the same as rope_parameters, or only one of them"},
      {R"({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}})", "expected 1"},
  }));
  INFO(change);
  CHECK(contains(refusal(change), message));
}

TEST_CASE("impossible values are refused") {
  auto const [change, message] = GENERATE(table<char const*, char const*>({
      {R"({"vocab_size": 0})", "key \"vocab_size\" is 0; expected an integer from 1 to 2147483647"},
      {R"({"vocab_size": null})", "expected an integer from 1"},
      {R"({"hidden_size": "a"})", "key \"hidden_size\" is \"a\""},
      {R"({"hidden_size": -1})", "expected an integer from 1"},
      {R"({"num_hidden_layers": 1000000000000})", "expected an integer from 1 to 65536"},
      {R"({"num_key_value_heads": 3})", "expected a divisor of num_attention_heads, 4"},
      {R"({"hidden_size": 33})", "key \"head_dim\" is missing; expected it, since hidden_size"},
      {R"({"head_dim": 7})", "the heads have 7 dimensions; expected an even number"},
      {R"({"head_dim": 70000})", "key \"head_dim\" is 70000"},
      {R"({"rms_norm_eps": -1})", "key \"rms_norm_eps\" is -1"},
      {R"({"tie_word_embeddings": 1})", "expected true or false"},
      {R"({"rope_theta": 0})", "key \"rope_theta\" is 0; expected a number > 1"},
      {R"({"rope_theta": null})", "expected a number"},
      {R"({"rope_scaling": {"rope_type": "linear"}})", "key \"factor\" is missing"},
      {R"({"rope_scaling": {"rope_type": "linear", "factor": 0}})", "expected a number > 0"},
      {R"({"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4}})",
       "expected more than low_freq_factor"},
      {R"({"rope_scaling": {"rope_type": "yarn"}})", "key \"factor\" is missing"},
      {R"({"rope_scaling": {"rope_type": "yarn", "factor": 2, "original_max_position_embeddings": 0}})", "integer > 0"},
      {R"({"rope_scaling": {"rope_type": "yarn", "factor": 2, "beta_fast": 1, "beta_slow": 2}})", "at least beta_slow"},
      {R"({"rope_scaling": {"rope_type": "yarn", "factor": 2, "truncate": null}})", "expected true or false"},
      {R"({"eos_token_id": 300})", "key \"eos_token_id\" is 300; expected token ids from 0 to 299"},
      {R"({"eos_token_id": [1, -1]})", "expected token ids"},
      {R"({"bos_token_id": -1})", "expected token ids"},
  }));
  INFO(change);
  CHECK(contains(refusal(change), message));
}

TEST_CASE("special tokens come from generation_config.json where it names any") {
  TemporaryFolder folder;
  folder.write("config.json", small(R"({"eos_token_id": 5, "bos_token_id": 4, "pad_token_id": -1})").dump());
  auto const read = [&] { return read_model_config(folder.path().string()); };
  CHECK(read().eos_ids == std::vector<grove::TokenId>{5});
  CHECK(!read().pad_id);
  folder.write("generation_config.json", R"({"eos_token_id": [7, 5, 7], "do_sample": true})");
  CHECK(read().eos_ids == std::vector<grove::TokenId>{7, 5});
  CHECK(read().bos_id == 4);
  folder.write("generation_config.json", R"({"bos_token_id": 9, "pad_token_id": 6})");
  CHECK(read().eos_ids == std::vector<grove::TokenId>{5});
  CHECK(read().bos_id == 9);
  CHECK(read().pad_id == 6);
  folder.write("generation_config.json", R"({"eos_token_id": 999})");
  CHECK(contains(error_of(read), "generation_config.json: key \"eos_token_id\" is 999"));
  folder.write("generation_config.json", "{");
  CHECK(contains(error_of(read), "generation_config.json:1:"));
  CHECK(contains(error_of([&] { read_model_config(folder / "none"); }), "none/config.json: cannot be opened"));
}

TEST_CASE("layers with windows of different sizes cannot be written") {
  ModelConfig config = config_of(R"({"use_sliding_window": true, "sliding_window": 8, "max_window_layers": 0})");
  config.windows[1] = 9;
  CHECK(contains(error_of([&] { model_config_json(config); }), "sliding windows of different sizes"));
}
