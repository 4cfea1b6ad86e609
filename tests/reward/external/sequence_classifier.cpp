// SPDX-License-Identifier: Apache-2.0
// Reward models against transformers (tests/oracle/sequence_classifier.py), and folders that are none.
#include "grove/reward/sequence_classifier.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "grove/reward/model_reward.hpp"
#include "grove/reward/score_batch.hpp"
#include "reward/helpers.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using grove::SequenceClassifier;
using grove::io::Json;

namespace {

namespace fs = std::filesystem;

static_assert(grove::GroupReward<grove::ModelReward>);

fs::path folder_of(std::string const& name) { return fs::path(GROVE_TEST_DATA) / "reward" / "classifier" / name; }

std::string message_of(fs::path const& folder) {
  try {
    SequenceClassifier::load(folder);
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "nothing was thrown";
}

/// A copy of a model with another config.json.
struct Changed {
  TemporaryFolder root{"classifier"};

  fs::path with(Json const& changes) const {
    fs::create_directories(root.path);
    auto json = grove::io::read_json_file((folder_of("qwen2") / "config.json").string());
    json.update(changes);
    std::ofstream(root.path / "config.json") << json;
    fs::copy_file(folder_of("qwen2") / "model.safetensors", root.path / "model.safetensors",
                  fs::copy_options::overwrite_existing);
    return root.path;
  }
};

}  // namespace

TEST_CASE("a reward model scores as transformers does") {
  for (auto const* name : {"qwen2", "qwen3", "llama"}) {
    INFO(name);
    auto const expected = grove::io::read_json_file((folder_of(name) / "expected.json").string());
    auto const sequences = expected["sequences"].get<std::vector<std::vector<grove::TokenId>>>();
    auto const scores = SequenceClassifier::load(folder_of(name)).scores(sequences);
    REQUIRE(scores.size() == sequences.size());
    for (std::size_t i = 0; i < scores.size(); ++i)
      CHECK(static_cast<double>(scores[i]) == Approx(expected["scores"][i].get<double>()).margin(1e-4).epsilon(0));
  }
}

TEST_CASE("a score does not depend on neighbours, batches or threads") {
  auto const expected = grove::io::read_json_file((folder_of("qwen3") / "expected.json").string());
  auto const sequences = expected["sequences"].get<std::vector<std::vector<grove::TokenId>>>();
  auto const together = SequenceClassifier::load(folder_of("qwen3")).scores(sequences);
  auto const model = SequenceClassifier::load(folder_of("qwen3"), {.threads = 1, .forward_tokens = 1});
  CHECK(model.scores(sequences) == together);
  for (std::size_t i = 0; i < sequences.size(); ++i)
    CHECK(model.scores(std::vector(1, sequences[i])) == std::vector{together[i]});
  CHECK(model.scores({}).empty());
}

TEST_CASE("a reward model is a reward of groups; its scores go to their completions") {
  auto const expected = grove::io::read_json_file((folder_of("llama") / "expected.json").string());
  auto const sequences = expected["sequences"].get<std::vector<std::vector<grove::TokenId>>>();
  test::Answers answers;
  for (std::size_t i = 0; i <= sequences.size(); ++i) answers.add(test::asks("", i), test::says(""));
  grove::ModelReward const reward(
      SequenceClassifier::load(folder_of("llama")), [&](grove::Problem const& p, grove::Completion const&) {
        return p.id < sequences.size() ? sequences[p.id] : std::vector<grove::TokenId>(129, 5);
      });
  auto const matrix = grove::score_batch(reward, answers, 2);
  for (std::size_t i = 0; i < sequences.size(); ++i)
    CHECK(matrix(0, i).value() == Approx(expected["scores"][i].get<double>()).margin(1e-4));
  CHECK(matrix(0, sequences.size()) == std::nullopt);  // longer than the context
  CHECK(matrix.name(0) == "reward_model");
  CHECK_THROWS_AS(grove::ModelReward(SequenceClassifier::load(folder_of("llama")), {}), grove::Error);
}

TEST_CASE("what is no reward model is refused by name") {
  Changed const changed;
  CHECK(message_of(changed.with({{"architectures", {"Qwen2ForCausalLM"}}})).find("\"architectures\"") !=
        std::string::npos);
  CHECK(message_of(changed.with({{"architectures", {"BertForSequenceClassification"}}})) != "nothing was thrown");
  CHECK(message_of(changed.with({{"hidden_size", 32}})).find("score.weight") != std::string::npos);
  CHECK(message_of(changed.with({{"num_hidden_layers", 1}, {"layer_types", {"full_attention"}}}))
            .find("model.layers.1") != std::string::npos);
  CHECK(message_of(fs::path("/no/such/folder")) != "nothing was thrown");
  auto const model = SequenceClassifier::load(folder_of("qwen2"));
  CHECK(model.max_tokens() == 128);
  for (auto const& bad :
       {std::vector<grove::TokenId>{}, std::vector<grove::TokenId>(129, 5), std::vector<grove::TokenId>{37}})
    CHECK_THROWS_AS(model.scores(std::vector(1, bad)), grove::Error);
}
