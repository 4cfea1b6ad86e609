// SPDX-License-Identifier: Apache-2.0
#include "grove/policy/module_policy.hpp"

#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "grove/error.hpp"
#include "grove/nn/torch/distribution.hpp"
#include "grove/nn/torch/tensors.hpp"

namespace grove::detail {
namespace {

namespace tensors = nn::torch::detail;

void check(at::Tensor const& logits, std::vector<std::int64_t> const& actions) {
  if (logits.dim() != 2 || logits.size(0) != tensors::extent(actions.size()))
    throw Error("ModulePolicy",
                "logits of " + std::to_string(logits.dim()) + " dimensions, " +
                    std::to_string(logits.dim() > 0 ? logits.size(0) : 0) + " rows",
                "[tokens, actions] with " + std::to_string(actions.size()) + " rows");
  for (auto action : actions)
    if (action < 0 || action >= logits.size(1))
      throw Error("ModulePolicy", "action " + std::to_string(action), "0 to " + std::to_string(logits.size(1) - 1));
}

at::Tensor indices(std::vector<std::int64_t> const& actions, at::Tensor const& logits) {
  return tensors::indices(std::span<std::int64_t const>(actions), logits.device());
}

}  // namespace

ModuleTensors::ModuleTensors(std::vector<ModuleParameter> parameters) {
  if (parameters.empty()) throw Error("ModulePolicy", "a module without parameters", "at least one to train");
  at::NoGradGuard const no_grad;
  for (auto& p : parameters) {
    if (!p.value.defined() || p.value.scalar_type() != at::kFloat || !p.value.is_cpu() || !p.value.is_contiguous() ||
        !p.value.is_leaf())
      throw Error("ModulePolicy", "parameter '" + p.name + "'", "a contiguous f32 leaf tensor on the CPU");
    p.value.requires_grad_(true);
    // Autograd adds to a gradient that is there, so its memory stays where the views say.
    p.value.mutable_grad() = at::zeros_like(p.value);
    std::vector<std::size_t> const shape(p.value.sizes().begin(), p.value.sizes().end());
    entries_.push_back({std::move(p), shape});
  }
}

std::vector<ParameterView> ModuleTensors::views() const {
  std::vector<ParameterView> views;
  for (auto const& [p, shape] : entries_)
    views.push_back({.name = p.name,
                     .shape = shape,
                     .size = static_cast<std::size_t>(p.value.numel()),
                     .value = p.value.data_ptr(),
                     .gradient = p.value.grad().data_ptr(),
                     .dtype = Dtype::F32,
                     .decay = p.decay});
  return views;
}

void write_outputs(at::Tensor const& logits, std::vector<std::int64_t> const& actions, TokenOutputs<float> out) {
  at::NoGradGuard const no_grad;
  tensors::translated("ModulePolicy", [&] {
    check(logits, actions);
    auto const found = tensors::row_outputs(logits.detach().to(at::kFloat), indices(actions, logits),
                                            !out.entropy.empty(), !out.sum_squares.empty());
    tensors::copy_out(found.log_prob, out.log_prob);
    if (found.entropy.defined()) tensors::copy_out(found.entropy, out.entropy);
    if (found.sum_squares.defined()) tensors::copy_out(found.sum_squares, out.sum_squares);
  });
}

void backward(at::Tensor const& logits, std::vector<std::int64_t> const& actions, TokenGradients<float> gradients) {
  at::NoGradGuard const no_grad;
  tensors::translated("ModulePolicy", [&] {
    auto const d_entropy =
        gradients.entropy.empty() ? at::Tensor() : tensors::floats(gradients.entropy, logits.device());
    auto const of_logits = tensors::logits_gradient(logits.detach().to(at::kFloat), indices(actions, logits),
                                                    tensors::floats(gradients.log_prob, logits.device()), d_entropy);
    logits.backward(of_logits.to(logits.scalar_type()));
  });
}

}  // namespace grove::detail
