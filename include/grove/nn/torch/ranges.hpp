// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grove/profile/span.hpp"

namespace grove::nn::torch {

/// A hook that shows spans as NVTX ranges to the profilers of CUDA devices. Empty on a CPU build, and where the CUDA
/// toolkit has no NVTX.
[[nodiscard]] SpanHook range_hook();

}  // namespace grove::nn::torch
