// SPDX-License-Identifier: Apache-2.0
// The bandit with what its example leaves out: sequences of several tokens, a value, groups that can be taken out and
// added. For tests of the trainer.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/random.hpp"

namespace test {

struct Walks {
  grove::Episodes episodes{};
  std::vector<std::size_t> arms{};        // [tokens]
  std::vector<double> log_probs{};        // [tokens]
  std::vector<double> reward{};           // [sequences]
  std::vector<std::uint64_t> versions{};  // [tokens]

  std::span<const double> rollout_log_probs() const { return log_probs; }
  std::span<const std::uint64_t> policy_versions() const { return versions; }
  std::span<const double> rewards() const { return reward; }

  Walks select(grove::Sequences sequences) const {
    Walks chosen;
    for (auto s : sequences) {
      chosen.episodes.add(episodes.length(s), episodes.group[s], episodes.truncated[s] != 0);
      chosen.reward.push_back(reward[s]);
      for (auto i = episodes.cu_seqlens[s]; i < episodes.cu_seqlens[s + 1]; ++i) {
        chosen.arms.push_back(arms[i]);
        chosen.log_probs.push_back(log_probs[i]);
        chosen.versions.push_back(versions[i]);
      }
    }
    return chosen;
  }

  /// Groups of `other` get ids of their own.
  void append(Walks const& other) {
    std::uint32_t next = 0;
    for (auto g : episodes.group) next = std::max(next, g + 1);
    for (std::size_t s = 0; s < other.episodes.sequences(); ++s)
      episodes.add(other.episodes.length(s), next + other.episodes.group[s], other.episodes.truncated[s] != 0);
    auto const add = [](auto& to, auto const& from) { to.insert(to.end(), from.begin(), from.end()); };
    add(arms, other.arms);
    add(log_probs, other.log_probs);
    add(reward, other.reward);
    add(versions, other.versions);
  }

  std::size_t groups() const { return std::set(episodes.group.begin(), episodes.group.end()).size(); }
};

/// Each token is a draw from one softmax; the value of every state is one number.
class Walker {
 public:
  using Real = double;
  using Trajectories = Walks;
  static constexpr grove::ColumnSet provides = {grove::Column::LogProb, grove::Column::Entropy, grove::Column::Value};

  explicit Walker(std::size_t arms) : logits_(arms), d_logits_(arms), shape_{arms} {}

  std::vector<double> logits() const { return logits_; }
  double value() const { return value_; }
  static std::vector<double> probabilities(std::vector<double> const& logits) {
    double sum = 0;
    for (double z : logits) sum += std::exp(z);
    std::vector<double> p;
    for (double z : logits) p.push_back(std::exp(z) / sum);
    return p;
  }

  void score(Walks const& t, grove::Sequences sequences, grove::ColumnSet, grove::TokenOutputs<double> out) const {
    auto const p = probabilities(logits_);
    double entropy = 0;
    for (double x : p) entropy -= x * std::log(x);
    std::size_t i = 0;
    for (auto s : sequences)
      for (auto t0 = t.episodes.cu_seqlens[s]; t0 < t.episodes.cu_seqlens[s + 1]; ++t0, ++i) {
        if (!out.log_prob.empty()) out.log_prob[i] = std::log(p[t.arms[t0]]);
        if (!out.entropy.empty()) out.entropy[i] = entropy;
        if (!out.value.empty()) out.value[i] = value_;
      }
    for (auto& x : out.bootstrap) x = value_;
  }

  template <grove::OutputConsumer<double> F>
  void accumulate(Walks const& t, grove::Sequences sequences, grove::ColumnSet wanted, grove::Scope, F&& consume) {
    auto const n = grove::count_tokens(t.episodes, sequences);
    std::vector<double> log_prob(n), entropy(n), value(n), d_log_prob(n), d_entropy(n), d_value(n);
    grove::TokenOutputs<double> const out{.log_prob = log_prob, .entropy = entropy, .value = value};
    score(t, sequences, wanted, out);
    consume(0, out, {.log_prob = d_log_prob, .entropy = d_entropy, .value = d_value});
    auto const p = probabilities(logits_);
    std::size_t i = 0;
    for (auto s : sequences)
      for (auto t0 = t.episodes.cu_seqlens[s]; t0 < t.episodes.cu_seqlens[s + 1]; ++t0, ++i) {
        for (std::size_t arm = 0; arm < p.size(); ++arm)
          d_logits_[arm] +=
              d_log_prob[i] * ((arm == t.arms[t0]) - p[arm]) - d_entropy[i] * p[arm] * (std::log(p[arm]) + entropy[i]);
        d_value_ += d_value[i];
      }
  }

  std::vector<grove::ParameterView> parameters() {
    auto const view = [&](std::string_view name, std::span<const std::size_t> shape, std::size_t size, double* value,
                          double* gradient) {
      return grove::ParameterView{.name = name,
                                  .shape = shape,
                                  .size = size,
                                  .value = value,
                                  .gradient = gradient,
                                  .dtype = grove::Dtype::F64,
                                  .decay = false,
                                  .critic = name == "value"};
    };
    return {view("logits", shape_, logits_.size(), logits_.data(), d_logits_.data()),
            view("value", one_, 1, &value_, &d_value_)};
  }
  Walker clone() const { return *this; }
  std::uint64_t version() const { return version_; }
  void commit() { ++version_; }

 private:
  std::vector<double> logits_, d_logits_;
  double value_ = 0, d_value_ = 0;
  std::vector<std::size_t> shape_, one_{1};
  std::uint64_t version_ = 0;
};
static_assert(grove::Policy<Walker>);

/// Walks of 0 to 6 steps in groups; the reward is the mean arm, as a share of the best.
struct Wander {
  std::size_t groups = 6, samples = 4;
  std::uint64_t seed = 0, collection = 0;

  std::size_t group_size() const { return samples; }

  Walks collect(Walker& policy) {
    Walks t;
    auto const p = Walker::probabilities(policy.logits());
    grove::RandomStream const random({seed, grove::Purpose::Action}, collection++);
    for (std::uint32_t group = 0; group < groups; ++group)
      for (std::uint32_t sample = 0; sample < samples; ++sample) {
        auto const length = static_cast<std::uint32_t>(7 * uniform(random, {.index = group, .sample = sample}));
        double sum = 0;
        for (std::uint32_t i = 0; i < length; ++i) {
          double u = uniform(random, {.index = group, .sample = sample, .token = i + 1});
          std::size_t arm = 0;
          while (arm + 1 < p.size() && u >= p[arm]) u -= p[arm++];
          t.arms.push_back(arm);
          t.log_probs.push_back(std::log(p[arm]));
          t.versions.push_back(policy.version());
          sum += static_cast<double>(arm);
        }
        t.episodes.add(length, group, false);
        t.reward.push_back(length > 0 ? sum / static_cast<double>(length * (p.size() - 1)) : 0.0);
      }
    return t;
  }
};

}  // namespace test
