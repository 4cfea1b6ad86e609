// SPDX-License-Identifier: Apache-2.0
// Prompts that begin alike, as those of one system prompt do: what they have in common is computed once.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "grove/nn/cpu/generation_options.hpp"

namespace grove::nn::cpu::detail {

/// Neighbouring requests whose prompts begin with the same tokens.
struct PromptFamily {
  std::size_t first = 0;   ///< the request that the family begins with, which names it
  std::size_t shared = 0;  ///< tokens in common, fewer than each prompt has; 0: none
};

/// The family of each request. Neighbours belong together while they share at least `least` tokens, all of them.
std::vector<PromptFamily> prompt_families(std::span<GenerationRequest const> requests, std::size_t least);

}  // namespace grove::nn::cpu::detail
