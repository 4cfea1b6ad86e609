// SPDX-License-Identifier: Apache-2.0
// The tensor engine against the own CPU engine (which tests/nn/cpu holds against transformers) and against
// transformers' gradients: same log-probs, entropies, sums of squares, hidden states and gradients.
#include "grove/nn/torch/decoder.hpp"

#include "decoder_support.hpp"
#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "support/catch.hpp"

using namespace grove;
using namespace grove::nn;
using cpu::test::score;
using torch::test::gradients;
using torch::test::largest_difference;
using torch::test::Pair;
using torch::test::relative_error;
using torch::test::score;

namespace {

struct Sequences {
  torch::test::Batch batch;
  float temperature = 1;

  explicit Sequences(std::string const& name) {
    auto const json = io::read_json_file((torch::test::fixtures / name / "expected.json").string());
    for (auto const& sequence : json.at("sequences")) batch.add(sequence.get<std::vector<TokenId>>());
    temperature = json.at("temperature").get<float>();
  }
};

void check_scores(cpu::test::Scores const& got, cpu::test::Scores const& want) {
  CHECK(largest_difference(got.log_prob, want.log_prob) < 1e-5);
  CHECK(largest_difference(got.entropy, want.entropy) < 1e-5);
  CHECK(largest_difference(got.sum_squares, want.sum_squares) < 1e-5);
  CHECK(largest_difference(got.hidden, want.hidden) < 1e-5);
}

template <class Variant>
void check_fixture(std::string const& name) {
  INFO(name);
  auto pair = Pair<Variant>::load(name);
  Sequences const data(name);
  check_scores(score(pair.other, data.batch, data.temperature),
               score(pair.own, data.batch, pair.workspace, data.temperature));

  auto const got = gradients(pair.other, data.batch, data.temperature, {.entropy = true});
  auto const path = (torch::test::fixtures / name / "gradients.safetensors").string();
  auto const file = io::SafetensorsFile::open(path);
  for (auto const& entry : got.entries()) {
    INFO(entry.name);
    auto const* info = file.find(entry.name);
    REQUIRE(info != nullptr);
    std::vector<float> want(entry.size);
    io::read_f32(file.ref(*info), want);
    CHECK(relative_error(got[entry.name], want) < 1e-5);
  }
}

template <class Variant>
void check_random(bool tied) {
  for (bool recompute : {true, false}) {
    // So few logits at a time that the head takes many chunks.
    Pair<Variant> pair(cpu::test::random_parameters(cpu::test::small_config<Variant>(tied)),
                       {.logits = 67 * 5, .recompute = recompute});
    auto const batch = cpu::test::random_batch(6, 40, 67);
    auto const want_scores = score(pair.own, batch, pair.workspace, 0.7F);
    check_scores(score(pair.other, batch, 0.7F), want_scores);

    HeadColumns const columns{.entropy = true, .sum_squares = true, .hidden = true};
    cpu::Parameters want(pair.parameters.config());
    pair.own.accumulate(batch.packed(), batch.head(0.7F), columns, cpu::test::fill_gradients, want, pair.workspace);
    auto const got = gradients(pair.other, batch, 0.7F, columns);
    for (auto const& entry : got.entries()) {
      INFO(entry.name);
      CHECK(relative_error(got[entry.name], want[entry.name]) < 1e-5);
    }
  }
}

}  // namespace

TEST_CASE("The tensor engine equals the CPU engine and transformers: outputs and every gradient") {
  SECTION("Qwen2, tied embeddings") { check_fixture<Qwen2>("qwen2_tied"); }
  SECTION("Qwen2, sliding window, yarn") { check_fixture<Qwen2>("qwen2_window_yarn"); }
  SECTION("Qwen3, tied embeddings, own head size") { check_fixture<Qwen3>("qwen3_tied"); }
  SECTION("Qwen3, one key head, bf16 weights") { check_fixture<Qwen3>("qwen3_untied_bf16"); }
  SECTION("Llama, llama3 rope") { check_fixture<Llama>("llama_llama3"); }
  SECTION("Llama, linear rope, biases everywhere, f16 weights") { check_fixture<Llama>("llama_linear_bias"); }
}

TEST_CASE("The tensor engine equals the CPU engine on random models, with all outputs and in chunks") {
  SECTION("Qwen2") { check_random<Qwen2>(true); }
  SECTION("Qwen3") { check_random<Qwen3>(false); }
  SECTION("Llama") { check_random<Llama>(false); }
}

TEST_CASE("Gradients of the tensor engine add up over calls and are forgotten when taken") {
  Pair<Qwen2> pair(cpu::test::random_parameters(cpu::test::small_config<Qwen2>()));
  auto const batch = cpu::test::random_batch(3, 20, 67);
  auto const once = gradients(pair.other, batch, 1, {});
  pair.other.accumulate(batch.packed(), batch.head(), {}, cpu::test::fill_gradients);
  auto const twice = gradients(pair.other, batch, 1, {});
  for (std::size_t i = 0; i < once.values().size(); ++i)
    REQUIRE(twice.values()[i] == Approx(2 * once.values()[i]).margin(1e-6));
  cpu::Parameters nothing(pair.parameters.config());
  pair.other.take_gradients(nothing);
  REQUIRE(std::ranges::all_of(nothing.values(), [](float x) { return x == 0; }));
}

TEST_CASE("A consumer that throws leaves no gradient of the tensor engine behind") {
  Pair<Llama> pair(cpu::test::random_parameters(cpu::test::small_config<Llama>()), {.recompute = false});
  auto const batch = cpu::test::random_batch(3, 20, 67);
  auto const want = gradients(pair.other, batch, 1, {});
  auto const fail = [](HeadOutputs const&, HeadGradients const&) { throw Error("consumer", "gives up"); };
  REQUIRE_THROWS_AS(pair.other.accumulate(batch.packed(), batch.head(), {}, fail), Error);
  auto const got = gradients(pair.other, batch, 1, {});
  REQUIRE(std::ranges::equal(got.values(), want.values()));
}

TEST_CASE("In bf16 the tensor engine stays near the CPU engine with the same rounded weights") {
  Pair<Qwen2> pair(cpu::test::random_parameters(cpu::test::small_config<Qwen2>(true)), {.dtype = Dtype::BF16});
  auto const batch = cpu::test::random_batch(8, 40, 67);
  auto const got = score(pair.other, batch);
  auto const want = score(pair.own, batch, pair.workspace);
  double sum = 0;
  for (std::size_t i = 0; i < got.log_prob.size(); ++i) sum += std::abs(got.log_prob[i] - want.log_prob[i]);
  double const mean = sum / static_cast<double>(got.log_prob.size());
  CHECK(mean > 1e-4);  // it does compute in bf16
  CHECK(mean < 5e-2);
  cpu::Parameters own(pair.parameters.config());
  pair.own.accumulate(batch.packed(), batch.head(), {}, cpu::test::fill_gradients, own, pair.workspace);
  CHECK(relative_error(gradients(pair.other, batch, 1, {}).values(), own.values()) < 5e-2);
}

TEST_CASE("The tensor engine says what is wrong with a batch, a model or a device") {
  Pair<Qwen2> pair(cpu::test::random_parameters(cpu::test::small_config<Qwen2>()));
  auto batch = cpu::test::random_batch(2, 9, 67);
  batch.tokens[1] = 67;
  REQUIRE_THROWS_AS(score(pair.other, batch), Error);
  REQUIRE_THROWS_AS(torch::Decoder<Qwen3>(cpu::test::small_config<Qwen2>()), Error);
  REQUIRE_THROWS_AS(torch::Decoder<Qwen2>(cpu::test::small_config<Qwen2>(), {.dtype = Dtype::F64}), Error);
  REQUIRE_THROWS_AS(pair.other.load(cpu::Parameters(cpu::test::small_config<Qwen2>(true)), 1), Error);
  if (torch::cuda_devices().empty())
    REQUIRE_THROWS_AS(torch::Decoder<Qwen2>(cpu::test::small_config<Qwen2>(), {.device = Device::Cuda}), Error);
}
