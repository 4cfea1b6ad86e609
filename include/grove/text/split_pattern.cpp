// SPDX-License-Identifier: Apache-2.0
#include "grove/text/split_pattern.hpp"

namespace grove::text {

std::optional<SplitPattern> known_split_pattern(std::string_view regex) {
  constexpr std::string_view gpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  constexpr std::string_view qwen2 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  constexpr std::string_view llama3 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  if (regex == gpt2) return SplitPattern::gpt2;
  if (regex == qwen2) return SplitPattern::qwen2;
  if (regex == llama3) return SplitPattern::llama3;
  return std::nullopt;
}

}  // namespace grove::text
