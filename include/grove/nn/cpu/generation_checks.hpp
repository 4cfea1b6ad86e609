// SPDX-License-Identifier: Apache-2.0
// What a caller of `generate` can get wrong, said before anything is computed. The same for every engine.
#pragma once

#include <cstddef>

#include "grove/nn/cpu/generation_options.hpp"

namespace grove::nn::cpu::detail {

/// Throws grove::Error for options out of range and for stop strings without text.
void check_options(GenerationOptions const& options);

/// Throws grove::Error for an empty prompt, a token outside the vocabulary, and a prompt that leaves no room for a
/// token.
void check_request(GenerationRequest const& request, std::size_t vocabulary, std::size_t context);

}  // namespace grove::nn::cpu::detail
