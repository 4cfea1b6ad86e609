// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>

#include "grove/nn/torch/device.hpp"
#include "grove/parameter.hpp"

namespace grove {

struct CausalLmOptions {
  Dtype dtype = Dtype::F32;     ///< of the parameters, and on CUDA of the arithmetic; gradients and moments are f32
  Device device = Device::Cpu;  ///< where AnyCausalLm computes: the own engine on the CPU, LibTorch on CUDA
  std::size_t threads = std::max(1u, std::thread::hardware_concurrency());  ///< never changes a result
  float temperature = 1;        ///< of the log-probs that are trained on; the sampler's, unless a recipe differs
  bool bf16_log_probs = false;  ///< trained log-probs and their logits are rounded to bf16; the sampler's are not
  bool gradient_checkpointing = false;  ///< training keeps only the layers' inputs and computes each layer again on
                                        ///< the way back: less memory, the same numbers. Always so on CUDA
  std::size_t forward_tokens = 8192;    ///< tokens, prompts included, in one forward pass of `score`
  std::size_t logits = std::size_t{32} << 20U;      ///< how many training holds at a time; never changes a gradient
  std::size_t cache_bytes = std::size_t{8} << 30U;  ///< of keys and values on CUDA: how many sequences run at a time
};

}  // namespace grove
