// SPDX-License-Identifier: Apache-2.0
// What a caller can get wrong, said before anything is computed.
#pragma once

#include <cstddef>
#include <span>

#include "grove/nn/cpu/decoder.hpp"

namespace grove::nn::cpu::detail {

/// Throws grove::Error naming the first token that is not in [0, vocab).
void check_tokens(char const* where, std::span<TokenId const> tokens, std::size_t vocab);

/// Tokens, and lengths of at least one token that add up.
void check_batch(char const* where, PackedBatch const& batch, std::size_t vocab);

/// Rows strictly ascending within the batch, a target for each, a usable temperature.
void check_rows(char const* where, HeadRows const& rows, std::size_t tokens, std::size_t vocab);

/// Every wanted output has a place for each row.
void check_outputs(char const* where, HeadOutputs const& outputs, std::size_t rows, std::size_t hidden);

}  // namespace grove::nn::cpu::detail
