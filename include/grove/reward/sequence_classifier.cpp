// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/sequence_classifier.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <numeric>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <variant>

#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "grove/io/model_config.hpp"
#include "grove/io/weight_folder.hpp"
#include "grove/nn/cpu/decoder.hpp"

namespace grove {
namespace {

namespace cpu = nn::cpu;
using io::Json;

constexpr char const* head_name = "score.weight";

/// The configuration of the transformer below the head: that of the language model without a vocabulary projection.
io::ModelConfig config_of(std::filesystem::path const& folder) {
  auto const source = (folder / "config.json").string();
  auto json = io::read_json_file(source);
  constexpr std::string_view ending = "ForSequenceClassification";
  auto const named = json.is_object() ? json.find("architectures") : json.end();
  if (!json.is_object() || named == json.end() || !named->is_array() || named->size() != 1 ||
      !(*named)[0].is_string() || !(*named)[0].get<std::string>().ends_with(ending))
    throw Error(source, "key \"architectures\" is " + (named == json.end() ? "missing" : io::excerpt(*named)),
                "one *" + std::string(ending) + " of Qwen2, Qwen3 or Llama");
  auto const name = (*named)[0].get<std::string>();
  (*named)[0] = name.substr(0, name.size() - ending.size()) + "ForCausalLM";
  for (auto const* key : {"id2label", "label2id", "num_labels", "problem_type"}) json.erase(key);
  json["tie_word_embeddings"] = true;
  return io::parse_model_config(json, source);
}

cpu::Parameters parameters_of(io::WeightFolder const& folder, io::ModelConfig const& config) {
  cpu::Parameters parameters(config);
  std::unordered_set<std::string_view> known = {head_name};
  for (auto const& entry : parameters.entries()) {
    known.insert(entry.name);
    io::read_f32(folder.require(entry.name, entry.shape), parameters.values().subspan(entry.offset, entry.size));
  }
  for (auto const& name : folder.names())
    if (!known.contains(name) && name != "lm_head.weight" && !name.ends_with("rotary_emb.inv_freq"))
      throw Error(folder.path(), "the tensor " + name + " is not part of this model", "a classifier of one label");
  return parameters;
}

using AnyDecoder = std::variant<cpu::Decoder<nn::Qwen2>, cpu::Decoder<nn::Qwen3>, cpu::Decoder<nn::Llama>>;

AnyDecoder decoder_of(io::ModelConfig const& config) {
  if (config.architecture == io::Architecture::Qwen2) return cpu::Decoder<nn::Qwen2>(config);
  if (config.architecture == io::Architecture::Qwen3) return cpu::Decoder<nn::Qwen3>(config);
  return cpu::Decoder<nn::Llama>(config);
}

/// The token whose state is scored.
std::size_t last_token(std::span<TokenId const> tokens, std::optional<TokenId> padding) {
  for (auto i = tokens.size(); i-- > 0;)
    if (!padding || tokens[i] != *padding) return i;
  return 0;
}

}  // namespace

struct SequenceClassifier::Model {
  Model(io::ModelConfig model_config, SequenceClassifierOptions const& chosen)
      : config(std::move(model_config)), options(chosen), pool(std::max<std::size_t>(chosen.threads, 1)) {}

  /// Scores of sequences that share a forward pass.
  void forward(std::span<std::vector<TokenId> const> sequences, std::span<float> scores) const {
    std::vector<TokenId> tokens;
    std::vector<std::size_t> cu = {0}, rows;
    for (auto const& one : sequences) {
      rows.push_back(tokens.size() + last_token(one, config.pad_id));
      tokens.insert(tokens.end(), one.begin(), one.end());
      cu.push_back(tokens.size());
    }
    std::vector<TokenId> const no_targets(rows.size());
    std::vector<float> states(rows.size() * config.hidden_size);
    std::visit(
        [&](auto const& one) {
          one.score({.tokens = tokens, .cu_seqlens = cu}, {.rows = rows, .targets = no_targets}, {.hidden = states},
                    *workspace);
        },
        *decoder);
    for (std::size_t s = 0; s < rows.size(); ++s) {
      auto const state = std::span(states).subspan(s * config.hidden_size, config.hidden_size);
      scores[s] = std::inner_product(state.begin(), state.end(), head.begin(), 0.0F);
    }
  }

  io::ModelConfig config;
  SequenceClassifierOptions options;
  std::vector<float> head;
  std::optional<AnyDecoder> decoder;
  mutable cpu::ThreadPool pool;
  mutable std::optional<cpu::Workspace> workspace;
  mutable std::mutex mutex;
};

SequenceClassifier::SequenceClassifier(std::shared_ptr<Model const> model) : model_(std::move(model)) {}

SequenceClassifier SequenceClassifier::load(std::filesystem::path const& folder, SequenceClassifierOptions options) {
  auto const weights = io::WeightFolder::open(folder.string());
  auto const model = std::make_shared<Model>(config_of(folder), options);
  model->head.resize(model->config.hidden_size);
  io::read_f32(weights.require(head_name, {1, model->config.hidden_size}), model->head);
  model->decoder.emplace(decoder_of(model->config));
  auto const parameters = parameters_of(weights, model->config);
  std::visit([&](auto& one) { one.load(parameters, 0, model->pool, cpu::Use::Inference); }, *model->decoder);
  model->workspace.emplace(model->pool);
  return SequenceClassifier(model);
}

std::vector<float> SequenceClassifier::scores(std::span<std::vector<TokenId> const> sequences) const {
  for (std::size_t s = 0; s < sequences.size(); ++s)
    if (sequences[s].empty() || sequences[s].size() > max_tokens())
      throw Error("SequenceClassifier",
                  "sequence " + std::to_string(s) + " has " + std::to_string(sequences[s].size()) + " tokens",
                  "from 1 to " + std::to_string(max_tokens()));
  std::vector<float> scores(sequences.size());
  std::scoped_lock const lock(model_->mutex);
  for (std::size_t first = 0; first < sequences.size();) {
    std::size_t last = first, tokens = 0;
    while (last < sequences.size() &&
           (last == first || tokens + sequences[last].size() <= model_->options.forward_tokens))
      tokens += sequences[last++].size();
    model_->forward(sequences.subspan(first, last - first), std::span(scores).subspan(first, last - first));
    first = last;
  }
  return scores;
}

std::size_t SequenceClassifier::max_tokens() const { return model_->config.max_position_embeddings; }

}  // namespace grove
