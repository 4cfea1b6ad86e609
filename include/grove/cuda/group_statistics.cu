// SPDX-License-Identifier: Apache-2.0
#include "grove/cuda/group_statistics.hpp"
#include "grove/cuda/launch.cuh"

namespace grove::cuda {
namespace {

constexpr unsigned warp = 32, warps_per_block = 8;

__device__ Moments<double> of_lane(Moments<double> const& m, unsigned distance) {
  constexpr unsigned all = 0xffffffff;
  return {__shfl_down_sync(all, m.count, distance), __shfl_down_sync(all, m.mean, distance),
          __shfl_down_sync(all, m.squares, distance)};
}

__global__ void group_statistics_kernel(GroupColumns columns) {
  std::size_t const group = blockIdx.x * std::size_t{warps_per_block} + threadIdx.x / warp;
  if (group >= columns.groups) return;
  unsigned const lane = threadIdx.x % warp;
  std::size_t const begin = group == 0 ? 0 : columns.ends[group - 1];
  Moments<double> sum;
  for (std::size_t i = begin + lane; i < columns.ends[group]; i += warp)
    sum = combine(sum, Moments<double>::of(columns.reward[columns.order[i]]));
  for (unsigned distance = warp / 2; distance > 0; distance /= 2) sum = combine(sum, of_lane(sum, distance));
  if (lane == 0) columns.moments[group] = sum;
}

}  // namespace

void group_statistics(GroupColumns const& columns, CUstream_st* stream) {
  if (columns.groups == 0) return;
  auto const blocks = static_cast<unsigned>((columns.groups + warps_per_block - 1) / warps_per_block);
  group_statistics_kernel<<<blocks, warp * warps_per_block, 0, stream>>>(columns);
  check_launch("group_statistics");
}

}  // namespace grove::cuda
