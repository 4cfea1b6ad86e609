// SPDX-License-Identifier: Apache-2.0
// What the kernels' checks share, and the checks that kernels.cu runs beside its own.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace grove::check {

inline int failures = 0;

inline void check_close(char const* what, double got, double want, double tolerance) {
  if (std::abs(got - want) <= tolerance * (1 + std::abs(want))) return;
  if (++failures < 20) std::printf("%s: %.9g, expected %.9g\n", what, got, want);
}

inline void require(cudaError_t status) {
  if (status == cudaSuccess) return;
  std::printf("CUDA: %s\n", cudaGetErrorString(status));
  std::exit(1);
}

/// A copy in the device's memory.
template <class T>
struct OnDevice {
  T* data = nullptr;
  std::size_t size;

  explicit OnDevice(std::vector<T> const& from) : size(from.size()) {
    require(cudaMalloc(&data, size * sizeof(T)));
    require(cudaMemcpy(data, from.data(), size * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~OnDevice() { cudaFree(data); }
  OnDevice(OnDevice const&) = delete;
  OnDevice& operator=(OnDevice const&) = delete;
};

template <class T>
std::vector<T> back(OnDevice<T> const& on_device) {
  std::vector<T> to(on_device.size);
  require(cudaMemcpy(to.data(), on_device.data, to.size() * sizeof(T), cudaMemcpyDeviceToHost));
  return to;
}

void test_decode_attention();
void test_decode_rows();
void test_decode_sampling();

}  // namespace grove::check
