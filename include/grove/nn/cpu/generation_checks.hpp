// SPDX-License-Identifier: Apache-2.0
// What a caller of `generate` can get wrong, said before anything is computed. The same for every engine.
#pragma once

#include <cstddef>
#include <span>

#include "grove/nn/cpu/generation_options.hpp"

namespace grove::nn::cpu::detail {

/// Throws grove::Error for options out of range and for stop strings without text.
void check_options(GenerationOptions const& options);

/// Throws grove::Error where `early_end` was made for another number of requests.
void check_early_end(std::span<GenerationRequest const> requests, GenerationOptions const& options);

/// Throws grove::Error for an empty prompt, a token outside the vocabulary, and a prompt that leaves no room for a
/// token.
void check_request(GenerationRequest const& request, std::size_t vocabulary, std::size_t context);

/// Most tokens of each of the request's completions.
std::size_t token_limit(GenerationRequest const& request, GenerationOptions const& options, std::size_t context);

/// Tokens of a completion's longest sequence whose keys and values are kept: the last token's never are.
std::size_t longest_sequence(GenerationRequest const& request, GenerationOptions const& options, std::size_t context);

/// Throws grove::Error for a request of which one completion alone could need more than `kv_cache_bytes`.
void check_memory(GenerationRequest const& request, GenerationOptions const& options, std::size_t context,
                  std::size_t page_tokens, std::size_t page_bytes);

}  // namespace grove::nn::cpu::detail
