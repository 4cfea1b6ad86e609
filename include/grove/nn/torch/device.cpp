// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/device.hpp"

#include <torch/version.h>

#include "grove/error.hpp"

namespace grove::nn::torch {

#ifdef GROVE_CUDA
namespace detail {
std::vector<CudaDevice> query_cuda_devices();  // device.cu
}

Build build() { return {.cuda = true, .libtorch = TORCH_VERSION, .architectures = GROVE_CUDA_ARCHITECTURES}; }
std::vector<CudaDevice> cuda_devices() { return detail::query_cuda_devices(); }
#else
Build build() { return {.cuda = false, .libtorch = TORCH_VERSION, .architectures = {}}; }
std::vector<CudaDevice> cuda_devices() { return {}; }
#endif

void require(Device device) {
  if (device == Device::Cpu) return;
  if (!build().cuda)
    throw Error("device", "cuda, but this is a CPU build of grove " + std::string("(LibTorch ") + TORCH_VERSION + ")",
                "cpu or auto", "for CUDA build with GROVE_CUDA=on, which needs nvcc and a LibTorch with CUDA");
  if (cuda_devices().empty())
    throw Error("device", "cuda, but this CUDA build of grove sees no CUDA device", "cpu or auto",
                "look at nvidia-smi, the driver and CUDA_VISIBLE_DEVICES");
}

Device best_device() { return cuda_devices().empty() ? Device::Cpu : Device::Cuda; }

}  // namespace grove::nn::torch
