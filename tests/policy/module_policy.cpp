// SPDX-License-Identifier: Apache-2.0
// A small network on tensors learns which arm a context asks for, through the trainer that trains language models.
#include "grove/policy/module_policy.hpp"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <numeric>

#include "grove/algorithms.hpp"
#include "grove/error.hpp"
#include "grove/random.hpp"
#include "grove/reward/environment.hpp"
#include "support/catch.hpp"

namespace {

constexpr std::int64_t arms = 3;
constexpr std::int64_t features = 4;

/// One pull a sequence.
struct Pulls {
  grove::Episodes episodes;
  std::vector<float> contexts;  // [tokens, features]
  std::vector<std::int64_t> arm;
  std::vector<float> log_probs, reward;
  std::vector<std::uint64_t> versions;

  std::span<std::int64_t const> actions() const { return arm; }
  std::span<const float> rollout_log_probs() const { return log_probs; }
  std::span<const std::uint64_t> policy_versions() const { return versions; }
  std::span<const float> rewards() const { return reward; }
};

at::Tensor random_tensor(at::IntArrayRef shape, std::uint64_t index) {
  std::int64_t const size = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  grove::RandomSequence random(grove::RandomStream({.seed = 3, .purpose = grove::Purpose::Initialization}), index);
  std::vector<float> values(static_cast<std::size_t>(size));
  for (float& x : values) x = static_cast<float>(0.3 * random.normal());
  return at::tensor(values).view(shape);
}

struct Mlp {
  at::Tensor w1 = random_tensor({16, features}, 0), b1 = random_tensor({16}, 1);
  at::Tensor w2 = random_tensor({arms, 16}, 2), b2 = random_tensor({arms}, 3);

  at::Tensor logits(at::Tensor const& contexts) const {
    return at::linear(at::linear(contexts, w1, b1).tanh(), w2, b2);
  }

  at::Tensor operator()(Pulls const& t, grove::Sequences sequences) const {
    std::vector<float> chosen;
    for (auto s : sequences) {
      auto const* context = t.contexts.data() + t.episodes.cu_seqlens[s] * features;
      chosen.insert(chosen.end(), context, context + t.episodes.length(s) * features);
    }
    return logits(at::tensor(chosen).view({-1, features}));
  }
  std::vector<grove::ModuleParameter> parameters() const {
    return {{"w1", w1}, {"b1", b1, false}, {"w2", w2}, {"b2", b2, false}};
  }
  Mlp clone() const { return {w1.detach().clone(), b1.detach().clone(), w2.detach().clone(), b2.detach().clone()}; }
};
using MlpPolicy = grove::ModulePolicy<Pulls, Mlp>;
static_assert(grove::Policy<MlpPolicy>);

/// The arm that pays is the sign pattern of two features.
std::int64_t right_arm(float const* context) { return (context[0] > 0 ? 1 : 0) + (context[1] > 0 ? 1 : 0); }

struct PullArms {
  std::size_t groups = 16, pulls = 8;
  std::uint64_t collection = 0;

  Pulls collect(MlpPolicy& policy) {
    at::NoGradGuard const no_grad;
    Pulls t;
    grove::RandomStream const random({.seed = 1, .purpose = grove::Purpose::Action}, collection++);
    for (std::uint32_t group = 0; group < groups; ++group) {
      std::vector<float> context(features);
      for (std::uint32_t i = 0; i < features; ++i)
        context[i] = static_cast<float>(grove::normal(random, {.index = group, .sample = 1000, .token = i}));
      auto const p = at::softmax(policy.module().logits(at::tensor(context).view({1, features})), -1);
      auto const* probability = p.const_data_ptr<float>();
      for (std::uint32_t pull = 0; pull < pulls; ++pull) {
        double u = grove::uniform(random, {.index = group, .sample = pull});
        std::int64_t arm = 0;
        while (arm + 1 < arms && u >= probability[arm]) u -= probability[arm++];
        t.episodes.add(1, group, false);
        t.contexts.insert(t.contexts.end(), context.begin(), context.end());
        t.arm.push_back(arm);
        t.log_probs.push_back(std::log(probability[arm]));
        t.reward.push_back(arm == right_arm(context.data()) ? 1.0F : 0.0F);
        t.versions.push_back(policy.version());
      }
    }
    return t;
  }
};

std::vector<std::uint32_t> all(Pulls const& t) {
  std::vector<std::uint32_t> sequences(t.episodes.sequences());
  std::iota(sequences.begin(), sequences.end(), 0u);
  return sequences;
}

/// A scalar of the outputs, in double: what `accumulate` differentiates below.
double objective(MlpPolicy const& policy, Pulls const& t) {
  std::vector<float> log_prob(t.arm.size()), entropy(t.arm.size());
  policy.score(t, all(t), {grove::Column::LogProb, grove::Column::Entropy}, {.log_prob = log_prob, .entropy = entropy});
  double sum = 0;
  for (std::size_t i = 0; i < log_prob.size(); ++i)
    sum += std::sin(static_cast<double>(i)) * log_prob[i] + 0.5 * entropy[i];
  return sum;
}

}  // namespace

TEST_CASE("a module's gradients are those of finite differences") {
  MlpPolicy policy{Mlp{}};
  auto const t = PullArms{.groups = 3, .pulls = 4}.collect(policy);
  policy.accumulate(t, all(t), {grove::Column::LogProb, grove::Column::Entropy}, grove::Scope::Token,
                    [&](std::size_t first, grove::TokenOutputs<float> out, grove::TokenGradients<float> d) {
                      REQUIRE(out.log_prob.size() == t.arm.size());
                      for (std::size_t i = 0; i < out.log_prob.size(); ++i) {
                        REQUIRE(out.log_prob[i] == Approx(t.log_probs[first + i]).margin(1e-5));
                        d.log_prob[i] = std::sin(static_cast<float>(i));
                        d.entropy[i] = 0.5F;
                      }
                    });
  for (auto const& p : policy.parameters()) {
    auto* const value = static_cast<float*>(p.value);
    float const old = *value;
    constexpr float step = 1e-2F;
    *value = old + step;
    double const above = objective(policy, t);
    *value = old - step;
    double const below = objective(policy, t);
    *value = old;
    INFO(p.name);
    CHECK(*static_cast<float*>(p.gradient) == Approx((above - below) / (2 * step)).epsilon(1e-2).margin(1e-3));
  }
}

TEST_CASE("a small network learns which arm pays through the Trainer") {
  grove::Trainer trainer(grove::Grpo{}, MlpPolicy{Mlp{}}, PullArms{.groups = 32}, grove::EnvironmentReward{},
                         grove::TrainOptions{.schedule = {.peak = 3e-2}});
  double first = 0;
  double last = 0;
  for (int step = 0; step < 300; ++step) {
    double const reward = *trainer.step().metrics.find("reward");
    (step < 20 ? first : last) += step < 20 || step >= 280 ? reward / 20 : 0;
  }
  INFO("mean reward " << first << ", after training " << last);
  CHECK(first < 0.6);
  CHECK(last > 0.9);
}

TEST_CASE("a clone of a module has tensors of its own; copies of the policy share them") {
  MlpPolicy policy{Mlp{}};
  auto const t = PullArms{.groups = 2, .pulls = 2}.collect(policy);
  auto const copy = policy.clone();
  double const before = objective(policy, t);
  static_cast<float*>(policy.parameters()[0].value)[0] += 1;
  policy.commit();
  CHECK(policy.version() == 1);
  CHECK(objective(policy, t) != before);
  CHECK(objective(copy, t) == before);
}

TEST_CASE("a module that does not fit is one clear error") {
  Mlp wide;
  wide.w1 = wide.w1.to(at::kDouble);
  CHECK_THROWS_AS(MlpPolicy{wide}, grove::Error);
  MlpPolicy policy{Mlp{}};
  auto t = PullArms{.groups = 1, .pulls = 2}.collect(policy);
  t.arm[1] = arms;
  CHECK_THROWS_AS(objective(policy, t), grove::Error);
}
