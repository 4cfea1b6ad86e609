// SPDX-License-Identifier: Apache-2.0
// A policy whose every outcome can be listed: the expectation of the update an estimator gives is exact, and so is the
// gradient it should have. What claims to be unbiased is, to 1e-10; what is not, is shown not to be; all go uphill.
#include <cmath>
#include <functional>
#include <vector>

#include "estimators.hpp"
#include "helpers.hpp"

namespace {

using Vector = std::vector<double>;

/// A decision: in `state`, `action` of those the state has.
struct Step {
  std::size_t state, action;
};

struct Outcome {
  std::vector<Step> steps;
  double reward;
};

using Problem = std::vector<Outcome>;

/// A softmax a state; parameters are the logits of all states.
struct Policy {
  std::vector<Vector> logits = {{0.2, -0.4, 0.5}, {0.3, -0.1}, {-0.6, 0.4}, {0.7, 0.1}};
  Vector value = {0.3, -0.2, 0.6, 0.1};  ///< a state; wrong on purpose

  double probability(Step step) const {
    double sum = 0;
    for (double const x : logits[step.state]) sum += std::exp(x);
    return std::exp(logits[step.state][step.action]) / sum;
  }
  double sum_squares(std::size_t state) const {
    double sum = 0;
    for (std::size_t a = 0; a < logits[state].size(); ++a) sum += std::pow(probability({state, a}), 2);
    return sum;
  }
  double probability(Outcome const& outcome) const {
    double product = 1;
    for (auto step : outcome.steps) product *= probability(step);
    return product;
  }
  std::size_t size() const {
    std::size_t n = 0;
    for (auto const& state : logits) n += state.size();
    return n;
  }
  /// gradient += scale * grad log pi(step)
  void add_score(Step step, double scale, Vector& gradient) const {
    std::size_t at = 0;
    for (std::size_t s = 0; s < step.state; ++s) at += logits[s].size();
    for (std::size_t a = 0; a < logits[step.state].size(); ++a)
      gradient[at + a] += scale * ((a == step.action) - probability({step.state, a}));
  }
};

/// One token or two: the first of three actions ends it.
Problem tree(Vector const& rewards) {
  return {{{{0, 0}}, rewards[0]},
          {{{0, 1}, {1, 0}}, rewards[1]},
          {{{0, 1}, {1, 1}}, rewards[2]},
          {{{0, 2}, {2, 0}}, rewards[3]},
          {{{0, 2}, {2, 1}}, rewards[4]}};
}
Problem const general = tree({0.3, 1.0, -0.5, 0.2, 2.0});
Problem const binary = tree({0, 1, 0, 0, 1});
Problem const coin = {{{{3, 0}}, 0.0}, {{{3, 1}}, 1.0}};

/// f(outcomes, probability) for every way to answer each of the problems `group` times.
void enumerate(Policy const& policy, std::vector<Problem> const& problems, std::size_t group,
               std::function<void(std::vector<Outcome const*> const&, double)> const& f) {
  std::vector<Outcome const*> chosen;
  std::function<void(double)> const next = [&](double probability) {
    if (chosen.size() == problems.size() * group) return f(chosen, probability);
    for (auto const& outcome : problems[chosen.size() / group]) {
      chosen.push_back(&outcome);
      next(probability * policy.probability(outcome));
      chosen.pop_back();
    }
  };
  next(1);
}

/// Reward of the most probable outcome.
double greedy(Policy const& policy, Problem const& problem) {
  Outcome const* best = &problem[0];
  for (auto const& outcome : problem)
    if (policy.probability(outcome) > policy.probability(*best)) best = &outcome;
  return best->reward;
}

/// E[sum_i sum_t A_it grad log pi(y_it)] / group.
template <class Estimator>
Vector expected_update(Estimator const& estimator, Policy const& policy, std::vector<Problem> const& problems,
                       std::size_t group) {
  Vector update(policy.size());
  enumerate(policy, problems, group, [&](std::vector<Outcome const*> const& outcomes, double probability) {
    test::Batch<> batch;
    batch.rewards = grove::RewardMatrix({"reward"}, {1.0}, outcomes.size());
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      batch.add(outcomes[i]->steps.size(), static_cast<std::uint32_t>(i / group), outcomes[i]->reward);
      batch.rewards(0, i) = outcomes[i]->reward;
      batch.greedy_reward.push_back(greedy(policy, problems[i / group]));
      for (auto step : outcomes[i]->steps) {
        batch.log_prob.push_back(std::log(policy.probability(step)));
        batch.sum_squares.push_back(policy.sum_squares(step.state));
        batch.value.push_back(policy.value[step.state]);
      }
    }
    auto const advantage = test::estimate(estimator, batch).advantage;
    std::size_t t = 0;
    for (auto const* outcome : outcomes)
      for (auto step : outcome->steps)
        policy.add_score(step, probability * advantage[t++] / static_cast<double>(group), update);
  });
  return update;
}

/// The gradient of E[f(all answers)].
Vector gradient(Policy const& policy, std::vector<Problem> const& problems, std::size_t group,
                std::function<double(std::vector<Outcome const*> const&)> const& f) {
  Vector result(policy.size());
  enumerate(policy, problems, group, [&](std::vector<Outcome const*> const& outcomes, double probability) {
    for (auto const* outcome : outcomes)
      for (auto step : outcome->steps) policy.add_score(step, probability * f(outcomes), result);
  });
  return result;
}

/// The gradient of the expected reward, summed over problems.
Vector true_gradient(Policy const& policy, std::vector<Problem> const& problems) {
  return gradient(policy, problems, 1, [](auto const& outcomes) {
    double sum = 0;
    for (auto const* outcome : outcomes) sum += outcome->reward;
    return sum;
  });
}

double dot(Vector const& a, Vector const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Vector times(double scale, Vector v) {
  for (double& x : v) x *= scale;
  return v;
}

/// What is left of a when its part along b is taken away, relative to a.
double off_direction(Vector const& a, Vector const& b) {
  Vector rest = a;
  double const along = dot(a, b) / dot(b, b);
  for (std::size_t i = 0; i < a.size(); ++i) rest[i] -= along * b[i];
  return std::sqrt(dot(rest, rest) / dot(a, a));
}

/// V of each state under the policy.
Vector true_values(Policy const& policy, Problem const& problem) {
  Vector sum(policy.logits.size()), weight(policy.logits.size());
  for (auto const& outcome : problem)
    for (auto step : outcome.steps) {
      sum[step.state] += policy.probability(outcome) * outcome.reward;
      weight[step.state] += policy.probability(outcome);
    }
  for (std::size_t s = 0; s < sum.size(); ++s)
    if (weight[s] > 0) sum[s] /= weight[s];
  return sum;
}

}  // namespace

TEST_CASE("the true gradient is that of finite differences") {
  auto const exact = true_gradient({}, {general});
  std::size_t at = 0;
  for (std::size_t s = 0; s < Policy{}.logits.size(); ++s)
    for (std::size_t a = 0; a < Policy{}.logits[s].size(); ++a, ++at) {
      auto const expected_reward = [&](double change) {
        Policy policy;
        policy.logits[s][a] += change;
        double sum = 0;
        for (auto const& outcome : general) sum += policy.probability(outcome) * outcome.reward;
        return sum;
      };
      CHECK(exact[at] == Approx((expected_reward(1e-5) - expected_reward(-1e-5)) / 2e-5).margin(1e-9));
    }
}

TEST_CASE("estimators that claim it are unbiased") {
  Policy const policy;
  for (auto const& problems : {std::vector<Problem>{general}, std::vector<Problem>{general, coin}})
    for (std::size_t const group : {2u, 3u}) {
      auto const truth = true_gradient(policy, problems);
      auto const check = [&](auto const& estimator, double scale) {
        INFO(estimator.describe() << ", groups of " << group);
        test::check_close(expected_update(estimator, policy, problems, group), times(scale, truth), 1e-10);
      };
      check(grove::LeaveOneOut{}, 1);
      check(grove::GreedyBaseline{}, 1);
      check(grove::OptimalTokenBaseline{.leave_one_out = true}, 1);
      check(grove::Gae{.lambda = 1, .whiten = false}, 1);
      check(grove::DecoupledGae{.lambda = 1, .whiten = false}, 1);
      check(grove::GroupRelative<grove::Unscaled>{}, 1 - 1.0 / static_cast<double>(group));
    }
}

TEST_CASE("with the true values, every lambda is unbiased") {
  Policy policy;
  policy.value = true_values(policy, general);
  auto const truth = true_gradient(policy, {general});
  for (double const lambda : {0.0, 0.5, 0.95})
    test::check_close(expected_update(grove::Gae{.lambda = lambda, .whiten = false}, policy, {general}, 1), truth,
                      1e-10);
  test::check_close(expected_update(grove::LengthAdaptiveGae{.whiten = false}, policy, {general}, 1), truth, 1e-10);
}

TEST_CASE("the best minus the second best is the gradient of the expected best of a group") {
  Policy const policy;
  for (std::size_t const group : {2u, 3u}) {
    auto const truth = gradient(policy, {general}, group, [](auto const& outcomes) {
      double best = -1e9;
      for (auto const* outcome : outcomes) best = std::max(best, outcome->reward);
      return best;
    });
    auto const update = expected_update(grove::MaxMinusSecond<>{}, policy, {general}, group);
    test::check_close(times(static_cast<double>(group), update), truth, 1e-10);
  }
}

TEST_CASE("MaxRL's expectation is the gradient of the log-likelihood, cut off after G - 1 terms") {
  Policy const policy;
  double solved = 0;
  for (auto const& outcome : binary) solved += policy.probability(outcome) * outcome.reward;
  for (std::size_t const group : {2u, 3u, 4u}) {
    double series = 0;
    for (std::size_t k = 1; k < group; ++k) series += std::pow(1 - solved, static_cast<double>(k - 1));
    test::check_close(expected_update(grove::MeanRelative{}, policy, {binary}, group),
                      times(series, true_gradient(policy, {binary})), 1e-10);
  }
}

TEST_CASE("what is biased by design is, and every update goes uphill") {
  Policy const policy;
  std::vector<Problem> const problems = {binary, coin};
  auto const truth = true_gradient(policy, problems);
  std::size_t biased = 0, all = 0;
  test::for_each_estimator([&](auto const& estimator) {
    INFO(estimator.describe());
    auto const update = expected_update(estimator, policy, problems, 4);  // of 3, both mixed groups have one deviation
    CHECK(dot(update, truth) > 0.1 * dot(truth, truth));
    ++all;
    biased += off_direction(update, truth) > 1e-3;
  });
  CHECK(all == 20);
  // Unbiased up to a factor: GroupRelative<Unscaled>, LeaveOneOut, GreedyBaseline, OptimalTokenBaseline without itself.
  CHECK(biased == all - 4);
}
