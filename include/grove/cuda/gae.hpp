// SPDX-License-Identifier: Apache-2.0
// Generalised advantage estimation on a CUDA device: a segmented scan, a block of threads a sequence.
#pragma once

#include <cstddef>

struct CUstream_st;  // of a cudaStream_t

namespace grove::cuda {

/// Columns in the device's memory, packed as in `Episodes`.
struct GaeColumns {
  std::size_t const* cu_seqlens;  ///< [sequences + 1]
  std::size_t sequences;
  float const* reward;        ///< [sequences] earned at the last token
  float const* token_reward;  ///< [tokens]; null: none
  float const* value;         ///< [tokens]
  float const* bootstrap;     ///< [sequences]; null: zeros
  float* advantage;           ///< [tokens]
  float* target;              ///< [tokens] advantage + value; null: not written
};

/// Queues the kernel on the stream. Throws Error where CUDA refuses.
void gae(GaeColumns const& columns, float gamma, float lambda, CUstream_st* stream);

}  // namespace grove::cuda
