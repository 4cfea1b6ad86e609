// SPDX-License-Identifier: Apache-2.0
// Several ranks that divide recorded rollouts train as one that has them all.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "dist/ranks.hpp"
#include "grove/algorithms.hpp"
#include "grove/rollout/recording.hpp"
#include "grove/rollout/run_folder.hpp"
#include "grove/trainer.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

using namespace grove;
using namespace std::chrono_literals;

namespace {

struct Recorded {
  RewardMatrix evaluate(TokenTrajectories const& t) const { return t.recorded; }
};

/// Ragged groups of two problems a step, so that of four ranks two have nothing.
void record(std::filesystem::path const& folder, std::size_t steps) {
  Trainer trainer(GrpoTokenMean{}, tiny::policy(),
                  tiny::sampler({.problems = 2, .group = 4, .max_tokens = 14, .seed = 3}), tiny::EvenTokens{},
                  {.schedule = {.peak = 1e-3}}, TokenBudget{20});
  trainer.run(steps, [&](auto& t, StepReport const& report) { Recorder{folder}(t, report); });
}

struct Outcome {
  std::map<std::string, std::vector<float>> gradient{}, values{};  ///< of the first step; after the last
  std::vector<double> loss{}, norm{}, reward{};
};

template <class C>
Outcome train(std::filesystem::path const& folder, std::size_t steps, C ranks) {
  Outcome out;
  TrainOptions options{.schedule = {.peak = 1e-3}, .old_log_probs = OldLogProbs::Current, .ratio_check = {}};
  options.on_gradients = [&](std::size_t update, std::span<const ParameterView> parameters) {
    for (auto const& p : parameters)
      if (update == 0)
        out.gradient[std::string(p.name)].assign(static_cast<float const*>(p.gradient),
                                                 static_cast<float const*>(p.gradient) + p.size);
  };
  Trainer trainer(GrpoTokenMean{}, tiny::policy(), Replay(folder, {ranks.rank(), ranks.size()}), Recorded{}, options,
                  TokenBudget{20}, ranks);
  for (std::size_t i = 0; i < steps; ++i) {
    auto const report = trainer.step();
    out.loss.push_back(*report.metrics.find("loss"));
    out.norm.push_back(*report.metrics.find("grad_norm"));
    out.reward.push_back(*report.metrics.find("reward"));
  }
  for (auto const& p : trainer.policy().parameters())
    out.values[std::string(p.name)].assign(static_cast<float const*>(p.value),
                                           static_cast<float const*>(p.value) + p.size);
  return out;
}

std::vector<Outcome> train_on(std::size_t size, std::filesystem::path const& folder, std::size_t steps) {
  std::vector<Outcome> all(size);
  auto const errors =
      test::on_ranks(size, 60s, [&](ProcessGroup& group) { all[group.rank()] = train(folder, steps, group); });
  INFO(errors[0]);
  REQUIRE(test::all_went_well(errors));
  return all;
}

/// The largest distance of a tensor from another, as a share of its norm.
double distance(std::map<std::string, std::vector<float>> const& a,
                std::map<std::string, std::vector<float>> const& b) {
  double worst = 0;
  for (auto const& [name, x] : a) {
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      double const d = static_cast<double>(x[i]) - static_cast<double>(b.at(name)[i]);
      difference += d * d;
      norm += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    }
    worst = std::max(worst, norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference));
  }
  return worst;
}

}  // namespace

TEST_CASE("two and four ranks, two of them empty, train on a recording as one does") {
  TemporaryFolder const folder("ranks");
  constexpr std::size_t steps = 20;
  record(folder.path, steps);
  auto const one = train(folder.path, steps, Solo{});
  for (std::size_t const size : {2, 4}) {
    auto const ranks = train_on(size, folder.path, steps), again = train_on(size, folder.path, steps);
    for (auto const& rank : ranks) {
      CHECK(distance(one.gradient, rank.gradient) < 1e-6);
      for (std::size_t i = 0; i < steps; ++i) {
        CHECK(rank.loss[i] == Approx(one.loss[i]).epsilon(1e-5).margin(1e-7));
        CHECK(rank.norm[i] == Approx(one.norm[i]).epsilon(1e-5));
        CHECK(rank.reward[i] == Approx(one.reward[i]).epsilon(1e-12));
      }
      CHECK(rank.values == ranks[0].values);
    }
    CHECK(again[0].values == ranks[0].values);
    CHECK(again[0].loss == ranks[0].loss);
  }
}

TEST_CASE("ranks sample what one process samples") {
  auto policy = tiny::policy();
  GroupSamplerOptions options{.problems = 3, .group = 2, .max_tokens = 12, .seed = 9};
  auto whole = tiny::sampler(options);
  std::vector<Share> const shares = {{0, 2}, {1, 2}};
  for (int collection = 0; collection < 2; ++collection) {
    auto const all = whole.collect(policy);
    std::size_t s = 0;
    for (auto const& share : shares) {
      options.share = share;
      auto part = tiny::sampler(options);
      part.set_collections(static_cast<std::uint64_t>(collection));
      for (auto const& sample : part.collect(policy).samples) {
        CHECK(sample.id == all.samples[s].id);
        CHECK(sample.completion.tokens == all.samples[s].completion.tokens);
        CHECK(sample.completion.log_probs == all.samples[s].completion.log_probs);
        ++s;
      }
    }
    CHECK(s == all.samples.size());
  }
}
