// SPDX-License-Identifier: Apache-2.0
// Models, log-probs, entropies and gradients that transformers and torch wrote: tests/oracle/make_decoder_fixtures.py.
#include <cmath>
#include <filesystem>
#include <string>

#include "decoder_support.hpp"
#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "support/catch.hpp"

using namespace grove;
using namespace grove::nn::cpu;
using namespace grove::nn::cpu::test;

namespace {

std::filesystem::path const folder = std::filesystem::path(GROVE_TEST_DATA) / "decoder";

struct Expected {
  Batch batch;
  float temperature;
  std::vector<double> log_probs, entropies;

  explicit Expected(std::string const& name) {
    auto const json = io::read_json_file((folder / name / "expected.json").string());
    for (auto const& sequence : json.at("sequences")) batch.add(sequence.get<std::vector<TokenId>>());
    temperature = json.at("temperature").get<float>();
    log_probs = json.at("log_probs").get<std::vector<double>>();
    entropies = json.at("entropies").get<std::vector<double>>();
  }
};

double largest_difference(std::vector<float> const& a, std::vector<double> const& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

template <class Variant>
void check_model(std::string const& name) {
  INFO(name);
  std::string const path = (folder / name).string();
  auto const config = io::read_model_config(path);
  auto const parameters = Parameters::load(io::WeightFolder::open(path), config);
  ThreadPool pool(2);
  Workspace workspace(pool);
  Decoder<Variant> decoder(config);
  decoder.load(parameters, 1, pool);
  Expected const expected(name);

  auto const scores = score(decoder, expected.batch, workspace, expected.temperature);
  CHECK(largest_difference(scores.log_prob, expected.log_probs) < 1e-5);
  CHECK(largest_difference(scores.entropy, expected.entropies) < 1e-5);

  Parameters gradients(config);
  decoder.accumulate(expected.batch.packed(), expected.batch.head(expected.temperature), {.entropy = true},
                     fill_gradients, gradients, workspace);
  auto const file = io::SafetensorsFile::open(path + "/gradients.safetensors");
  REQUIRE(file.tensors().size() == gradients.entries().size());
  for (auto const& entry : gradients.entries()) {
    INFO(entry.name);
    auto const* info = file.find(entry.name);
    REQUIRE(info != nullptr);
    std::vector<float> want(entry.size);
    io::read_f32(file.ref(*info), want);
    auto const got = gradients[entry.name];
    double error = 0;
    double norm = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
      error += std::pow(static_cast<double>(got[i]) - want[i], 2);
      norm += std::pow(static_cast<double>(want[i]), 2);
    }
    CHECK(std::sqrt(error / norm) < 1e-5);
  }
}

}  // namespace

TEST_CASE("Decoders equal transformers: log-probs, entropies and every gradient") {
  SECTION("Qwen2, tied embeddings") { check_model<Qwen2>("qwen2_tied"); }
  SECTION("Qwen2, sliding window, yarn") { check_model<Qwen2>("qwen2_window_yarn"); }
  SECTION("Qwen3, tied embeddings, own head size") { check_model<Qwen3>("qwen3_tied"); }
  SECTION("Qwen3, one key head, bf16 weights") { check_model<Qwen3>("qwen3_untied_bf16"); }
  SECTION("Llama, llama3 rope") { check_model<Llama>("llama_llama3"); }
  SECTION("Llama, linear rope, biases everywhere, f16 weights") { check_model<Llama>("llama_linear_bias"); }
}
