// SPDX-License-Identifier: Apache-2.0
// The smallest policy there is: a softmax over arms, one token a sequence, no tensor library. It trains through the
// same Trainer, estimator and objective types as a language model, which shows that none of them knows about text.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/random.hpp"

/// Pulls of arms: the payload is the arm of each token.
struct Pulls {
  grove::Episodes episodes;
  std::vector<std::size_t> arms;
  std::vector<double> log_probs, reward;
  std::vector<std::uint64_t> versions;

  std::span<const double> rollout_log_probs() const { return log_probs; }
  std::span<const std::uint64_t> policy_versions() const { return versions; }
  std::span<const double> rewards() const { return reward; }
};

class SoftmaxBandit {
 public:
  using Real = double;
  using Trajectories = Pulls;
  static constexpr grove::ColumnSet provides = {grove::Column::LogProb, grove::Column::Entropy};

  explicit SoftmaxBandit(std::size_t arms) : logits_(arms), gradient_(arms), shape_{arms} {}

  std::vector<double> probabilities() const {
    double sum = 0;
    for (double z : logits_) sum += std::exp(z);
    std::vector<double> p;
    for (double z : logits_) p.push_back(std::exp(z) / sum);
    return p;
  }

  void score(Pulls const& t, grove::Sequences sequences, grove::ColumnSet, grove::TokenOutputs<double> out) const {
    auto const p = probabilities();
    double entropy = 0;
    for (double x : p) entropy -= x * std::log(x);
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      if (!out.log_prob.empty()) out.log_prob[i] = std::log(p[t.arms[sequences[i]]]);
      if (!out.entropy.empty()) out.entropy[i] = entropy;
    }
  }

  /// With d log p_a / d logit_k = [a = k] - p_k and dH / d logit_k = -p_k (log p_k + H).
  template <grove::OutputConsumer<double> F>
  void accumulate(Pulls const& t, grove::Sequences sequences, grove::ColumnSet wanted, grove::Scope, F&& consume) {
    auto const n = sequences.size();
    std::vector<double> log_prob(n), entropy(n), d_log_prob(n), d_entropy(n);
    score(t, sequences, wanted, {.log_prob = log_prob, .entropy = entropy});
    consume(0, {.log_prob = log_prob, .entropy = entropy}, {.log_prob = d_log_prob, .entropy = d_entropy});
    auto const p = probabilities();
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t arm = 0; arm < p.size(); ++arm)
        gradient_[arm] += d_log_prob[i] * ((arm == t.arms[sequences[i]]) - p[arm]) -
                          d_entropy[i] * p[arm] * (std::log(p[arm]) + entropy[i]);
  }

  std::vector<grove::ParameterView> parameters() {
    return {{.name = "logits",
             .shape = shape_,
             .size = logits_.size(),
             .value = logits_.data(),
             .gradient = gradient_.data(),
             .dtype = grove::Dtype::F64}};
  }
  SoftmaxBandit clone() const { return *this; }
  std::uint64_t version() const { return version_; }
  void commit() { ++version_; }

 private:
  std::vector<double> logits_, gradient_;
  std::vector<std::size_t> shape_;
  std::uint64_t version_ = 0;
};
static_assert(grove::Policy<SoftmaxBandit>);

/// Pulls arms in groups of equal circumstances; arm k pays k / (arms - 1).
struct PullArms {
  std::size_t groups = 8, pulls = 16;
  std::uint64_t seed = 0, collection = 0;

  Pulls collect(SoftmaxBandit& policy) {
    Pulls t;
    auto const p = policy.probabilities();
    grove::RandomStream const random({seed, grove::Purpose::Action}, collection++);
    for (std::uint32_t group = 0; group < groups; ++group)
      for (std::uint32_t pull = 0; pull < pulls; ++pull) {
        double u = uniform(random, {.index = group, .sample = pull});
        std::size_t arm = 0;
        while (arm + 1 < p.size() && u >= p[arm]) u -= p[arm++];
        t.episodes.add(1, group, false);
        t.arms.push_back(arm);
        t.log_probs.push_back(std::log(p[arm]));
        t.reward.push_back(static_cast<double>(arm) / static_cast<double>(p.size() - 1));
        t.versions.push_back(policy.version());
      }
    return t;
  }
};
static_assert(grove::Rollout<PullArms, SoftmaxBandit>);
