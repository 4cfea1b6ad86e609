// SPDX-License-Identifier: Apache-2.0
// The kernel of an objective: a block of threads a sequence. A file that instantiates it is compiled with
// --expt-relaxed-constexpr.
#pragma once

#include <cstddef>
#include <new>

#include "grove/cuda/launch.cuh"
#include "grove/cuda/launch_objective.hpp"
#include "grove/cuda/objective_sequence.hpp"

namespace grove::cuda {

namespace detail {

inline constexpr unsigned threads = 256;

/// The threads of a block.
struct Block {
  GROVE_HOST_DEVICE std::size_t rank() const {
#ifdef __CUDA_ARCH__
    return threadIdx.x;
#else
    return 0;
#endif
  }
  GROVE_HOST_DEVICE std::size_t size() const { return threads; }

  /// In an order that does not depend on chance.
  template <class X, class Combine>
  GROVE_HOST_DEVICE X over_all(X mine, Combine const& combine) const {
#ifdef __CUDA_ARCH__
    alignas(X) __shared__ unsigned char memory[threads * sizeof(X)];
    auto* const all = reinterpret_cast<X*>(memory);
    unsigned const i = threadIdx.x;
    __syncthreads();
    new (&all[i]) X(mine);
    __syncthreads();
    for (unsigned half = threads / 2; half > 0; half /= 2) {
      if (i < half) all[i] = combine(all[i], all[i + half]);
      __syncthreads();
    }
    return all[0];
#else
    (void)combine;
    return mine;
#endif
  }
};

template <class T, class... Ts>
__global__ void objective_kernel(ObjectiveColumns<T> columns, T const* weights, double* sums, Ts... terms) {
  evaluate_sequence(Block{}, columns, blockIdx.x, weights, sums, terms...);
}

}  // namespace detail

/// See launch_objective.hpp.
template <class T, class... Ts>
void launch_objective(ObjectiveColumns<T> const& columns, T const* weights, double* sums, CUstream_st* stream,
                      Ts const&... terms) {
  if (columns.sequences == 0) return;
  detail::objective_kernel<<<static_cast<unsigned>(columns.sequences), detail::threads, 0, stream>>>(columns, weights,
                                                                                                     sums, terms...);
  check_launch("objective");
}

}  // namespace grove::cuda
