// SPDX-License-Identifier: Apache-2.0
// Critics of language models: values of a head on a shared trunk and of a second model, their derivatives against
// finite differences of the forward pass, warm-up, learning rates, files.
#include "grove/policy/value_head.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/error.hpp"
#include "grove/policy/separate_critic.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

namespace {

using Catch::Matchers::Contains;
using grove::Column;
using grove::ColumnSet;
using Shared = grove::WithValueHead<grove::AnyCausalLm>;
using Separate = grove::SeparateCritic<grove::AnyCausalLm>;

std::vector<std::uint32_t> all(grove::TokenTrajectories const& t) {
  std::vector<std::uint32_t> sequences(t.episodes.sequences());
  std::iota(sequences.begin(), sequences.end(), 0u);
  return sequences;
}

/// A head that says something.
void set_head(std::vector<grove::ParameterView> const& parameters) {
  grove::RandomSequence random(grove::RandomStream({.seed = 8, .purpose = grove::Purpose::Initialization}));
  for (auto const& p : parameters)
    if (p.name.ends_with("value_head.weight") || p.name.ends_with("value_head.bias"))
      for (std::size_t i = 0; i < p.size; ++i) grove::set_value(p, i, 0.3 * random.normal());
}

template <class P>
P with_critic(std::uint64_t seed = 5, grove::CausalLmOptions options = {.threads = 1}) {
  P policy(tiny::policy(options, seed));
  set_head(policy.parameters());
  policy.commit();
  return policy;
}

struct Columns {
  std::vector<float> log_prob, value;
};

template <class P>
Columns scored(P const& policy, grove::TokenTrajectories const& t,
               ColumnSet wanted = {Column::LogProb, Column::Value}) {
  Columns c;
  if (wanted.contains(Column::LogProb)) c.log_prob.resize(t.episodes.tokens());
  if (wanted.contains(Column::Value)) c.value.resize(t.episodes.tokens());
  policy.score(t, all(t), wanted, {.log_prob = c.log_prob, .value = c.value});
  return c;
}

/// Weights of a made-up loss, sum_t a_t log p_t + b_t V_t.
struct Loss {
  std::vector<float> a, b;

  explicit Loss(std::size_t n, bool of_log_prob = true) : a(n), b(n) {
    for (std::size_t i = 0; i < n; ++i) {
      if (of_log_prob) a[i] = 0.2f * static_cast<float>(std::sin(1.0 + static_cast<double>(i)));
      b[i] = 0.3f * static_cast<float>(std::cos(2.0 * static_cast<double>(i)));
    }
  }
  template <class P>
  double of(P const& policy, grove::TokenTrajectories const& t) const {
    auto const c = scored(policy, t);
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
      sum += static_cast<double>(a[i]) * static_cast<double>(c.log_prob[i]) +
             static_cast<double>(b[i]) * static_cast<double>(c.value[i]);
    return sum;
  }
  template <class P>
  void accumulate(P& policy, grove::TokenTrajectories const& t) const {
    grove::zero_gradients(policy.parameters());
    policy.accumulate(t, all(t), {Column::LogProb, Column::Value}, grove::Scope::Token,
                      [&](std::size_t first, grove::TokenOutputs<float>, grove::TokenGradients<float> d) {
                        std::copy_n(a.begin() + static_cast<std::ptrdiff_t>(first), d.log_prob.size(),
                                    d.log_prob.begin());
                        std::copy_n(b.begin() + static_cast<std::ptrdiff_t>(first), d.value.size(), d.value.begin());
                      });
  }
};

std::vector<float> gradient_of(grove::ParameterView const& p) {
  auto const* g = static_cast<float const*>(p.gradient);
  return {g, g + p.size};
}

double norm_of(std::vector<float> const& g) {
  double sum = 0;
  for (float x : g) sum += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(sum);
}

/// Along its own gradient the loss must rise by the gradient's norm: less if any part of the gradient is wrong.
template <class P>
void check_derivatives(bool of_log_prob) {
  auto policy = with_critic<P>();
  auto const t = tiny::sampler().collect(policy);
  Loss const loss(t.episodes.tokens(), of_log_prob);
  loss.accumulate(policy, t);
  double strongest = 0;
  for (auto const& p : policy.parameters()) strongest = std::max(strongest, norm_of(gradient_of(p)));
  REQUIRE(strongest > 0.1);
  std::size_t checked = 0;
  for (auto const& p : policy.parameters()) {
    auto const g = gradient_of(p);
    double const norm = norm_of(g);
    if (norm < 0.003 * strongest) continue;
    double const h = 0.01;
    std::vector<double> const start = [&] {
      std::vector<double> values(p.size);
      for (std::size_t i = 0; i < p.size; ++i) values[i] = grove::value_at(p, i);
      return values;
    }();
    auto const moved = [&](double step) {
      for (std::size_t i = 0; i < p.size; ++i)
        grove::set_value(p, i, start[i] + step * static_cast<double>(g[i]) / norm);
      policy.commit();
      return loss.of(policy, t);
    };
    double const slope = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
    moved(0);
    INFO(p.name << ": " << slope << " against " << norm);
    CHECK(slope == Approx(norm).epsilon(5e-3));
    ++checked;
  }
  CHECK(checked > 10);
}

}  // namespace

TEST_CASE("a value is the head's product with the state that the token is predicted from") {
  auto const policy = with_critic<Shared>();
  auto sampling = with_critic<Shared>();
  auto const t = tiny::sampler({.problems = 5, .group = 3, .max_tokens = 20}).collect(sampling);
  auto const c = scored(policy, t);
  std::vector<double> expected;
  auto copy = policy.clone();
  auto const parameters = copy.parameters();
  auto const &weight = parameters[parameters.size() - 2], &bias = parameters.back();
  REQUIRE(weight.name == "value_head.weight");
  policy.score_states(t, all(t), Column::LogProb, {}, [&](std::size_t first, std::span<float const> states) {
    REQUIRE(first == expected.size());
    for (std::size_t row = 0; row < states.size() / weight.size; ++row) {
      double sum = grove::value_at(bias, 0);
      for (std::size_t i = 0; i < weight.size; ++i)
        sum += grove::value_at(weight, i) * static_cast<double>(states[row * weight.size + i]);
      expected.push_back(sum);
    }
  });
  REQUIRE(expected.size() == t.episodes.tokens());
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(static_cast<double>(c.value[i]) == Approx(expected[i]).epsilon(1e-5).margin(1e-6));
  CHECK(*std::ranges::max_element(c.value) - *std::ranges::min_element(c.value) > 0.1f);
}

TEMPLATE_TEST_CASE("values change no log-prob, and training sees what scoring gave, bit for bit", "", Shared,
                   Separate) {
  auto policy = with_critic<TestType>();
  auto const plain = tiny::policy();
  auto const t = tiny::sampler().collect(policy);
  auto const c = scored(policy, t);
  std::vector<float> log_prob(t.episodes.tokens());
  plain.score(t, all(t), Column::LogProb, {.log_prob = log_prob});
  CHECK(c.log_prob == log_prob);
  CHECK(scored(policy, t, Column::Value).value == c.value);
  CHECK(scored(policy, t, Column::LogProb).log_prob == log_prob);
  auto small = with_critic<TestType>(5, {.threads = 2, .forward_tokens = 16});
  CHECK(scored(small, t).value == c.value);
  bool called = false;
  policy.accumulate(t, all(t), {Column::LogProb, Column::Entropy, Column::Value}, grove::Scope::Token,
                    [&](std::size_t first, grove::TokenOutputs<float> out, grove::TokenGradients<float> d) {
                      called = true;
                      REQUIRE(first == 0);
                      CHECK(std::ranges::equal(out.log_prob, c.log_prob));
                      CHECK(std::ranges::equal(out.value, c.value));
                      CHECK(out.entropy.size() == c.value.size());
                      CHECK(d.value.size() == c.value.size());
                      CHECK(std::ranges::all_of(d.value, [](float x) { return x == 0; }));
                    });
  CHECK(called);
}

TEST_CASE("derivatives of a shared trunk's log-probs and values are finite differences") {
  check_derivatives<Shared>(true);
}
TEST_CASE("derivatives of values alone are finite differences") { check_derivatives<Shared>(false); }
TEST_CASE("derivatives of a separate critic are finite differences") { check_derivatives<Separate>(true); }

TEST_CASE("a separate critic leaves the policy's gradient as it is without one, and takes the values' alone") {
  auto policy = with_critic<Separate>();
  auto plain = tiny::policy();
  auto const t = tiny::sampler().collect(plain);
  Loss const loss(t.episodes.tokens());
  loss.accumulate(policy, t);
  grove::zero_gradients(plain.parameters());
  plain.accumulate(t, all(t), Column::LogProb, grove::Scope::Token,
                   [&](std::size_t, grove::TokenOutputs<float>, grove::TokenGradients<float> d) {
                     std::ranges::copy(loss.a, d.log_prob.begin());
                   });
  auto const own = policy.parameters();
  auto const expected = plain.parameters();
  auto const critics = own.size() - expected.size();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(gradient_of(own[critics + i]) == gradient_of(expected[i]));
    CHECK_FALSE(own[critics + i].critic);
  }
  double of_critic = 0;
  for (std::size_t i = 0; i < critics; ++i) {
    CHECK(own[i].critic);
    CHECK(own[i].name.starts_with("critic."));
    of_critic += norm_of(gradient_of(own[i]));
  }
  CHECK(of_critic > 0.1);
}

TEMPLATE_TEST_CASE("a composition without a critic trains the same bits with a value head as without", "", Shared,
                   Separate) {
  auto const trained = [](auto policy) {
    grove::Trainer trainer(grove::GrpoTokenMean{}, std::move(policy), tiny::sampler(), tiny::EvenTokens{},
                           {.schedule = {.peak = 1e-3}, .minibatches = 2});
    trainer.run(2);
    std::map<std::string, std::vector<float>, std::less<>> values;
    for (auto const& p : trainer.policy().parameters()) {
      auto const* v = static_cast<float const*>(p.value);
      values[std::string(p.name)].assign(v, v + p.size);
    }
    return values;
  };
  auto const with = trained(TestType(tiny::policy()));
  for (auto const& [name, values] : trained(tiny::policy())) CHECK(with.at(name) == values);
}

namespace {

grove::Ppo ppo() {
  grove::Ppo algorithm;
  algorithm.objective.get<grove::ValueLoss<>>() = {.coefficient = 1, .clip = 100};
  return algorithm;
}

std::map<std::string, std::vector<float>, std::less<>> values_of(std::vector<grove::ParameterView> const& parameters) {
  std::map<std::string, std::vector<float>, std::less<>> values;
  for (auto const& p : parameters) {
    auto const* v = static_cast<float const*>(p.value);
    values[std::string(p.name)].assign(v, v + p.size);
  }
  return values;
}

}  // namespace

TEMPLATE_TEST_CASE("while the critic warms up it alone is trained; then the policy's moments start afresh", "", Shared,
                   Separate) {
  grove::TrainOptions const options{.schedule = {.peak = 1e-3}, .minibatches = 2, .value_warmup_steps = 2};
  grove::Trainer trainer(ppo(), TestType(tiny::policy()), tiny::sampler(), tiny::EvenTokens{}, options);
  auto const start = values_of(trainer.policy().parameters());
  trainer.run(2);
  bool learns = false;
  for (auto const& p : trainer.policy().parameters()) {
    auto const now = values_of({p}).begin()->second;
    if (p.critic)
      learns |= now != start.at(std::string(p.name));
    else
      CHECK(now == start.at(std::string(p.name)));
  }
  CHECK(learns);
  // Adam's first step is the learning rate in every element with a gradient, however long the critic warmed up.
  grove::TrainOptions one = options;
  one.minibatches = 1;
  grove::Trainer single(ppo(), TestType(tiny::policy()), tiny::sampler(), tiny::EvenTokens{}, one);
  single.run(3);
  double largest = 0;
  for (auto const& p : single.policy().parameters()) {
    if (p.critic) continue;
    auto const& before = start.at(std::string(p.name));
    for (std::size_t i = 0; i < p.size; ++i)
      largest = std::max(largest, std::abs(grove::value_at(p, i) - static_cast<double>(before[i])));
  }
  CHECK(largest == Approx(1e-3).epsilon(1e-2));
}

TEST_CASE("a critic warms up only where there is one") {
  grove::TrainOptions const options{.value_warmup_steps = 1};
  auto const make = [&](auto algorithm, auto policy) {
    grove::Trainer trainer(algorithm, std::move(policy), tiny::sampler(), tiny::EvenTokens{}, options);
  };
  REQUIRE_THROWS_WITH(make(grove::GrpoTokenMean{}, Shared(tiny::policy())),
                      Contains("value_warmup_steps") && Contains("no critic to warm up"));
  REQUIRE_NOTHROW(make(grove::Ppo{}, Shared(tiny::policy())));
}

TEST_CASE("a critic's learning rate is its own") {
  auto const moved = [](auto policy) {
    auto const before = values_of(policy.parameters());
    grove::Trainer trainer(ppo(), std::move(policy), tiny::sampler(), tiny::EvenTokens{},
                           {.schedule = {.peak = 1e-3}, .max_grad_norm = 0});
    trainer.step();
    double policys = 0, critics = 0;
    for (auto const& p : trainer.policy().parameters())
      for (std::size_t i = 0; i < p.size; ++i) {
        double const by = std::abs(grove::value_at(p, i) - static_cast<double>(before.at(std::string(p.name))[i]));
        double& most = p.critic ? critics : policys;
        most = std::max(most, by);
      }
    return std::pair(policys, critics);
  };
  auto const [shared, head] = moved(Shared(tiny::policy(), {.rate = 4}));
  CHECK(shared == Approx(1e-3).epsilon(1e-2));
  CHECK(head == Approx(4e-3).epsilon(1e-2));
  auto const [policy, critic] = moved(Separate(tiny::policy(), {.rate = 0.25}));
  CHECK(policy == Approx(1e-3).epsilon(1e-2));
  CHECK(critic == Approx(0.25e-3).epsilon(1e-2));
}

TEST_CASE("the critic comes to foresee the rewards") {
  auto const trained = [](auto policy, std::size_t steps) {
    grove::Trainer trainer(ppo(), std::move(policy), tiny::sampler({.problems = 8, .group = 4, .max_tokens = 8}),
                           tiny::EvenTokens{},
                           {.schedule = {.peak = 3e-3}, .epochs = 4, .minibatches = 2, .value_warmup_steps = steps});
    std::vector<grove::Metrics> metrics;
    trainer.run(steps, [&](auto&, grove::StepReport const& report) { metrics.push_back(report.metrics); });
    CHECK(std::abs(*metrics.front().find("critic/vf_explained_var")) < 0.05);  // all values are 0
    CHECK(*metrics.back().find("value_loss") < 0.3 * *metrics.front().find("value_loss"));
    return *metrics.back().find("critic/vf_explained_var");
  };
  trained(Shared(tiny::policy(), {.rate = 10}), 25);   // the head alone: the mean, at least
  CHECK(trained(Separate(tiny::policy()), 40) > 0.1);  // a network of its own counts what it has seen
}

TEMPLATE_TEST_CASE("a clone is frozen and has the critic's values; a saved critic loads again", "", Shared, Separate) {
  auto policy = with_critic<TestType>();
  auto const t = tiny::sampler().collect(policy);
  auto const copy = policy.clone();
  auto const before = scored(policy, t);
  CHECK(scored(copy, t).value == before.value);
  CHECK(copy.version() == policy.version());
  TemporaryFolder const folder("critic");
  policy.save(folder.path);
  set_head(policy.parameters());
  for (auto const& p : policy.parameters())
    if (p.critic) grove::set_value(p, 0, 3.0);
  policy.commit();
  CHECK(scored(copy, t).value == before.value);
  CHECK(scored(policy, t).value != before.value);
  auto const plain = grove::AnyCausalLm::load(folder.path, {.threads = 1});  // the model alone, as ever
  std::vector<float> log_prob(t.episodes.tokens());
  plain.score(t, all(t), Column::LogProb, {.log_prob = log_prob});
  CHECK(log_prob == before.log_prob);
  auto const at = std::is_same_v<TestType, Shared> ? folder.path : folder.path / "critic";
  Shared again(grove::AnyCausalLm::load(at, {.threads = 1}));
  again.head().load(at);
  CHECK(scored(again, t, Column::Value).value == before.value);
}

TEST_CASE("a head of another width is refused by file, tensor and shape") {
  TemporaryFolder const folder("head");
  std::filesystem::create_directories(folder.path);
  grove::ValueHead(8).save(folder.path);
  grove::ValueHead other(9);
  REQUIRE_THROWS_WITH(other.load(folder.path), Contains("value_head.weight") && Contains("[1,9]"));
  grove::ValueHead same(8);
  REQUIRE_NOTHROW(same.load(folder.path));
  REQUIRE_NOTHROW(other.load(folder.path / "nowhere"));  // a model that had no critic yet
}
