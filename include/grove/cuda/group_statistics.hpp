// SPDX-License-Identifier: Apache-2.0
// Mean and deviation of each group's rewards on a CUDA device, in one pass: a warp a group.
#pragma once

#include <cstddef>
#include <cstdint>

#include "grove/cuda/moments.hpp"

struct CUstream_st;

namespace grove::cuda {

/// In the device's memory.
struct GroupColumns {
  float const* reward;         ///< [sequences]
  std::uint32_t const* order;  ///< the sequences, group by group
  std::size_t const* ends;     ///< [groups] past each group's last entry in `order`
  std::size_t groups;
  Moments<double>* moments;  ///< [groups]
};

/// Queues the kernel on the stream. Throws Error where CUDA refuses.
void group_statistics(GroupColumns const& columns, CUstream_st* stream);

}  // namespace grove::cuda
