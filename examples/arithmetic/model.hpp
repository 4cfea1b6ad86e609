// SPDX-License-Identifier: Apache-2.0
// The embedded model: a small Qwen2 with one token a byte, in Hugging Face form.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "grove/policy/causal_lm.hpp"
#include "grove/rollout/prompt_format.hpp"
#include "problems.hpp"

namespace arithmetic {

/// The committed model folder that training starts from.
std::filesystem::path default_model();

/// Writes tokenizer.json, tokenizer_config.json: 256 bytes and eight tokens of the format.
void write_tokenizer(std::filesystem::path const& folder);

grove::io::ModelConfig model_config();

/// Share of the problems that a greedy completion of at most 80 tokens answers: its text ends with the gold between the
/// answer tags, and EOS follows.
double accuracy(grove::AnyCausalLm const& policy, grove::PromptFormat const& format, std::vector<Sum> const& problems);

constexpr std::size_t max_completion_tokens = 80;

}  // namespace arithmetic
