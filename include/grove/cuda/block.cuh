// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grove/cuda/team.hpp"

namespace grove::cuda {

/// A block of a device as a team (team.hpp). Its size is a multiple of 32.
struct Block {
  __device__ unsigned rank() const { return threadIdx.x; }
  __device__ unsigned size() const { return blockDim.x; }
  __host__ __device__ static constexpr unsigned lanes() { return 32; }
  __device__ void sync() const { __syncthreads(); }
  template <class X>
  __device__ X exchange(X x, unsigned mask) const {
    return __shfl_xor_sync(0xffffffff, x, static_cast<int>(mask));
  }
  template <class X>
  __device__ void add(X& to, X x) const {
    atomicAdd(&to, x);
  }
};

}  // namespace grove::cuda
