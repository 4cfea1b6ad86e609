// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "grove/cuda/block.cuh"
#include "grove/cuda/decode_sampling.hpp"
#include "grove/cuda/launch.cuh"
#include "grove/error.hpp"

namespace grove::cuda {
namespace {

constexpr unsigned threads = 512;

__global__ void __launch_bounds__(threads) sample_kernel(Sampling sampling) {
  __shared__ SamplingShared shared;
  sample_row(Block{}, sampling, blockIdx.x, shared);
}

}  // namespace

void sample(Sampling const& sampling, CUstream_st* stream) {
  if (sampling.rows == 0) return;
  constexpr unsigned most = sampling_segment * most_sampling_segments;
  if (sampling.vocabulary > most)
    throw Error("sample", "a vocabulary of " + std::to_string(sampling.vocabulary), "at most " + std::to_string(most));
  sample_kernel<<<sampling.rows, threads, 0, stream>>>(sampling);
  check_launch("sample");
}

}  // namespace grove::cuda
