// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/prompt_families.hpp"

#include <algorithm>

namespace grove::nn::cpu::detail {
namespace {

std::size_t common(std::span<TokenId const> a, std::span<TokenId const> b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

/// Where the family of `first` ends, and what its prompts share.
PromptFamily family_of(std::span<GenerationRequest const> requests, std::size_t first, std::size_t least,
                       std::size_t& end) {
  auto const prompt = requests[first].prompt;
  std::size_t shared = prompt.size() - 1;  // the last token stays: its logits are wanted
  for (end = first + 1; end < requests.size(); ++end) {
    auto const other = requests[end].prompt;
    std::size_t const now = std::min({shared, other.size() - 1, common(prompt.first(shared), other)});
    if (now < std::max<std::size_t>(1, least)) break;
    shared = now;
  }
  return {.first = first, .shared = end == first + 1 ? 0 : shared};
}

}  // namespace

std::vector<PromptFamily> prompt_families(std::span<GenerationRequest const> requests, std::size_t least) {
  std::vector<PromptFamily> families;
  families.reserve(requests.size());
  while (families.size() < requests.size()) {
    std::size_t end = 0;
    PromptFamily const family = family_of(requests, families.size(), least, end);
    families.resize(end, family);
  }
  return families;
}

}  // namespace grove::nn::cpu::detail
