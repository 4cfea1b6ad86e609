// SPDX-License-Identifier: Apache-2.0
// The objectives with a kernel in the library.
#pragma once

#include "grove/cuda/objective_sequence.hpp"
#include "grove/objective/capped_weight.hpp"
#include "grove/objective/clip.hpp"
#include "grove/objective/kl_in_loss.hpp"
#include "grove/objective/policy_gradient.hpp"
#include "grove/objective/ratio.hpp"
#include "grove/objective/value_loss.hpp"

struct CUstream_st;  // of a cudaStream_t

namespace grove::cuda {

/// Queues `evaluate_sequence` for every sequence; all pointers are the device's. Throws Error where CUDA refuses.
/// objective.cu instantiates it for the lists of terms that `has_kernel` names.
template <class T, class... Ts>
void launch_objective(ObjectiveColumns<T> const& columns, T const* weights, double* sums, CUstream_st* stream,
                      Ts const&... terms);

/// The terms of Grpo, Dapo, Gspo, Cispo and Ppo, whatever their aggregate.
template <class... Ts>
inline constexpr bool has_kernel = false;
template <>
inline constexpr bool has_kernel<PolicyGradient<TokenRatio, Clip>> = true;
template <>
inline constexpr bool has_kernel<PolicyGradient<TokenRatio, Clip>, KlInLoss<K3>> = true;
template <>
inline constexpr bool has_kernel<PolicyGradient<SequenceRatio, Clip>> = true;
template <>
inline constexpr bool has_kernel<PolicyGradient<TokenRatio, CappedWeight<AbsoluteCap>>> = true;
template <>
inline constexpr bool has_kernel<PolicyGradient<TokenRatio, Clip>, ValueLoss<>> = true;

}  // namespace grove::cuda
