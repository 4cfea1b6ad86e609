// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Marks the small pure functions that the fused CUDA kernel inlines as they are. The library's only macro.
#if defined(__CUDACC__)
#define GROVE_HOST_DEVICE __host__ __device__
#else
#define GROVE_HOST_DEVICE
#endif
