// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "grove/error.hpp"

namespace grove::cuda {

/// Throws Error where the last launch was refused.
inline void check_launch(char const* kernel) {
  if (auto const status = cudaGetLastError(); status != cudaSuccess)
    throw Error("CUDA kernel " + std::string(kernel), cudaGetErrorString(status), "a launch that the device accepts");
}

}  // namespace grove::cuda
