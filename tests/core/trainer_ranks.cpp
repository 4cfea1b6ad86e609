// SPDX-License-Identifier: Apache-2.0
// Two ranks that share a batch step as one rank that has it all.
#include <array>
#include <limits>
#include <numeric>
#include <vector>

#include "core/walks.hpp"
#include "grove/algorithms.hpp"
#include "grove/objective/top_entropy.hpp"
#include "grove/reward/environment.hpp"
#include "grove/trainer.hpp"
#include "support/catch.hpp"
#include "support/two_ranks.hpp"

using namespace grove;
using test::Walker;
using test::Walks;
using test::Wander;

namespace {

/// Groups [first, last) of what one rank would collect.
struct Share {
  std::uint32_t first = 0, last = 100;
  bool broken = false;
  Wander inner{};

  std::size_t group_size() const { return inner.samples; }
  Walks collect(Walker& policy) {
    auto const all = inner.collect(policy);
    std::vector<std::uint32_t> mine;
    for (std::uint32_t s = 0; s < all.episodes.sequences(); ++s)
      if (all.episodes.group[s] >= first && all.episodes.group[s] < last) mine.push_back(s);
    auto t = all.select(mine);
    if (broken) t.reward[1] = std::numeric_limits<double>::quiet_NaN();
    return t;
  }
};

struct Outcome {
  std::vector<double> gradient{}, logits{};
  StepReport report{};
};

/// Steps of one trainer; the gradient is that of the last update.
template <class Alg, class C>
Outcome train(Alg const& algorithm, Share share, C communicator, std::size_t steps, TrainOptions options = {}) {
  Outcome out;
  options.schedule.peak = 0.05;
  options.on_gradients = [&](std::size_t, std::span<const ParameterView> parameters) {
    out.gradient.clear();
    for (auto const& p : parameters)
      out.gradient.insert(out.gradient.end(), static_cast<double const*>(p.gradient),
                          static_cast<double const*>(p.gradient) + p.size);
  };
  Trainer trainer(algorithm, Walker(4), share, EnvironmentReward{}, options, TokenBudget{17}, communicator);
  for (std::size_t i = 0; i < steps; ++i) out.report = trainer.step();
  out.logits = trainer.policy().logits();
  return out;
}

/// Ranks 0 and 1 with the groups before and from `cut`.
template <class Alg>
std::array<Outcome, 2> train_two(Alg const& algorithm, std::uint32_t cut, std::size_t steps, TrainOptions options = {},
                                 bool broken = false) {
  std::array<Outcome, 2> out;
  test::on_two_ranks([&](test::Rank& rank) {
    auto const share = rank.rank() == 0 ? Share{.first = 0, .last = cut} : Share{.first = cut, .broken = broken};
    out[rank.rank()] = train(algorithm, share, rank, steps, options);
  });
  return out;
}

template <class F>
void for_each_algorithm(F const& f) {
  f(Grpo{});
  f(Dapo{});
  f(Rloo{});
  f(ReinforcePlusPlus{});
  f(ReinforcePlusPlusBaseline{});
  f(Ppo{});
  f(Gmpo{});
  f(LitePpo{});
  f(Opo{});
  f(Gpg{});
  f(KlCov{});
  ClipCov clip_cov;  // bounds that a short walk's tokens lie within
  clip_cov.objective.selection.ratio = 0.2;
  clip_cov.objective.selection.low = -100;
  clip_cov.objective.selection.high = 100;
  f(clip_cov);
  Algorithm<GroupRelative<OverGroup>, Terms<TokenMean<Window>, PolicyGradient<TokenRatio, Clip, Keeping<TopEntropy>>>>
      top;
  f(top);
}

}  // namespace

TEST_CASE("two ranks have the gradient of one, wherever the groups are cut, also with nothing on one of them") {
  for_each_algorithm([](auto const& algorithm) {
    auto const one = train(algorithm, Share{}, Solo{}, 3);
    REQUIRE(std::abs(one.gradient[0]) > 1e-6);
    for (std::uint32_t const cut : {3, 1, 5, 0, 6}) {
      INFO(algorithm.describe() << ", cut at group " << cut);
      auto const two = train_two(algorithm, cut, 3);
      for (auto const& rank : two) {
        REQUIRE(rank.gradient.size() == one.gradient.size());
        for (std::size_t i = 0; i < one.gradient.size(); ++i)
          CHECK(rank.gradient[i] == Approx(one.gradient[i]).epsilon(1e-9).margin(1e-12));
        for (std::size_t i = 0; i < one.logits.size(); ++i)
          CHECK(rank.logits[i] == Approx(one.logits[i]).epsilon(1e-9).margin(1e-9));
      }
      CHECK(two[0].logits == two[1].logits);
    }
  });
}

TEST_CASE("ranks with fewer sequences than minibatches take part in each update") {
  TrainOptions options;
  options.minibatches = 7;
  options.epochs = 2;
  auto const two = train_two(Grpo{}, 1, 2, options);  // 4 sequences and 20
  CHECK(two[0].report.updates == 14);
  CHECK(two[1].report.updates == 14);
  CHECK(two[0].logits == two[1].logits);
}

TEST_CASE("a reward that is no number on one rank skips the update on both") {
  auto const two = train_two(Grpo{}, 3, 1, {}, true);
  for (auto const& rank : two) {
    CHECK(rank.report.skipped == 1);
    CHECK(rank.report.updates == 0);
    CHECK(rank.logits == std::vector<double>(4));
  }
}
