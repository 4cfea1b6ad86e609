// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime.h>

#include <string>

#include "grove/cuda/memory.hpp"
#include "grove/error.hpp"

namespace grove::cuda {

namespace {

void require(cudaError_t status, char const* what) {
  if (status != cudaSuccess)
    throw Error("CUDA " + std::string(what), cudaGetErrorString(status), "a device that does it");
}

}  // namespace

int Memory::devices() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

void Memory::copy_to_host(void const* from, void* to, std::size_t bytes) {
  require(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "copy to the host");
  require(cudaStreamSynchronize(stream_), "copy to the host");
}

void Memory::copy_to_device(void const* from, void* to, std::size_t bytes) {
  require(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "copy to the device");
  require(cudaStreamSynchronize(stream_), "copy to the device");
}

void* Memory::upload_bytes(void const* from, std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* memory = nullptr;
  require(cudaMalloc(&memory, bytes), "allocation");
  uploaded_.push_back(memory);
  copy_to_device(from, memory, bytes);
  return memory;
}

void Memory::done() {
  if (uploaded_.empty()) return;
  cudaStreamSynchronize(stream_);
  for (void* memory : uploaded_) cudaFree(memory);
  uploaded_.clear();
}

}  // namespace grove::cuda
