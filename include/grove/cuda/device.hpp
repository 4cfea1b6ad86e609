// SPDX-License-Identifier: Apache-2.0
// A CUDA device in the seat of cuda::evaluate and cuda::estimate. What it calls is in the library grove::cuda, which
// the CUDA configuration builds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "grove/advantage/chosen_tokens.hpp"
#include "grove/advantage/gae.hpp"
#include "grove/cuda/estimate.hpp"
#include "grove/cuda/gae.hpp"
#include "grove/cuda/group_statistics.hpp"
#include "grove/cuda/launch_objective.hpp"
#include "grove/cuda/memory.hpp"
#include "grove/cuda/objective.hpp"

namespace grove::cuda {

class CudaDevice : public Memory {
 public:
  using Memory::Memory;

  template <class... Ts>
  void launch(ObjectiveColumns<float> const& columns, float const* weights, double* sums, Ts const&... terms) {
    launch_objective(columns, weights, sums, stream(), terms...);
  }

  template <class A, class... Ts>
    requires has_kernel<Ts...>
  void evaluate(Terms<A, Ts...> const& objective, Rows<float> const& rows,
                typename Terms<A, Ts...>::denominators_type const& denominators, TokenGradients<float> gradients,
                typename Terms<A, Ts...>::tally_type& tally) {
    evaluate_by_kernel(*this, objective, rows, denominators, gradients, tally);
  }

  /// Gae without whitening of batches in which every token is the policy's and every sample was judged; else false.
  bool estimate(Gae const& estimator, EstimatorInput<float> const& in, EstimatorOutput<float> const& out) {
    return estimate_by_scan(*this, estimator, in, out);
  }
  void scan(GaeColumns const& columns, float gamma, float lambda) { gae(columns, gamma, lambda, stream()); }

  /// Of groups of samples; columns as in `group_moments`.
  void moments(GroupColumns const& columns) { group_statistics(columns, stream()); }
};

}  // namespace grove::cuda
