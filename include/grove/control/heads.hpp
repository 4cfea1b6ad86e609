// SPDX-License-Identifier: Apache-2.0
// Distributions over actions, given the outputs of a network: log-prob, entropy and their derivatives.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>

#include "grove/random.hpp"

namespace grove::control {

/// Log-prob of an action and entropy of its distribution.
struct Likelihood {
  float log_prob = 0;
  float entropy = 0;
};

/// A head is made anew for each state of the parameters from those that no observation enters (`free_parameters` of
/// them), so that what they imply is computed once a batch.
///   Action, outputs, free_parameters       what it draws; how many network outputs it reads
///   sample(outputs, random, draw)          an action; `draw.sample` is its own to vary
///   mode(outputs)                          the likeliest one
///   likelihood(outputs, action)
///   add_gradient(outputs, action, d_log_prob, d_entropy, d_outputs, d_free)
///                                          sets the derivatives of the outputs, adds to those of the free parameters
template <class H>
concept Head = requires(H const& head, float const* outputs, float* gradients, typename H::Action const& action,
                        RandomStream const& random, Draw draw) {
  { H::outputs } -> std::convertible_to<std::size_t>;
  { H::free_parameters } -> std::convertible_to<std::size_t>;
  {H(outputs)};
  { head.sample(outputs, random, draw) } -> std::same_as<typename H::Action>;
  { head.mode(outputs) } -> std::same_as<typename H::Action>;
  { head.likelihood(outputs, action) } -> std::same_as<Likelihood>;
  { head.add_gradient(outputs, action, 0.0f, 0.0f, gradients, gradients) } -> std::same_as<void>;
};

/// Softmax over N choices; the outputs are logits.
template <std::size_t N>
class Categorical {
 public:
  static_assert(N >= 2, "grove::control::Categorical: with one choice there is nothing to decide; give at least two.");

  using Action = std::uint32_t;
  static constexpr std::size_t outputs = N, free_parameters = 0;
  static std::string describe() { return "Categorical<" + std::to_string(N) + ">"; }

  explicit Categorical(float const*) {}

  Action sample(float const* logits, RandomStream const& random, Draw draw) const {
    auto const log_p = log_softmax(logits);
    double left = uniform(random, draw);
    for (std::size_t i = 0; i + 1 < N; ++i) {
      left -= static_cast<double>(std::exp(log_p[i]));
      if (left < 0) return static_cast<Action>(i);
    }
    return N - 1;
  }

  Action mode(float const* logits) const { return static_cast<Action>(std::max_element(logits, logits + N) - logits); }

  Likelihood likelihood(float const* logits, Action action) const {
    auto const log_p = log_softmax(logits);
    return {log_p[action], entropy(log_p)};
  }

  void add_gradient(float const* logits, Action action, float d_log_prob, float d_entropy, float* d_logits,
                    float*) const {
    auto const log_p = log_softmax(logits);
    float const h = entropy(log_p);
    for (std::size_t i = 0; i < N; ++i) {
      float const p = std::exp(log_p[i]);
      d_logits[i] = d_log_prob * ((i == action ? 1.0f : 0.0f) - p) - d_entropy * p * (log_p[i] + h);
    }
  }

 private:
  static std::array<float, N> log_softmax(float const* logits) {
    float const greatest = *std::max_element(logits, logits + N);
    float sum = 0;
    for (std::size_t i = 0; i < N; ++i) sum += std::exp(logits[i] - greatest);
    float const norm = greatest + std::log(sum);
    std::array<float, N> log_p{};
    for (std::size_t i = 0; i < N; ++i) log_p[i] = logits[i] - norm;
    return log_p;
  }

  static float entropy(std::array<float, N> const& log_p) {
    float sum = 0;
    for (float l : log_p) sum -= std::exp(l) * l;
    return sum;
  }
};

/// N independent normal distributions; the outputs are means, the logarithms of the deviations are free parameters.
template <std::size_t N>
class DiagonalGaussian {
 public:
  using Action = std::array<float, N>;
  static constexpr std::size_t outputs = N, free_parameters = N;
  static std::string describe() { return "DiagonalGaussian<" + std::to_string(N) + ">"; }

  explicit DiagonalGaussian(float const* log_deviations) {
    constexpr float half_log_two_pi = 0.918938533f;
    for (std::size_t i = 0; i < N; ++i) {
      deviation_[i] = std::exp(log_deviations[i]);
      inverse_[i] = 1.0f / deviation_[i];
      log_norm_ += log_deviations[i] + half_log_two_pi;
    }
  }

  Action sample(float const* mean, RandomStream const& random, Draw draw) const {
    Action action{};
    for (std::size_t i = 0; i < N; i += 2) {
      draw.sample = static_cast<std::uint32_t>(i / 2);
      auto const noise = to_normals(random.bits(draw));
      for (std::size_t k = i; k < std::min(i + 2, N); ++k)
        action[k] = mean[k] + deviation_[k] * static_cast<float>(noise[k - i]);
    }
    return action;
  }

  Action mode(float const* mean) const {
    Action action{};
    std::copy_n(mean, N, action.begin());
    return action;
  }

  Likelihood likelihood(float const* mean, Action const& action) const {
    float squares = 0;
    for (std::size_t i = 0; i < N; ++i) {
      float const z = (action[i] - mean[i]) * inverse_[i];
      squares += z * z;
    }
    return {-0.5f * squares - log_norm_, log_norm_ + 0.5f * static_cast<float>(N)};
  }

  void add_gradient(float const* mean, Action const& action, float d_log_prob, float d_entropy, float* d_mean,
                    float* d_log_deviation) const {
    for (std::size_t i = 0; i < N; ++i) {
      float const z = (action[i] - mean[i]) * inverse_[i];
      d_mean[i] = d_log_prob * z * inverse_[i];
      d_log_deviation[i] += d_log_prob * (z * z - 1.0f) + d_entropy;
    }
  }

 private:
  std::array<float, N> deviation_{}, inverse_{};
  float log_norm_ = 0;
};

static_assert(Head<Categorical<2>> && Head<DiagonalGaussian<1>>);

}  // namespace grove::control
