// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/ranges.hpp"

#include <string>

#if defined(GROVE_CUDA) && __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#endif

namespace grove::nn::torch {

SpanHook range_hook() {
#if defined(GROVE_CUDA) && __has_include(<nvtx3/nvToolsExt.h>)
  return [](std::string_view name, bool begins) {
    if (begins)
      nvtxRangePushA(std::string(name).c_str());
    else
      nvtxRangePop();
  };
#else
  return {};
#endif
}

}  // namespace grove::nn::torch
