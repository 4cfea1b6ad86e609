// SPDX-License-Identifier: Apache-2.0
// Training on recorded rollouts, alone and on several ranks, and what is compared of it.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "dist/ranks.hpp"
#include "grove/algorithms.hpp"
#include "grove/rollout/recording.hpp"
#include "grove/rollout/run_folder.hpp"
#include "grove/trainer.hpp"
#include "support/catch.hpp"
#include "support/tiny_language_model.hpp"

namespace test {

struct Recorded {
  grove::RewardMatrix evaluate(grove::TokenTrajectories const& t) const { return t.recorded; }
};

/// Ragged groups of so many problems a step.
inline void record(std::filesystem::path const& folder, std::size_t steps, std::size_t problems) {
  grove::Trainer trainer(grove::GrpoTokenMean{}, tiny::policy(),
                         tiny::sampler({.problems = problems, .group = 4, .max_tokens = 14, .seed = 3}),
                         tiny::EvenTokens{}, {.schedule = {.peak = 1e-3}}, grove::TokenBudget{20});
  trainer.run(steps, [&](auto& t, grove::StepReport const& report) { grove::Recorder{folder}(t, report); });
}

using Tensors = std::map<std::string, std::vector<float>>;

inline Tensors tensors(std::span<const grove::ParameterView> parameters, bool gradients) {
  Tensors tensors;
  for (auto const& p : parameters) {
    auto const* from = static_cast<float const*>(gradients ? p.gradient : p.value);
    tensors[std::string(p.name)].assign(from, from + p.size);
  }
  return tensors;
}

struct Outcome {
  Tensors gradient{}, start{}, values{};  ///< of the first step; before it; after the last
  std::vector<double> loss{}, kl{}, norm{}, reward{};
  std::size_t micro_batches = 0;  ///< most of one update
  grove::HeldBytes held{};

  bool operator==(Outcome const& other) const {
    return values == other.values && loss == other.loss && kl == other.kl && norm == other.norm;
  }
};

struct Run {
  std::filesystem::path folder{};
  std::size_t steps = 20;
  grove::Sharding sharding{};
  grove::AdamWOptions adamw{};
  double max_difference = 1e-4;  ///< of the sampler's and the trainer's log-probs; the recorder's weights may differ
};

template <class Algorithm, class C>
Outcome train(Run const& run, Algorithm algorithm, C ranks) {
  Outcome out;
  grove::TrainOptions options{.schedule = {.peak = 1e-3},
                              .adamw = run.adamw,
                              .old_log_probs = grove::OldLogProbs::Current,
                              .sharding = run.sharding,
                              .ratio_check = {.max_difference = run.max_difference}};
  options.on_gradients = [&](std::size_t update, std::span<const grove::ParameterView> parameters) {
    if (update == 0) out.gradient = tensors(parameters, true);
  };
  grove::Trainer trainer(std::move(algorithm), tiny::policy(), grove::Replay(run.folder, {ranks.rank(), ranks.size()}),
                         Recorded{}, options, grove::TokenBudget{20}, ranks);
  out.start = tensors(trainer.policy().parameters(), false);
  for (std::size_t i = 0; i < run.steps; ++i) {
    auto const report = trainer.step();
    out.loss.push_back(*report.metrics.find("loss"));
    out.kl.push_back(report.metrics.find("kl").value_or(0));
    out.norm.push_back(*report.metrics.find("grad_norm"));
    out.reward.push_back(*report.metrics.find("reward"));
    for (auto const& minibatch : trainer.last().plan) out.micro_batches = std::max(out.micro_batches, minibatch.size());
  }
  out.values = tensors(trainer.policy().parameters(), false);
  if constexpr (requires { trainer.optimizer().held(trainer.policy().parameters()); })
    out.held = trainer.optimizer().held(trainer.policy().parameters());
  return out;
}

template <class Algorithm>
std::vector<Outcome> train_on(std::size_t size, Run const& run, Algorithm const& algorithm) {
  std::vector<Outcome> all(size);
  auto const errors = on_ranks(size, std::chrono::seconds(60),
                               [&](grove::ProcessGroup& group) { all[group.rank()] = train(run, algorithm, group); });
  INFO(errors[0]);
  REQUIRE(all_went_well(errors));
  return all;
}

/// The largest distance of a tensor from another, as a share of a norm: its own, or that of `moved`.
inline double distance(Tensors const& a, Tensors const& b, Tensors const* from = nullptr) {
  double worst = 0;
  for (auto const& [name, x] : a) {
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      double const d = static_cast<double>(x[i]) - static_cast<double>(b.at(name)[i]);
      double const size = static_cast<double>(x[i]) - (from ? static_cast<double>(from->at(name)[i]) : 0.0);
      difference += d * d;
      norm += size * size;
    }
    worst = std::max(worst, norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference));
  }
  return worst;
}

}  // namespace test
