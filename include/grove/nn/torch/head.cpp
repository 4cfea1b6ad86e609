// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/head.hpp"

#include <ATen/ops/mm.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "grove/nn/torch/distribution.hpp"
#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch::detail {
namespace {

std::span<float> part(std::span<float> column, std::int64_t begin, std::int64_t count) {
  return column.empty() ? column : column.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
}

}  // namespace

Head::Head(at::Tensor const& normed, at::Tensor const& weight, HeadRows rows, std::size_t logits)
    : normed_(normed.to(at::kFloat)),
      weight_(weight.to(at::kFloat)),
      targets_(indices(rows.targets, normed.device())),
      chunk_(std::max<std::int64_t>(1, extent(logits) / weight.size(0))),
      scale_(1.0F / rows.temperature),
      bf16_(rows.bf16) {}

at::Tensor Head::logits(std::int64_t begin, std::int64_t count) const {
  return rounded(at::mm(normed_.narrow(0, begin, count), weight_.t())).mul_(scale_);
}

at::Tensor Head::rounded(at::Tensor x) const { return bf16_ ? x.to(at::kBFloat16).to(at::kFloat) : x; }

void Head::forward(HeadOutputs outputs) const {
  copy_out(normed_, outputs.hidden);
  if (outputs.log_prob.empty() && outputs.entropy.empty() && outputs.sum_squares.empty()) return;
  for (std::int64_t begin = 0; begin < normed_.size(0); begin += chunk_) {
    auto const count = std::min(chunk_, normed_.size(0) - begin);
    auto const found = row_outputs(logits(begin, count), targets_.narrow(0, begin, count), !outputs.entropy.empty(),
                                   !outputs.sum_squares.empty());
    copy_out(rounded(found.log_prob), part(outputs.log_prob, begin, count));
    if (found.entropy.defined()) copy_out(found.entropy, part(outputs.entropy, begin, count));
    if (found.sum_squares.defined()) copy_out(found.sum_squares, part(outputs.sum_squares, begin, count));
  }
}

at::Tensor Head::backward(HeadGradients gradients, at::Tensor const& weight_gradient) const {
  auto result = at::zeros_like(normed_);
  auto const log_prob = floats(gradients.log_prob, normed_.device());
  auto const entropy = floats(gradients.entropy, normed_.device());
  for (std::int64_t begin = 0; begin < log_prob.size(0); begin += chunk_) {
    auto const count = std::min(chunk_, log_prob.size(0) - begin);
    auto const of_logits =
        logits_gradient(logits(begin, count), targets_.narrow(0, begin, count), log_prob.narrow(0, begin, count),
                        entropy.numel() > 0 ? entropy.narrow(0, begin, count) : at::Tensor())
            .mul_(scale_);
    result.narrow(0, begin, count).copy_(at::mm(of_logits, weight_));
    if (weight_gradient.defined()) weight_gradient.addmm_(of_logits.t(), normed_.narrow(0, begin, count));
  }
  if (!gradients.hidden.empty()) result.add_(floats(gradients.hidden, normed_.device()).view(normed_.sizes()));
  return result;
}

}  // namespace grove::nn::torch::detail
