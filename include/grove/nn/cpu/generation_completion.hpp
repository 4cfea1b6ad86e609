// SPDX-License-Identifier: Apache-2.0
// A completion under way: how it begins, draws its tokens and ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "grove/nn/cpu/generation_queue.hpp"
#include "grove/nn/cpu/sampling.hpp"

namespace grove::nn::cpu::detail {

struct RunningCompletion {
  std::size_t request = 0;
  std::uint32_t sample = 0;  ///< counted from 0
  std::size_t limit = 0;     ///< most tokens
  Completion completion;
  TextStream text;
};

RunningCompletion begin_completion(GenerationJob const& job, std::size_t request, std::uint32_t sample);

/// Which random number draws its next token.
Draw next_draw(GenerationJob const& job, RunningCompletion const& running);

/// The next token, by the completion's own random number. Throws grove::Error with the place where no logit is finite.
SampledToken draw(GenerationJob const& job, RunningCompletion const& running, std::span<float const> logits,
                  TokenSampler& sampler);

/// Appends a token; true when the completion has ended with it.
bool advance(GenerationJob const& job, RunningCompletion& running, SampledToken const& drawn);

}  // namespace grove::nn::cpu::detail
