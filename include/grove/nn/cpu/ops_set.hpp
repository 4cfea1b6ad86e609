// SPDX-License-Identifier: Apache-2.0
// All row operations of one instruction set.
#pragma once

#include "grove/nn/cpu/attention_backward_kernels.hpp"
#include "grove/nn/cpu/attention_kernels.hpp"
#include "grove/nn/cpu/ops_kernels.hpp"

namespace grove::nn::cpu::detail {

template <class L>
constexpr RowOps make_row_ops() {
  using Rows = RowKernels<L>;
  return {.rms_norm = Rows::rms_norm,
          .rms_norm_backward = Rows::rms_norm_backward,
          .rms_norm_weight_backward = Rows::rms_norm_weight_backward,
          .column_sums = Rows::column_sums,
          .rotate = Rows::rotate,
          .swiglu = Rows::swiglu,
          .swiglu_backward = Rows::swiglu_backward,
          .add = Rows::add,
          .scaled_maximum = Rows::scaled_maximum,
          .exponential_sum = Rows::exponential_sum,
          .spread_sums = Rows::spread_sums,
          .softmax_gradient = Rows::softmax_gradient,
          .exponential = Rows::exponential_row,
          .attend = AttentionKernels<L>::attend,
          .attend_backward = AttentionBackwardKernels<L>::attend_backward};
}

}  // namespace grove::nn::cpu::detail
