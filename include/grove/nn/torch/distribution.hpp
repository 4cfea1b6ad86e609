// SPDX-License-Identifier: Apache-2.0
// Log-prob, entropy and sum of squares of softmax rows, and their derivatives in closed form.
#pragma once

#include <ATen/core/Tensor.h>

namespace grove::nn::torch::detail {

/// `[rows]` each; undefined where not wanted.
struct RowOutputs {
  at::Tensor log_prob, entropy, sum_squares;
};

/// Of softmax(logits), logits `[rows, classes]`, targets `[rows]` int64. A logit of -inf is a probability of 0.
RowOutputs row_outputs(at::Tensor const& logits, at::Tensor const& targets, bool entropy, bool sum_squares);

/// Derivative with respect to the logits, given those with respect to log-prob and entropy (undefined: 0), `[rows]`:
/// d log p_t / d z_j = [j = t] - p_j,  d H / d z_j = -p_j (log p_j + H).
at::Tensor logits_gradient(at::Tensor const& logits, at::Tensor const& targets, at::Tensor const& log_prob,
                           at::Tensor const& entropy);

}  // namespace grove::nn::torch::detail
