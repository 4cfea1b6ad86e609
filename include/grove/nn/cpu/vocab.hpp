// SPDX-License-Identifier: Apache-2.0
// What is read off one row of logits. Sampler, scorer and trainer call the same functions, so a log-prob has the same
// bits wherever it is computed. All logarithms are natural; the softmax is over the whole vocabulary, untruncated.
#pragma once

#include <cstddef>
#include <span>

#include "grove/token_id.hpp"

namespace grove::nn::cpu {

/// The softmax of one row at one temperature: p[j] = exp(logits[j] * scale - maximum) / sum.
struct Softmax {
  float scale = 1;    ///< 1 / temperature
  float maximum = 0;  ///< the largest scaled logit
  float sum = 1;      ///< of exp(scaled - maximum), in one fixed order
  float log_sum = 0;  ///< its logarithm

  /// The log-prob of a token with this logit.
  [[nodiscard]] float log_prob(float logit) const noexcept;
};

/// The softmax of a row. Throws grove::Error for an empty row or a temperature that is not positive and finite.
[[nodiscard]] Softmax softmax(std::span<float const> logits, float temperature);

/// The same, and the unnormalised probabilities exp(scaled - maximum) into `weights[vocab]` (may be the same memory).
[[nodiscard]] Softmax softmax(std::span<float const> logits, float temperature, std::span<float> weights);

/// Entropy and sum of the squared probabilities.
struct Spread {
  float entropy = 0;
  float sum_squares = 0;
};
[[nodiscard]] Spread spread(std::span<float const> logits, Softmax const& softmax);

/// Turns a row of logits into the gradient with respect to them, given d/d log_prob(target) and d/d entropy:
/// scale * (d_log_prob * (1[j = target] - p_j) - d_entropy * p_j * (log p_j + entropy)).
void softmax_gradient(std::span<float> logits, Softmax const& softmax, TokenId target, float d_log_prob,
                      float d_entropy, float entropy);

}  // namespace grove::nn::cpu
