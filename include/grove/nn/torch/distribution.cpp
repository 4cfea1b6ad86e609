// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/distribution.hpp"

#include <ATen/ops/gather.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/xlogy.h>

namespace grove::nn::torch::detail {

RowOutputs row_outputs(at::Tensor const& logits, at::Tensor const& targets, bool entropy, bool sum_squares) {
  RowOutputs out;
  auto const log_p = at::log_softmax(logits, -1);
  out.log_prob = at::gather(log_p, -1, targets.unsqueeze(-1)).squeeze(-1);
  if (!entropy && !sum_squares) return out;
  auto const p = log_p.exp();
  if (entropy) out.entropy = at::sum(at::xlogy(p, p), -1).neg();
  if (sum_squares) out.sum_squares = at::sum(p.square(), -1);
  return out;
}

at::Tensor logits_gradient(at::Tensor const& logits, at::Tensor const& targets, at::Tensor const& log_prob,
                           at::Tensor const& entropy) {
  auto const p = at::softmax(logits, -1);
  auto gradient = p.mul(log_prob.unsqueeze(-1).neg());
  if (entropy.defined()) {
    auto const terms = at::xlogy(p, p);
    auto const h = at::sum(terms, -1, true).neg();
    gradient.addcmul_(terms.add_(p.mul(h)), entropy.unsqueeze(-1), -1);
  }
  return gradient.scatter_add_(-1, targets.unsqueeze(-1), log_prob.unsqueeze(-1));
}

}  // namespace grove::nn::torch::detail
