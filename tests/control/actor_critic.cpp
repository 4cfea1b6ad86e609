// SPDX-License-Identifier: Apache-2.0
// The small networks: forward and backward against the same written plainly in double, initial weights, acting.
#include "grove/control/actor_critic.hpp"

#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "grove/optim/adamw.hpp"
#include "support/catch.hpp"

namespace control = grove::control;
using grove::Column;
using grove::ColumnSet;
using grove::ParameterView;

namespace {

using Flat = std::vector<std::vector<double>>;  // one a parameter

template <class P>
Flat values_of(P& policy) {
  Flat out;
  for (auto const& p : policy.parameters()) {
    auto const* v = static_cast<float const*>(p.value);
    out.emplace_back(v, v + p.size);
  }
  return out;
}

template <class P>
Flat gradients_of(P& policy) {
  Flat out;
  for (auto const& p : policy.parameters()) {
    auto const* g = static_cast<float const*>(p.gradient);
    out.emplace_back(g, g + p.size);
  }
  return out;
}

/// A network in double: weights, biases, weights, ...; a layer of fewer than four outputs is stored output by output.
template <class Activation>
std::vector<double> plain_forward(double const* x, std::vector<std::size_t> const& sizes, Flat const& parameters,
                                  std::size_t first) {
  std::vector<double> in(x, x + sizes[0]);
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    auto const &w = parameters[first + 2 * l], &b = parameters[first + 2 * l + 1];
    std::vector<double> out(sizes[l + 1]);
    for (std::size_t o = 0; o < out.size(); ++o) {
      out[o] = b[o];
      for (std::size_t i = 0; i < in.size(); ++i)
        out[o] += in[i] * (out.size() < 4 ? w[o * in.size() + i] : w[i * out.size() + o]);
      if (l + 2 < sizes.size()) {
        if constexpr (std::same_as<Activation, control::Tanh>)
          out[o] = std::tanh(out[o]);
        else
          out[o] = std::max(out[o], 0.0);
      }
    }
    in = out;
  }
  return in;
}

struct Outputs {
  double log_prob = 0, entropy = 0;
};

template <std::size_t N>
Outputs plain_head(std::vector<double> const& z, std::uint32_t action, Flat const&) {
  double sum = 0;
  for (double x : z) sum += std::exp(x);
  Outputs out{.log_prob = z[action] - std::log(sum)};
  for (double x : z) out.entropy -= std::exp(x) / sum * (x - std::log(sum));
  return out;
}

template <std::size_t N>
Outputs plain_head(std::vector<double> const& mean, std::array<float, N> const& action, Flat const& parameters) {
  Outputs out;
  double const half_log_two_pi = 0.5 * std::log(2 * std::acos(-1.0));
  for (std::size_t i = 0; i < N; ++i) {
    double const s = parameters.back()[i], z = (static_cast<double>(action[i]) - mean[i]) / std::exp(s);
    out.log_prob += -0.5 * z * z - s - half_log_two_pi;
    out.entropy += 0.5 + half_log_two_pi + s;
  }
  return out;
}

/// Coefficients of a loss that is linear in the outputs of each token.
struct Coefficients {
  std::vector<float> log_prob, entropy, value;

  Coefficients(std::size_t n, bool critic) {
    grove::RandomSequence random(grove::RandomStream({3}));
    for (std::size_t i = 0; i < n; ++i) {
      log_prob.push_back(static_cast<float>(random.normal()));
      entropy.push_back(static_cast<float>(random.normal()));
      value.push_back(critic ? static_cast<float>(random.normal()) : 0.0f);
    }
  }
};

template <class P>
typename P::Trajectories random_experience(std::size_t n) {
  using Action = typename P::Action;
  grove::RandomSequence random(grove::RandomStream({1}));
  typename P::Trajectories t;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < P::observation_size; ++k) t.observations.push_back(static_cast<float>(random.normal()));
    Action action{};
    if constexpr (std::same_as<Action, std::uint32_t>)
      action = random.below(3);
    else
      for (auto& a : action) a = static_cast<float>(2 * random.normal());
    t.actions.push_back(action);
  }
  t.episodes.add(n, 0, false);
  return t;
}

template <class P, class Activation>
struct Case {
  using Policy = P;
  using Act = Activation;
  std::vector<std::size_t> hidden;

  /// The loss in double, of the outputs of all tokens in order.
  double loss(typename P::Trajectories const& t, Flat const& parameters, Coefficients const& c, bool critic) const {
    double sum = 0;
    auto sizes = hidden;
    sizes.insert(sizes.begin(), P::observation_size);
    sizes.push_back(P::PolicyNetwork::outputs);
    auto value_sizes = sizes;
    value_sizes.back() = 1;
    for (std::size_t i = 0; i < t.actions.size(); ++i) {
      std::vector<double> x(&t.observations[i * P::observation_size],
                            &t.observations[i * P::observation_size] + P::observation_size);
      auto const z = plain_forward<Activation>(x.data(), sizes, parameters, 0);
      auto const out = plain_head<P::PolicyNetwork::outputs>(z, t.actions[i], parameters);
      sum += static_cast<double>(c.log_prob[i]) * out.log_prob + static_cast<double>(c.entropy[i]) * out.entropy;
      if (critic)
        sum += static_cast<double>(c.value[i]) *
               plain_forward<Activation>(x.data(), value_sizes, parameters, 2 * (sizes.size() - 1))[0];
    }
    return sum;
  }
};

template <class C>
void check_gradients(C const& test, std::size_t n, bool critic) {
  typename C::Policy policy({.seed = 5, .log_deviation = -0.3, .policy_gain = 1.0});
  auto const t = random_experience<typename C::Policy>(n);
  std::vector<std::uint32_t> tokens(n);
  std::iota(tokens.begin(), tokens.end(), 0u);
  Coefficients const c(n, critic);
  double got = 0;
  auto const consume = [&](std::size_t first, grove::TokenOutputs<float> out, grove::TokenGradients<float> gradients) {
    REQUIRE(first == 0);
    REQUIRE(out.log_prob.size() == n);
    REQUIRE(out.value.size() == (critic ? n : 0));
    for (std::size_t i = 0; i < n; ++i) {
      got += static_cast<double>(c.log_prob[i] * out.log_prob[i]) + static_cast<double>(c.entropy[i] * out.entropy[i]);
      if (critic) got += static_cast<double>(c.value[i] * out.value[i]);
      gradients.log_prob[i] = c.log_prob[i];
      gradients.entropy[i] = c.entropy[i];
      if (critic) gradients.value[i] = c.value[i];
    }
  };
  auto const wanted = Column::LogProb | Column::Entropy | (critic ? ColumnSet(Column::Value) : ColumnSet{});
  grove::zero_gradients(policy.parameters());
  policy.accumulate(t, tokens, wanted, grove::Scope::Token, consume);
  auto parameters = values_of(policy);
  double const expected = test.loss(t, parameters, c, critic);
  CHECK(got == Approx(expected).epsilon(1e-4).margin(1e-3));
  auto const gradients = gradients_of(policy);
  double scale = 0;
  for (auto const& g : gradients)
    for (double x : g) scale = std::max(scale, std::abs(x));
  for (std::size_t p = 0; p < parameters.size(); ++p)
    for (std::size_t i = 0; i < parameters[p].size(); ++i) {
      double const x = parameters[p][i], h = 1e-6;
      parameters[p][i] = x + h;
      double const above = test.loss(t, parameters, c, critic);
      parameters[p][i] = x - h;
      double const below = test.loss(t, parameters, c, critic);
      parameters[p][i] = x;
      INFO("parameter " << p << " element " << i);
      CHECK(std::abs(gradients[p][i] - (above - below) / (2 * h)) <= 1e-5 * scale);
    }
}

using Softmax = control::ActorCritic<5, control::Categorical<3>, control::Hidden<7, 12>>;
using Rectified = control::ActorCritic<3, control::DiagonalGaussian<2>, control::Hidden<19>, control::Relu>;
using Deep = control::ActorCritic<2, control::DiagonalGaussian<5>, control::Hidden<4, 33, 3>>;

}  // namespace

TEST_CASE("Networks' gradients are those of the same written plainly in double") {
  for (std::size_t n : {1, 5, 70}) {
    for (bool critic : {true, false}) {
      INFO(n << " tokens" << (critic ? " with critic" : ""));
      check_gradients(Case<Softmax, control::Tanh>{{7, 12}}, n, critic);
      check_gradients(Case<Rectified, control::Relu>{{19}}, n, critic);
      check_gradients(Case<Deep, control::Tanh>{{4, 33, 3}}, n, critic);
    }
  }
}

TEST_CASE("Gradients add up over calls and do not depend on how tokens are split or ordered") {
  constexpr std::size_t n = 140;
  auto const t = random_experience<Rectified>(n);
  auto const gradients = [&](std::vector<std::vector<std::uint32_t>> const& parts) {
    Rectified policy({.seed = 2});
    grove::zero_gradients(policy.parameters());
    for (auto const& part : parts)
      policy.accumulate(t, part, Column::LogProb | Column::Value, grove::Scope::Token,
                        [&](std::size_t, grove::TokenOutputs<float> out, grove::TokenGradients<float> g) {
                          CHECK(out.entropy.empty());
                          for (std::size_t i = 0; i < part.size(); ++i) {
                            g.log_prob[i] = static_cast<float>(part[i] % 7) - 3;
                            g.value[i] = static_cast<float>(part[i] % 5) - 2;
                          }
                        });
    return gradients_of(policy);
  };
  std::vector<std::uint32_t> all(n);
  std::iota(all.begin(), all.end(), 0u);
  std::vector<std::uint32_t> const left(all.begin(), all.begin() + 33), right(all.begin() + 33, all.end());
  std::vector<std::uint32_t> const reversed(all.rbegin(), all.rend());
  auto const whole = gradients({all});
  double scale = 0;
  for (auto const& g : whole)
    for (double x : g) scale = std::max(scale, std::abs(x));
  REQUIRE(scale > 1);
  for (auto const& other : {gradients({left, right}), gradients({reversed})})
    for (std::size_t p = 0; p < whole.size(); ++p)
      for (std::size_t i = 0; i < whole[p].size(); ++i) CHECK(std::abs(whole[p][i] - other[p][i]) <= 1e-6 * scale);
}

TEST_CASE("Initial weights are orthogonal with Stable-Baselines3's gains") {
  control::ActorCritic<3, control::Categorical<2>, control::Hidden<64, 32>> policy({.seed = 4});
  auto const views = policy.parameters();
  std::vector<std::string> names;
  for (auto const& view : views) names.emplace_back(view.name);
  CHECK(names == std::vector<std::string>{"policy.0.weight", "policy.0.bias", "policy.1.weight", "policy.1.bias",
                                          "policy.2.weight", "policy.2.bias", "value.0.weight", "value.0.bias",
                                          "value.1.weight", "value.1.bias", "value.2.weight", "value.2.bias"});
  std::vector<double> const gains = {std::sqrt(2.0), std::sqrt(2.0), 0.01, std::sqrt(2.0), std::sqrt(2.0), 1.0};
  for (std::size_t l = 0; l < gains.size(); ++l) {
    auto const& w = views[2 * l];
    auto const* value = static_cast<float const*>(w.value);
    auto const rows = w.shape[0], columns = w.shape[1], count = std::min(rows, columns);
    REQUIRE(w.size == rows * columns);
    auto const element = [&](std::size_t vector, std::size_t k) {
      return static_cast<double>(rows <= columns ? value[vector * columns + k] : value[k * columns + vector]);
    };
    for (std::size_t a = 0; a < count; ++a)
      for (std::size_t b = 0; b <= a; ++b) {
        double dot = 0;
        for (std::size_t k = 0; k < std::max(rows, columns); ++k) dot += element(a, k) * element(b, k);
        CHECK(dot == Approx(a == b ? gains[l] * gains[l] : 0.0).margin(1e-5 * gains[l] * gains[l]));
      }
    auto const& bias = views[2 * l + 1];
    for (std::size_t i = 0; i < bias.size; ++i) CHECK(static_cast<float const*>(bias.value)[i] == 0.0f);
  }
  control::ActorCritic<3, control::Categorical<2>, control::Hidden<64, 32>> same({.seed = 4}), other({.seed = 5});
  CHECK(values_of(same) == values_of(policy));
  CHECK(values_of(other) != values_of(policy));
}

TEST_CASE("A copy shares nothing with its original") {
  Rectified policy({.seed = 1});
  auto copy = policy.clone();
  auto const before = values_of(copy);
  static_cast<float*>(policy.parameters()[0].value)[0] += 1.0f;
  CHECK(values_of(copy) == before);
  CHECK(copy.parameters()[0].value != policy.parameters()[0].value);
}

TEST_CASE("What a policy does and what it scores are the same bits") {
  Deep policy({.seed = 3, .policy_gain = 1.0});
  constexpr std::size_t n = 83;
  auto t = random_experience<Deep>(n);
  t.final_observations.assign(t.observations.begin(), t.observations.begin() + 2);
  t.episodes = {};
  t.episodes.add(n, 0, true);
  grove::RandomStream const random({7, grove::Purpose::Action});
  std::vector<float> log_probs(n), scored(n), value(n), bootstrap(1);
  policy.act(t.observations, random, 9, t.actions, log_probs);
  std::vector<std::uint32_t> const all = {0};
  policy.score(t, all, Column::LogProb | Column::Value, {.log_prob = scored, .value = value, .bootstrap = bootstrap});
  CHECK(log_probs == scored);
  CHECK(bootstrap[0] == value[0]);
  std::vector<Deep::Action> one(1);
  std::vector<float> its_log_prob(1);
  policy.act(std::span(t.observations).first(2), random, 9, one, its_log_prob);
  CHECK(one[0] == t.actions[0]);
  CHECK(its_log_prob[0] == log_probs[0]);
}

TEST_CASE("A terminated sequence's bootstrap is left alone") {
  Softmax policy({.seed = 3});
  auto t = random_experience<Softmax>(4);
  t.episodes = {};
  t.episodes.add(3, 0, false);
  t.episodes.add(1, 0, true);
  t.final_observations.assign(10, 0.5f);
  std::vector<float> value(4), bootstrap = {0.0f, 0.0f};
  std::vector<std::uint32_t> const all = {0, 1};
  policy.score(t, all, Column::Value, {.value = value, .bootstrap = bootstrap});
  CHECK(bootstrap[0] == 0.0f);
  CHECK(bootstrap[1] != 0.0f);
  std::vector<float> swapped(2);
  std::vector<std::uint32_t> const turned = {1, 0};
  std::vector<float> turned_value(4);
  policy.score(t, turned, Column::Value, {.value = turned_value, .bootstrap = swapped});
  CHECK(swapped == std::vector<float>{bootstrap[1], 0.0f});
  CHECK(turned_value == std::vector<float>{value[3], value[0], value[1], value[2]});
}
