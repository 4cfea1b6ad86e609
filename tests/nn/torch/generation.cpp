// SPDX-License-Identifier: Apache-2.0
// Cached decode on tensors: against the packed forward, against the CPU engine's completions, and how far they agree.
#include "grove/nn/torch/generation.hpp"

#include <map>
#include <numeric>

#include "decoder_support.hpp"
#include "grove/error.hpp"
#include "grove/nn/cpu/generation.hpp"
#include "grove/nn/torch/decoder_session.hpp"
#include "support/catch.hpp"

using namespace grove;
using namespace grove::nn;
using cpu::test::random_parameters;
using cpu::test::small_config;
using torch::test::Pair;

namespace {

using Completions = std::map<std::pair<std::uint64_t, std::uint32_t>, Completion>;

struct Prompts {
  std::vector<std::vector<TokenId>> tokens;
  std::vector<cpu::GenerationRequest> requests;

  Prompts(std::size_t count, std::uint32_t samples, std::size_t vocab) {
    auto const batch = cpu::test::random_batch(count, 30, vocab, 7);
    for (std::size_t i = 0; i < count; ++i) tokens.push_back(batch.sequence(i));
    for (std::size_t i = 0; i < count; ++i) requests.push_back({.id = i, .prompt = tokens[i], .samples = samples});
  }
};

template <class Variant>
Completions generate(torch::Decoder<Variant> const& decoder, Prompts const& prompts,
                     cpu::GenerationOptions const& options) {
  cpu::ThreadPool pool(1);
  Completions result;
  torch::generate(
      decoder, prompts.requests, options,
      [&](cpu::GeneratedCompletion&& g) {
        result[{g.id, g.sample}] = std::move(g.completion);
      },
      pool, 1 << 20);
  return result;
}

template <class Variant>
Completions generate(cpu::Decoder<Variant> const& decoder, Prompts const& prompts,
                     cpu::GenerationOptions const& options) {
  cpu::ThreadPool pool(1);
  Completions result;
  cpu::Generator<Variant>(decoder, pool).generate(prompts.requests, options, [&](cpu::GeneratedCompletion&& g) {
    result[{g.id, g.sample}] = std::move(g.completion);
  });
  return result;
}

/// The fixtures' sequences as prompts; each model has sequences longer than its window.
template <class Variant>
void check_greedy(std::string const& name) {
  INFO(name);
  auto pair = Pair<Variant>::load(name);
  Prompts const prompts(5, 1, pair.parameters.config().vocab_size);
  cpu::GenerationOptions const greedy{.sampling = {.temperature = 0}, .max_tokens = 40};
  auto const want = generate(pair.own, prompts, greedy);
  auto const got = generate(pair.other, prompts, greedy);
  REQUIRE(got.size() == want.size());
  for (auto const& [key, completion] : want) {
    CHECK(got.at(key).tokens == completion.tokens);
    CHECK(torch::test::largest_difference(got.at(key).log_probs, completion.log_probs) < 1e-5);
  }
}

/// Log-probs of the sampler and of the packed forward, for every sampled token.
struct Agreement {
  double mean = 0, max = 0, ratio = 0;
  std::size_t tokens = 0;
};

template <class Variant>
Agreement agreement(torch::Decoder<Variant> const& decoder, Prompts const& prompts, Completions const& completions) {
  Agreement found;
  for (auto const& [key, completion] : completions) {
    auto sequence = prompts.tokens[key.first];
    auto const first = sequence.size() - 1;
    sequence.insert(sequence.end(), completion.tokens.begin(), completion.tokens.end());
    cpu::test::Batch batch;
    batch.add(sequence);
    auto const scores = torch::test::score(decoder, batch);
    for (std::size_t i = 0; i < completion.tokens.size(); ++i) {
      double const difference = std::abs(static_cast<double>(scores.log_prob[first + i]) - completion.log_probs[i]);
      found.mean += difference;
      found.max = std::max(found.max, difference);
      found.ratio = std::max(found.ratio, std::expm1(difference));
      ++found.tokens;
    }
  }
  found.mean /= static_cast<double>(found.tokens);
  return found;
}

template <class Variant>
void check_agreement(Dtype dtype) {
  Pair<Variant> pair(random_parameters(small_config<Variant>()), {.dtype = dtype});
  Prompts const prompts(6, 4, 67);
  auto const found = agreement(pair.other, prompts, generate(pair.other, prompts, {.max_tokens = 60}));
  INFO(Variant::architecture << ", " << found.tokens << " tokens: mean |difference| " << found.mean << ", max "
                             << found.max << ", max |ratio - 1| " << found.ratio);
  CHECK(found.tokens > 1000);
  CHECK(found.ratio < (dtype == Dtype::F32 ? 3e-5 : 0.15));
  CHECK(found.mean < (dtype == Dtype::F32 ? 3e-6 : 3e-2));
}

}  // namespace

TEST_CASE("Greedy generation on tensors gives the CPU engine's completions") {
  SECTION("Qwen2, tied embeddings") { check_greedy<Qwen2>("qwen2_tied"); }
  SECTION("Qwen2, sliding window, yarn") { check_greedy<Qwen2>("qwen2_window_yarn"); }
  SECTION("Qwen3, tied embeddings, own head size") { check_greedy<Qwen3>("qwen3_tied"); }
  SECTION("Qwen3, one key head, bf16 weights") { check_greedy<Qwen3>("qwen3_untied_bf16"); }
  SECTION("Llama, llama3 rope") { check_greedy<Llama>("llama_llama3"); }
  SECTION("Llama, linear rope, biases everywhere, f16 weights") { check_greedy<Llama>("llama_linear_bias"); }
}

TEST_CASE("Sampling on tensors draws the CPU engine's tokens from the same keys, whatever runs beside them") {
  Pair<Qwen2> pair(random_parameters(small_config<Qwen2>()));
  Prompts const prompts(4, 5, 67);
  cpu::GenerationOptions options{.sampling = {.temperature = 0.9, .top_k = 30, .top_p = 0.95},
                                 .max_tokens = 30,
                                 .stop_tokens = {3},
                                 .key = {.seed = 5}};
  auto const want = generate(pair.own, prompts, options);
  for (std::size_t batch : {0, 1, 3, 7}) {
    options.batch = batch;
    auto const got = generate(pair.other, prompts, options);
    REQUIRE(got.size() == want.size());
    for (auto const& [key, completion] : want) {
      CHECK(got.at(key).tokens == completion.tokens);
      CHECK(got.at(key).finish == completion.finish);
      CHECK(torch::test::largest_difference(got.at(key).log_probs, completion.log_probs) < 1e-5);
    }
  }
}

// The figures stand in docs/design.md; `-s` prints this machine's.
TEST_CASE("Cached decode and packed forward on tensors agree within their precision") {
  for (auto dtype : {Dtype::F32, Dtype::BF16}) {
    check_agreement<Qwen2>(dtype);
    check_agreement<Qwen3>(dtype);
    check_agreement<Llama>(dtype);
  }
}

TEST_CASE("A tensor session forks, reuses slots and grows") {
  Pair<Qwen3> pair(random_parameters(small_config<Qwen3>()));
  torch::DecodeSession<Qwen3> session(pair.other);
  auto const batch = cpu::test::random_batch(3, 40, 67, 11);
  std::vector<std::uint32_t> slots(3);
  session.prefill(batch.packed(), slots, {});
  session.release(slots[0]);
  auto const fork = session.fork(slots[2]);
  REQUIRE(fork == slots[0]);
  auto sequence = batch.sequence(2);
  for (TokenId token = 0; token < 60; ++token) {  // beyond the first capacity
    std::vector<float> logits(2 * 67);
    session.step(std::vector{fork, slots[2]}, std::vector{token, TokenId{66 - token}}, logits);
    sequence.push_back(token);
  }
  REQUIRE(session.length(fork) == sequence.size());
  std::vector<float> logits(67);
  session.step(std::vector{fork}, std::vector<TokenId>{5}, logits);
  sequence.push_back(5);
  sequence.push_back(9);
  cpu::test::Batch whole;
  whole.add(sequence);
  auto const scores = torch::test::score(pair.other, whole);
  double sum = 0;
  for (float x : logits) sum += std::exp(static_cast<double>(x) - logits[9]);
  REQUIRE(-std::log(sum) == Approx(scores.log_prob.back()).margin(1e-5));
}

TEST_CASE("Generation on tensors checks its requests, passes on what the sink throws, and can be used again") {
  Pair<Qwen2> pair(random_parameters(small_config<Qwen2>()));
  Prompts prompts(2, 2, 67);
  cpu::ThreadPool pool(1);
  auto const fail = [](cpu::GeneratedCompletion&&) { throw Error("sink", "gives up"); };
  REQUIRE_THROWS_AS(torch::generate(pair.other, prompts.requests, {.max_tokens = 4}, fail, pool, 1 << 20), Error);
  REQUIRE(generate(pair.other, prompts, {.max_tokens = 4}).size() == 4);
  prompts.tokens[1][0] = 67;
  REQUIRE_THROWS_AS(generate(pair.other, prompts, {.max_tokens = 4}), Error);
  REQUIRE_THROWS_AS(generate(pair.other, prompts, {.max_tokens = 0}), Error);
}
