// SPDX-License-Identifier: Apache-2.0
#include "model.hpp"

#include "grove/io/atomic_file.hpp"
#include "grove/io/json.hpp"
#include "grove/rollout/group_sampler.hpp"

namespace arithmetic {
namespace {

using grove::io::Json;

constexpr grove::TokenId pad = 256, end = 259;
constexpr std::array added_tokens = {"<|endoftext|>", "<|user|>", "<|assistant|>", "<|end|>",
                                     "<think>",       "</think>", "<answer>",      "</answer>"};
constexpr std::size_t special_tokens = 4;  // the first ones; text leaves them out

/// The character that byte-level BPE writes for a byte: printable Latin-1 stands for itself, the others follow from 256
/// on.
std::string byte_character(int byte) {
  auto const is_printable = [](int b) {
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
  };
  int code = byte;
  if (!is_printable(byte)) {
    code = 256;
    for (int b = 0; b < byte; ++b) code += !is_printable(b);
  }
  if (code < 128) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

Json tokenizer_json() {
  Json vocabulary = Json::object(), added = Json::array();
  for (int byte = 0; byte < 256; ++byte) vocabulary[byte_character(byte)] = byte;
  for (std::size_t i = 0; i < added_tokens.size(); ++i)
    added.push_back({{"id", 256 + i},
                     {"content", added_tokens[i]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", i < special_tokens}});
  Json const byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", vocabulary},
            {"merges", Json::array()}}}};
}

}  // namespace

std::filesystem::path default_model() { return std::filesystem::path(GROVE_EXAMPLE_DIR) / "model"; }

void write_tokenizer(std::filesystem::path const& folder) {
  Json const config = {
      {"tokenizer_class", "PreTrainedTokenizerFast"},
      {"eos_token", "<|end|>"},
      {"pad_token", "<|endoftext|>"},
      {"clean_up_tokenization_spaces", false},
      {"chat_template",
       "{% for m in messages %}{% if m['role'] == 'user' %}<|user|>{{ m['content'] }}{% else %}<|assistant|>"
       "{{ m['content'] }}<|end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"}};
  grove::io::write_file(folder / "tokenizer.json", tokenizer_json().dump(1));
  grove::io::write_file(folder / "tokenizer_config.json", config.dump(1));
}

grove::io::ModelConfig model_config() {
  grove::io::ModelConfig config;
  config.architecture = grove::io::Architecture::Qwen2;
  config.vocab_size = 256 + added_tokens.size();
  config.hidden_size = 96;
  config.intermediate_size = 256;
  config.layers = 3;
  config.heads = 3;
  config.kv_heads = 3;
  config.head_dim = 32;
  config.max_position_embeddings = 256;
  config.tie_word_embeddings = true;
  config.qkv_bias = true;
  config.windows.assign(config.layers, std::nullopt);
  config.rope.theta = 10000;
  config.eos_ids = {end};
  config.pad_id = pad;
  return config;
}

double accuracy(grove::AnyCausalLm const& policy, grove::PromptFormat const& format, std::vector<Sum> const& problems) {
  namespace cpu = grove::nn::cpu;
  std::vector<std::vector<grove::TokenId>> prompts;
  std::vector<cpu::GenerationRequest> requests;
  for (auto const& problem : problems) prompts.push_back(format.tokens(to_problem(problem, prompts.size())));
  for (std::size_t i = 0; i < prompts.size(); ++i) requests.push_back({.id = i, .prompt = prompts[i]});
  cpu::GenerationOptions const options{.sampling = {.temperature = 0},
                                       .max_tokens = max_completion_tokens,
                                       .stop_tokens = policy.config().eos_ids,
                                       .text = grove::text_streams(format.tokenizer())};
  std::size_t correct = 0;
  policy.generate(requests, options, [&](cpu::GeneratedCompletion&& generated) {
    auto const& c = generated.completion;
    correct += c.finish == grove::Finish::Stop &&
               c.text.ends_with("<answer>" + problems[generated.request].answer() + "</answer>");
  });
  return static_cast<double>(correct) / static_cast<double>(problems.size());
}

}  // namespace arithmetic
