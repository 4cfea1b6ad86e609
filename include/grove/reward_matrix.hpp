// SPDX-License-Identifier: Apache-2.0
// Rewards stay apart until they are shaped: [rewards x samples] with a weight a reward and a mask, because a reward may
// decline a sample and some estimators normalise each reward by itself.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/error.hpp"

namespace grove {

class RewardMatrix {
 public:
  RewardMatrix() = default;
  RewardMatrix(std::vector<std::string> names, std::vector<double> weights, std::size_t samples)
      : names_(std::move(names)), weights_(std::move(weights)), samples_(samples) {
    if (names_.size() != weights_.size())
      throw Error("RewardMatrix",
                  std::to_string(weights_.size()) + " weights for " + std::to_string(names_.size()) + " rewards",
                  "one weight a reward", "give as many reward weights as rewards");
    values_.resize(names_.size() * samples_);
  }

  std::size_t rewards() const { return names_.size(); }
  std::size_t samples() const { return samples_; }
  std::string const& name(std::size_t reward) const { return names_[reward]; }
  double weight(std::size_t reward) const { return weights_[reward]; }

  /// A reward's score of a sample; none where the reward declined it.
  std::optional<double> const& operator()(std::size_t reward, std::size_t sample) const {
    return values_[reward * samples_ + sample];
  }
  std::optional<double>& operator()(std::size_t reward, std::size_t sample) {
    return values_[reward * samples_ + sample];
  }

  /// Sets a score that is earned token by token: the sample's reward is the sum.
  void set_tokens(std::size_t reward, std::size_t sample, std::vector<double> tokens) {
    tokens_.resize(values_.size());
    (*this)(reward, sample) = std::accumulate(tokens.begin(), tokens.end(), 0.0);
    tokens_[reward * samples_ + sample] = std::move(tokens);
  }
  /// What each token of a sample earned under a reward; empty where the score is one number.
  std::span<const double> tokens(std::size_t reward, std::size_t sample) const {
    return tokens_.empty() ? std::span<const double>() : tokens_[reward * samples_ + sample];
  }
  /// Whether some score is earned token by token.
  bool has_tokens() const {
    return std::ranges::any_of(tokens_, [](auto const& tokens) { return !tokens.empty(); });
  }

  /// Adds the scores of some samples of another matrix of the same rewards; an empty matrix takes its rewards.
  void append(RewardMatrix const& other, std::span<const std::uint32_t> samples) {
    if (names_.empty()) {
      names_ = other.names_;
      weights_ = other.weights_;
    }
    std::vector<std::optional<double>> values;
    std::vector<std::vector<double>> tokens;
    auto const add = [&](RewardMatrix const& from, std::size_t r, std::size_t s) {
      values.push_back(from(r, s));
      auto const of_sample = from.tokens(r, s);
      tokens.emplace_back(of_sample.begin(), of_sample.end());
    };
    for (std::size_t r = 0; r < rewards(); ++r) {
      for (std::size_t s = 0; s < samples_; ++s) add(*this, r, s);
      for (auto s : samples) add(other, r, s);
    }
    samples_ += samples.size();
    values_ = std::move(values);
    tokens_ = std::move(tokens);
  }

  /// These scores under other rewards' names, order and weights: what a recording holds, weighed as a run weighs it.
  /// Rewards that are not among `names` are an error; those that are not here are declined by all.
  RewardMatrix weighed_as(std::vector<std::string> names, std::vector<double> weights) const {
    RewardMatrix matrix(std::move(names), std::move(weights), samples_);
    for (std::size_t r = 0; r < rewards(); ++r) {
      auto const at = std::ranges::find(matrix.names_, names_[r]);
      if (at == matrix.names_.end())
        throw Error("recording", "it has a reward '" + names_[r] + "'", "the rewards of this run",
                    "add it to them, with weight 0 to leave it out");
      auto const to = static_cast<std::size_t>(at - matrix.names_.begin());
      for (std::size_t s = 0; s < samples_; ++s) {
        matrix(to, s) = (*this)(r, s);
        if (auto const earned = tokens(r, s); !earned.empty()) matrix.set_tokens(to, s, {earned.begin(), earned.end()});
      }
    }
    return matrix;
  }

  /// The weighted sum of a sample's rewards; none where every reward declined it, and the sample then counts nowhere.
  std::optional<double> combined(std::size_t sample) const {
    std::optional<double> sum;
    for (std::size_t r = 0; r < rewards(); ++r)
      if (auto const& value = (*this)(r, sample)) sum = sum.value_or(0.0) + weights_[r] * *value;
    return sum;
  }

  /// The part of `combined` that is earned at the last token: of scores that are one number.
  double combined_at_end(std::size_t sample) const {
    double sum = 0;
    for (std::size_t r = 0; r < rewards(); ++r)
      if (auto const& value = (*this)(r, sample); value && tokens(r, sample).empty()) sum += weights_[r] * *value;
    return sum;
  }

  /// Adds the rest of `combined`, token by token: `earned` is as long as the sample.
  template <class T>
  void add_tokens_to(std::size_t sample, std::span<T> earned) const {
    for (std::size_t r = 0; r < rewards(); ++r) {
      auto const scores = tokens(r, sample);
      for (std::size_t t = 0; t < scores.size(); ++t) earned[t] += static_cast<T>(weights_[r] * scores[t]);
    }
  }

 private:
  std::vector<std::string> names_;
  std::vector<double> weights_;
  std::size_t samples_ = 0;
  std::vector<std::optional<double>> values_;
  std::vector<std::vector<double>> tokens_;  ///< as values_; empty while every score is one number
};

}  // namespace grove
