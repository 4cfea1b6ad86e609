// SPDX-License-Identifier: Apache-2.0
// What the CUDA runtime sees. No torch header here.
#include <cuda_runtime_api.h>

#include <string>
#include <vector>

#include "grove/nn/torch/device.hpp"

namespace grove::nn::torch::detail {

/// None where there is no driver, too.
std::vector<CudaDevice> query_cuda_devices() {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) {
    static_cast<void>(cudaGetLastError());  // forget it, or the next call would report it
    return {};
  }
  std::vector<CudaDevice> devices;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp found{};
    if (cudaGetDeviceProperties(&found, i) != cudaSuccess) continue;
    devices.push_back(
        {found.name, std::to_string(found.major) + "." + std::to_string(found.minor), found.totalGlobalMem});
  }
  return devices;
}

}  // namespace grove::nn::torch::detail
