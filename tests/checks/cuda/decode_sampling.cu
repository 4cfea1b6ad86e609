// SPDX-License-Identifier: Apache-2.0
// Sampling on the device against the same arithmetic in one thread of the host, which tests/cuda/host holds to the CPU
// engine's sampler.
#include <memory>
#include <random>

#include "grove/cuda/decode_sampling.hpp"
#include "support.cuh"

namespace grove::check {
namespace {

void check(unsigned vocabulary, cuda::SamplingRule const& rule) {
  constexpr unsigned rows = 24;
  std::mt19937 random(vocabulary);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(std::size_t{rows} * vocabulary);
  for (auto& x : logits) x = normal(random);
  std::vector<Draw> draws;
  for (unsigned i = 0; i < rows; ++i) draws.push_back({.index = i, .sample = 2, .token = 5});
  std::vector<cuda::DrawnToken> want(rows);
  OnDevice device_logits(logits);
  OnDevice device_draws(draws);
  OnDevice drawn(want);
  cuda::Sampling in;
  in.rows = rows;
  in.vocabulary = vocabulary;
  in.rule = rule;
  in.random = RandomStream({.seed = 3});
  auto there = in;
  in.logits = logits.data();
  in.draws = draws.data();
  in.drawn = want.data();
  there.logits = device_logits.data;
  there.draws = device_draws.data;
  there.drawn = drawn.data;
  cuda::sample(there, nullptr);
  auto const shared = std::make_unique<cuda::SamplingShared>();
  for (unsigned row = 0; row < rows; ++row) cuda::sample_row(cuda::SingleThread{}, in, row, *shared);
  auto const got = back(drawn);
  for (unsigned row = 0; row < rows; ++row) {
    check_close("token", got[row].token, want[row].token, 0);
    check_close("log-prob", got[row].log_prob, want[row].log_prob, 1e-5);
    check_close("kept mass", got[row].kept_mass, want[row].kept_mass, 1e-5);
  }
}

}  // namespace

void test_decode_sampling() {
  for (unsigned vocabulary : {67U, 5000U, 151936U}) {
    check(vocabulary, {});
    check(vocabulary, {.temperature = 0});
    check(vocabulary, {.temperature = 0.7, .top_p = 0.95});
    check(vocabulary, {.top_k = 20, .top_p = 0.8, .min_p = 0.01});
  }
}

}  // namespace grove::check
