// SPDX-License-Identifier: Apache-2.0
// A language model that learns its own samples by heart, with full moments and with those in 8 bits.
#include <algorithm>
#include <cstring>
#include <vector>

#include "grove/optim/adamw.hpp"
#include "support/catch.hpp"
#include "support/columns.hpp"
#include "support/tiny_language_model.hpp"

namespace {

struct Learnt {
  double loss = 0;  ///< mean of the tokens' negative log-probs, before the last step
  std::vector<float> values{};
};

Learnt learn(grove::AdamWOptions adamw, double rate, std::size_t steps, int threads) {
  auto policy = tiny::policy({.threads = static_cast<std::size_t>(threads)});
  auto const t = tiny::sampler({.problems = 4, .group = 4, .max_tokens = 12, .seed = 3}).collect(policy);
  auto const all = grove::test::all_sequences(t);
  auto const tokens = static_cast<float>(t.episodes.tokens());
  auto const parameters = policy.parameters();
  grove::AdamW optimizer(adamw);
  Learnt learnt;
  for (std::size_t step = 0; step < steps; ++step) {
    grove::zero_gradients(parameters);
    learnt.loss = 0;
    policy.accumulate(t, all, grove::Column::LogProb, grove::Scope::Token,
                      [&](std::size_t, grove::TokenOutputs<float> out, grove::TokenGradients<float> d) {
                        for (float const p : out.log_prob) learnt.loss -= static_cast<double>(p / tokens);
                        std::ranges::fill(d.log_prob, -1 / tokens);
                      });
    optimizer.step(parameters, rate);
    policy.commit();
  }
  for (auto const& p : parameters) {
    auto const* first = static_cast<float const*>(p.value);
    learnt.values.insert(learnt.values.end(), first, first + p.size);
  }
  return learnt;
}

grove::AdamWOptions const in_8_bits{.moments = grove::MomentFormat::Block8};

}  // namespace

TEST_CASE("a model learns with 8-bit moments as with full ones at a rate that is a tenth off") {
  // Near the top of a block the second moment is stored within 3.5 % and the first within 7 %, so that a step is within
  // a tenth of its length. The loss falls with the rate here, so it must lie between those of the two rates.
  std::size_t const steps = 60;
  double const start = learn({}, 2e-3, 1, 1).loss, slow = learn({}, 1.8e-3, steps, 1).loss,
               full = learn({}, 2e-3, steps, 1).loss, fast = learn({}, 2.2e-3, steps, 1).loss,
               quantized = learn(in_8_bits, 2e-3, steps, 1).loss;
  INFO("before " << start << ", full " << full << " (" << slow << ", " << fast << "), 8 bits " << quantized);
  CHECK(slow < 0.7 * start);
  CHECK(fast < full);
  CHECK(full < slow);
  CHECK(quantized < slow);
  CHECK(quantized > fast);
}

TEST_CASE("8-bit moments: one thread and three are the same bits") {
  auto const one = learn(in_8_bits, 1e-3, 10, 1).values, three = learn(in_8_bits, 1e-3, 10, 3).values;
  REQUIRE(one.size() == three.size());
  CHECK(std::memcmp(one.data(), three.data(), one.size() * sizeof(float)) == 0);
}
