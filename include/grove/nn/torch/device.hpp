// SPDX-License-Identifier: Apache-2.0
// Where tensors lie, and what this build and this machine offer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace grove {

enum class Device : std::uint8_t { Cpu, Cuda };

}  // namespace grove

namespace grove::nn::torch {

struct CudaDevice {
  std::string name;
  std::string capability;  ///< such as "8.6"
  std::size_t memory = 0;  ///< bytes
};

/// What Grove was compiled for.
struct Build {
  bool cuda = false;
  std::string libtorch;       ///< its version, such as "2.11.0"
  std::string architectures;  ///< of a CUDA build, such as "86;90"
};

[[nodiscard]] Build build();

/// The CUDA devices that a program of this build can use; none on a CPU build.
[[nodiscard]] std::vector<CudaDevice> cuda_devices();

/// Throws grove::Error, which says what this build is and what to do, where tensors cannot lie there.
void require(Device device);

/// A CUDA device where this build sees one, else the CPU.
[[nodiscard]] Device best_device();

}  // namespace grove::nn::torch
