// SPDX-License-Identifier: Apache-2.0
#include "grove/cuda/affine.hpp"
#include "grove/cuda/gae.hpp"
#include "grove/cuda/launch.cuh"

namespace grove::cuda {
namespace {

constexpr unsigned threads = 256;

/// Tiles of a sequence from its end, a token a thread; what a tile's first token earned is the next one's start.
__global__ void gae_kernel(GaeColumns columns, float gamma, float lambda) {
  __shared__ Affine<float> scan[2][threads];
  __shared__ float carry;
  std::size_t const s = blockIdx.x, first = columns.cu_seqlens[s], n = columns.cu_seqlens[s + 1] - first;
  GaeStep<float> const step{gamma, lambda, columns.reward[s], columns.bootstrap ? columns.bootstrap[s] : 0.0f};
  float const* const reward = columns.token_reward ? columns.token_reward + first : nullptr;
  float const* const value = columns.value + first;
  unsigned const i = threadIdx.x;
  if (i == 0) carry = 0;
  for (std::size_t end = n; end > 0;) {
    std::size_t const count = end < threads ? end : threads, begin = end - count;
    unsigned side = 0;
    scan[side][i] = i < count ? step(reward, value, begin + i, n) : Affine<float>{};
    __syncthreads();
    for (unsigned distance = 1; distance < threads; distance *= 2, side ^= 1) {
      scan[side ^ 1][i] = suffix_step(scan[side], i, distance, threads);
      __syncthreads();
    }
    float const advantage = scan[side][i](carry);
    if (i < count) {
      columns.advantage[first + begin + i] = advantage;
      if (columns.target) columns.target[first + begin + i] = advantage + value[begin + i];
    }
    __syncthreads();
    if (i == 0) carry = advantage;
    end = begin;
  }
}

}  // namespace

void gae(GaeColumns const& columns, float gamma, float lambda, CUstream_st* stream) {
  if (columns.sequences == 0) return;
  gae_kernel<<<static_cast<unsigned>(columns.sequences), threads, 0, stream>>>(columns, gamma, lambda);
  check_launch("gae");
}

}  // namespace grove::cuda
