// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/vocab.hpp"

#include <cmath>
#include <string>

#include "grove/error.hpp"
#include "grove/nn/cpu/ops.hpp"

namespace grove::nn::cpu {
namespace {

Softmax make_softmax(std::span<float const> logits, float temperature, float* weights) {
  if (logits.empty()) throw Error("softmax", "no logits", "at least one");
  if (!(temperature > 0) || !std::isfinite(temperature)) {
    throw Error("softmax", "temperature " + std::to_string(temperature), "a positive, finite number");
  }
  auto const& ops = detail::row_ops();
  Softmax result;
  result.scale = 1.0F / temperature;
  result.maximum = ops.scaled_maximum(logits.data(), logits.size(), result.scale);
  result.sum = ops.exponential_sum(logits.data(), logits.size(), result.scale, result.maximum, weights);
  result.log_sum = static_cast<float>(std::log(static_cast<double>(result.sum)));
  return result;
}

}  // namespace

float Softmax::log_prob(float logit) const noexcept { return std::fma(logit, scale, -maximum) - log_sum; }

Softmax softmax(std::span<float const> logits, float temperature) { return make_softmax(logits, temperature, nullptr); }

Softmax softmax(std::span<float const> logits, float temperature, std::span<float> weights) {
  if (weights.size() != logits.size()) {
    throw Error("softmax", std::to_string(weights.size()) + " places for weights", std::to_string(logits.size()));
  }
  return make_softmax(logits, temperature, weights.data());
}

Spread spread(std::span<float const> logits, Softmax const& softmax) {
  auto const sums = detail::row_ops().spread_sums(logits.data(), logits.size(), softmax.scale, softmax.maximum);
  return {softmax.log_sum - sums.first / softmax.sum, sums.second / (softmax.sum * softmax.sum)};
}

// With t = logit * scale - maximum, log p = t - log_sum and d = d_entropy:
// scale * (d_log_prob * (1[target] - p) - d * p * (t - log_sum + entropy)) = p * (slope * t + offset) + at the target.
void softmax_gradient(std::span<float> logits, Softmax const& softmax, TokenId target, float d_log_prob,
                      float d_entropy, float entropy) {
  float const offset = -d_log_prob - d_entropy * (entropy - softmax.log_sum);
  detail::row_ops().softmax_gradient(logits.data(), logits.size(), softmax.scale, softmax.maximum,
                                     softmax.scale / softmax.sum, -d_entropy, offset);
  logits[static_cast<std::size_t>(target)] += d_log_prob * softmax.scale;
}

}  // namespace grove::nn::cpu
