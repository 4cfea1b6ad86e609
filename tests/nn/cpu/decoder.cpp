// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/decoder.hpp"

#include <cmath>
#include <string>

#include "decoder_support.hpp"
#include "grove/error.hpp"
#include "support/catch.hpp"

using namespace grove;
using namespace grove::nn::cpu;
using namespace grove::nn::cpu::test;
using Catch::Matchers::Contains;

namespace {

template <class Variant>
struct Model {
  explicit Model(bool tied = false, std::size_t threads = 2)
      : config(small_config<Variant>(tied)), parameters(random_parameters(config)), pool(threads), decoder(config) {
    decoder.load(parameters, 1, pool);
  }
  io::ModelConfig config;
  Parameters parameters;
  ThreadPool pool;
  Decoder<Variant> decoder;
};

std::vector<float> values(Parameters const& parameters) {
  return {parameters.values().begin(), parameters.values().end()};
}

// Gradients of all columns, in `parts` consecutive calls. `independent`: as HeadRows::parts.
template <class Variant>
std::vector<float> gradients(Model<Variant> const& model, Batch const& batch, std::size_t threads,
                             std::size_t parts = 1, WorkspaceOptions options = {}, bool independent = false) {
  ThreadPool pool(threads);
  Workspace workspace(pool, options);
  Parameters sum(model.config);
  std::size_t const sequences = batch.starts.size() - 1;
  std::size_t row = 0;
  for (std::size_t part = 0; part < parts; ++part) {
    Batch some;
    for (std::size_t s = sequences * part / parts; s < sequences * (part + 1) / parts; ++s) some.add(batch.sequence(s));
    auto const f = [&](HeadOutputs const& outputs, HeadGradients const& g) {
      for (std::size_t i = 0; i < outputs.log_prob.size(); ++i, ++row) {
        g.log_prob[i] = std::sin(static_cast<float>(row));
        g.entropy[i] = std::cos(static_cast<float>(row));
        for (std::size_t j = 0; j < model.config.hidden_size; ++j) {
          g.hidden[i * model.config.hidden_size + j] = 0.01F * std::sin(static_cast<float>(row + j));
        }
      }
    };
    auto rows = some.head(0.8F);
    rows.parts = independent;
    model.decoder.accumulate(some.packed(), rows, {.entropy = true, .hidden = true}, f, sum, workspace);
  }
  return values(sum);
}

}  // namespace

TEMPLATE_TEST_CASE("Scores have the same bits alone, among others, and on any number of threads", "", Qwen2, Qwen3,
                   Llama) {
  Model<TestType> const model;
  auto const batch = random_batch(300, 60, model.config.vocab_size);
  ThreadPool one(1);
  ThreadPool three(3);
  Workspace alone(one);
  Workspace among(three);
  auto const all = score(model.decoder, batch, among, 0.9F);
  CHECK(all == score(model.decoder, batch, alone, 0.9F));
  std::size_t row = 0;
  for (std::size_t s = 0; s < 300; ++s) {
    Batch single;
    single.add(batch.sequence(s));
    if (s % 7 == 0 && !single.rows.empty()) {
      auto const own = score(model.decoder, single, alone, 0.9F);
      for (std::size_t i = 0; i < single.rows.size(); ++i) {
        REQUIRE(own.log_prob[i] == all.log_prob[row + i]);
        REQUIRE(own.entropy[i] == all.entropy[row + i]);
        REQUIRE(own.sum_squares[i] == all.sum_squares[row + i]);
        REQUIRE(own.hidden[i * 40 + 7] == all.hidden[(row + i) * 40 + 7]);
      }
    }
    row += single.rows.size();
  }
  REQUIRE(row == batch.rows.size());
}

TEMPLATE_TEST_CASE("What accumulate shows of the forward pass has the bits of score", "", Qwen2, Qwen3, Llama) {
  Model<TestType> model;
  auto const batch = random_batch(9, 40, model.config.vocab_size);
  Workspace workspace(model.pool, {.logits = 500});
  auto const scores = score(model.decoder, batch, workspace);
  Parameters sum(model.config);
  std::size_t calls = 0;
  auto const f = [&](HeadOutputs const& outputs, HeadGradients const& g) {
    ++calls;
    CHECK(std::vector<float>(outputs.log_prob.begin(), outputs.log_prob.end()) == scores.log_prob);
    CHECK(std::vector<float>(outputs.sum_squares.begin(), outputs.sum_squares.end()) == scores.sum_squares);
    CHECK(outputs.entropy.empty());
    CHECK((g.entropy.empty() && g.hidden.empty()));
    CHECK(std::vector<float>(g.log_prob.begin(), g.log_prob.end()) == std::vector<float>(batch.rows.size(), 0.0F));
  };
  model.decoder.accumulate(batch.packed(), batch.head(), {.sum_squares = true}, f, sum, workspace);
  CHECK(calls == 1);
  CHECK(values(sum) == std::vector<float>(sum.values().size(), 0.0F));
}

TEMPLATE_TEST_CASE("Gradients have the same bits on any number of threads and in any number of calls", "", Qwen2, Qwen3,
                   Llama) {
  bool const tied = GENERATE(false, true);
  Model<TestType> const model(tied);
  auto const batch = random_batch(24, 70, model.config.vocab_size);
  auto const expected = gradients(model, batch, 1);
  CHECK(expected == gradients(model, batch, 2));
  CHECK(expected == gradients(model, batch, 5));
  CHECK(expected == gradients(model, batch, 2, 1, {.logits = 70 * model.config.vocab_size}));
  if (!tied) CHECK(expected == gradients(model, batch, 2, 4));
}

TEMPLATE_TEST_CASE("Layers that are computed again on the way back give the same bits", "", Qwen2, Qwen3, Llama) {
  Model<TestType> const model(GENERATE(false, true));
  auto const batch = random_batch(24, 70, model.config.vocab_size);
  auto const expected = gradients(model, batch, 1);
  CHECK(expected == gradients(model, batch, 1, 1, {.recompute = true}));
  CHECK(expected == gradients(model, batch, 3, 1, {.recompute = true}));
  CHECK(gradients(model, batch, 2, 4) == gradients(model, batch, 2, 4, {.recompute = true}));
}

TEMPLATE_TEST_CASE("Independent rows are projected to logits once, others twice where logits are not kept", "", Qwen2,
                   Qwen3, Llama) {
  Model<TestType> const model(GENERATE(false, true));
  auto const batch = random_batch(24, 70, model.config.vocab_size);
  WorkspaceOptions const few{.logits = 70 * model.config.vocab_size};
  auto const expected = gradients(model, batch, 2);
  CHECK(expected == gradients(model, batch, 2, 1, few, true));
  CHECK(expected == gradients(model, batch, 1, 1, {.logits = few.logits, .recompute = true}, true));

  auto const passes = [&](WorkspaceOptions options, bool parts, bool vocabulary = true) {
    ThreadPool pool(2);
    Workspace workspace(pool, options);
    Parameters sum(model.config);
    auto rows = batch.head();
    rows.parts = parts;
    model.decoder.accumulate(
        batch.packed(), rows, {.log_prob = vocabulary, .hidden = true}, [](HeadOutputs const&, HeadGradients const&) {},
        sum, workspace);
    return static_cast<double>(workspace.projected_rows()) / static_cast<double>(batch.rows.size());
  };
  REQUIRE(batch.rows.size() > 3 * 70);
  CHECK(passes(few, true) == 1);
  CHECK(passes(few, false) == 2);
  CHECK(passes({}, true) == 1);
  CHECK(passes({}, false) == 1);
  CHECK(passes(few, true, false) == 0);
}

TEMPLATE_TEST_CASE("Gradients are the slope of what they are of", "", Qwen2, Qwen3, Llama) {
  Model<TestType> model(GENERATE(false, true));
  auto const batch = random_batch(6, 50, model.config.vocab_size);
  Workspace workspace(model.pool);
  HeadColumns const columns{.entropy = true, .sum_squares = false, .hidden = true};
  Parameters gradient(model.config);
  model.decoder.accumulate(batch.packed(), batch.head(0.8F), columns, fill_gradients, gradient, workspace);
  auto const loss = [&](double step) {
    Parameters moved = model.parameters;
    for (std::size_t i = 0; i < moved.values().size(); ++i) {
      moved.values()[i] += static_cast<float>(step * gradient.values()[i]);
    }
    model.decoder.load(moved, 2, model.pool, Use::Inference);
    auto const s = score(model.decoder, batch, workspace, 0.8F);
    double sum = 0;
    for (std::size_t i = 0; i < s.log_prob.size(); ++i) {
      double const row = static_cast<double>(i + 1);
      sum += std::sin(row) * s.log_prob[i] + 0.1 * std::cos(row) * s.entropy[i];
    }
    for (std::size_t i = 0; i < s.hidden.size(); ++i)
      sum += 0.01 * std::sin(0.1 * static_cast<double>(i)) * s.hidden[i];
    return sum;
  };
  double squares = 0;
  for (float g : gradient.values()) squares += static_cast<double>(g) * g;
  double const step = 1e-3 / std::sqrt(squares);
  CHECK((loss(step) - loss(-step)) / (2 * step) == Approx(squares).epsilon(2e-3));
}

TEST_CASE("A window hides what lies before it") {
  auto config = small_config<Qwen2>();
  config.windows.assign(3, 4);
  ThreadPool pool(1);
  Workspace workspace(pool);
  Decoder<Qwen2> decoder(config);
  decoder.load(random_parameters(config), 1, pool, Use::Inference);
  Batch a;
  Batch b;
  std::vector<TokenId> sequence(40, 5);
  sequence[20] = 9;
  a.add(sequence);
  sequence[3] = 6;
  b.add(sequence);
  auto const first = score(decoder, a, workspace);
  auto const second = score(decoder, b, workspace);
  CHECK(first.log_prob[5] != second.log_prob[5]);
  // Three layers of 4 see 3 * 3 tokens back.
  CHECK(first.log_prob[12] != second.log_prob[12]);
  CHECK(first.log_prob[13] == second.log_prob[13]);
}

TEST_CASE("Positions count from first_position on, and only differences matter to a rotary embedding") {
  Model<Llama> model;
  auto batch = random_batch(3, 30, model.config.vocab_size);
  Workspace workspace(model.pool);
  auto const from_zero = score(model.decoder, batch, workspace);
  std::vector<float> moved(batch.rows.size());
  auto packed = batch.packed();
  packed.first_position = 5000;
  model.decoder.score(packed, batch.head(), {.log_prob = moved}, workspace);
  CHECK(moved != from_zero.log_prob);
  for (std::size_t i = 0; i < moved.size(); ++i) CHECK(moved[i] == Approx(from_zero.log_prob[i]).margin(5e-3));
}

TEST_CASE("A decoder refuses what it cannot compute") {
  Model<Qwen2> model;
  Workspace workspace(model.pool);
  auto const batch = random_batch(2, 9, model.config.vocab_size);
  std::vector<float> out(batch.rows.size());
  auto const refuse = [&](Batch const& bad, std::string const& message) {
    CHECK_THROWS_WITH(model.decoder.score(bad.packed(), bad.head(), {}, workspace), Contains(message));
    Parameters sum(model.config);
    CHECK_THROWS_WITH(model.decoder.accumulate(bad.packed(), bad.head(), {}, fill_gradients, sum, workspace),
                      Contains(message));
  };
  auto bad = batch;
  bad.tokens[3] = 67;
  refuse(bad, "token id 67 at 3; expected 0 to 66");
  bad = batch;
  bad.targets[0] = -1;
  refuse(bad, "token id -1");
  bad = batch;
  bad.starts.back() += 1;
  refuse(bad, "do not add up");
  bad = batch;
  bad.starts.insert(bad.starts.begin() + 1, 0);
  refuse(bad, "sequence 0 is empty");
  bad = batch;
  bad.rows.back() = bad.tokens.size();
  refuse(bad, "expected ascending rows below");
  bad = batch;
  bad.targets.pop_back();
  refuse(bad, "one for each row");
  CHECK_THROWS_WITH(model.decoder.score(batch.packed(), batch.head(0), {.log_prob = out}, workspace),
                    Contains("temperature"));
  CHECK_THROWS_WITH(model.decoder.score(batch.packed(), batch.head(), {.entropy = std::span(out).first(1)}, workspace),
                    Contains("places for entropy"));
  Decoder<Qwen2> const empty(model.config);
  CHECK_THROWS_WITH(empty.score(batch.packed(), batch.head(), {.log_prob = out}, workspace), Contains("no weights"));
  Decoder<Qwen2> inference(model.config);
  inference.load(model.parameters, 1, model.pool, Use::Inference);
  Parameters sum(model.config);
  CHECK_THROWS_WITH(inference.accumulate(batch.packed(), batch.head(), {}, fill_gradients, sum, workspace),
                    Contains("Use::Training"));
  Parameters other(small_config<Llama>());
  CHECK_THROWS_WITH(inference.load(other, 1, model.pool), Contains("another model"));
  CHECK_THROWS_WITH(Decoder<Qwen2>(small_config<Llama>()), Contains("Qwen2ForCausalLM"));
  CHECK_THROWS_WITH(Decoder<Qwen3>(small_config<Qwen2>()), Contains("Qwen3ForCausalLM"));
}

TEST_CASE("What the consumer of outputs throws comes through and leaves the gradients alone") {
  Model<Qwen2> model;
  Workspace workspace(model.pool);
  auto const batch = random_batch(2, 9, model.config.vocab_size);
  Parameters sum(model.config);
  auto const f = [](HeadOutputs const&, HeadGradients const&) { throw Error("objective", "not finite"); };
  CHECK_THROWS_WITH(model.decoder.accumulate(batch.packed(), batch.head(), {}, f, sum, workspace),
                    "objective: not finite");
  CHECK(values(sum) == std::vector<float>(sum.values().size(), 0.0F));
}
