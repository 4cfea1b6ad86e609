// SPDX-License-Identifier: Apache-2.0
// The loops over a vocabulary that sampling.hpp needs, one set for each instruction set, apart so that tests and
// benchmarks can name it. A row is cut into blocks: a token is found by the sums of the blocks and a look into one.
#pragma once

#include <cstddef>

namespace grove::nn::cpu::detail {

struct SamplingKernels {
  static constexpr std::size_t block = 512;  ///< logits in a block; the last one may be shorter

  /// maxima[b] = the greatest logit of block b; NaN counts as the least.
  void (*block_maxima)(float const* logits, std::size_t n, float* maxima) = nullptr;
  /// sums[b] = the sum of the weights of block b.
  void (*block_sums)(float const* logits, std::size_t n, float scale, float top, float* sums) = nullptr;
  /// weights[i] = exp((logits[i] - top) * scale) for logits up to top, 0 where that is below e^-87; NaN stays NaN.
  void (*weigh)(float const* logits, std::size_t n, float scale, float top, float* weights) = nullptr;
};

/// The fastest this CPU runs.
[[nodiscard]] SamplingKernels const& best_sampling_kernels() noexcept;

[[nodiscard]] SamplingKernels const& portable_sampling_kernels() noexcept;
#if defined(__x86_64__)
/// Null where the CPU lacks the instructions.
[[nodiscard]] SamplingKernels const* avx2_sampling_kernels() noexcept;
[[nodiscard]] SamplingKernels const* avx512_sampling_kernels() noexcept;
#endif

}  // namespace grove::nn::cpu::detail
