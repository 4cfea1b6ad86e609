// SPDX-License-Identifier: Apache-2.0
// The shape of a batch of experience, the same for completions of a language model and for episodes of an environment.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace grove {

/// Half-open range of packed token indices.
struct TokenRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Sequences packed one after another; there is no padding anywhere in Grove.
///
/// A token is one decision: a sampled token of a language model, an action in an environment. Tokens that the policy
/// did not choose (a tool's answer, say) lie in `environment`; they carry no gradient. Masks come from these ranges and
/// from lengths, never from token ids.
struct Episodes {
  std::vector<std::size_t> cu_seqlens{0};  ///< [sequences + 1] first token of each sequence, and the total
  std::vector<std::uint32_t> group;        ///< [sequences] sequences with equal ids answer the same problem
  std::vector<std::uint8_t> truncated;     ///< [sequences] 1 where a limit, not the policy, ended the sequence
  std::vector<TokenRange> environment;     ///< ascending, disjoint ranges of tokens the policy did not choose

  std::size_t sequences() const { return cu_seqlens.size() - 1; }
  std::size_t tokens() const { return cu_seqlens.back(); }
  std::size_t length(std::size_t sequence) const { return cu_seqlens[sequence + 1] - cu_seqlens[sequence]; }

  /// Appends a sequence; tokens follow in the same order in every column.
  void add(std::size_t length, std::uint32_t group_id, bool was_truncated) {
    cu_seqlens.push_back(cu_seqlens.back() + length);
    group.push_back(group_id);
    truncated.push_back(was_truncated);
  }

  /// [tokens] 1 where the policy chose the token, else 0.
  std::vector<std::uint8_t> chosen() const {
    std::vector<std::uint8_t> mask(tokens(), 1);
    for (auto range : environment) std::fill(mask.begin() + range.begin, mask.begin() + range.end, 0);
    return mask;
  }
};

/// Sequence indices of a batch that are handled together (a minibatch or a micro-batch of it).
using Sequences = std::span<const std::uint32_t>;

/// Number of tokens in the chosen sequences.
inline std::size_t count_tokens(Episodes const& episodes, Sequences sequences) {
  std::size_t tokens = 0;
  for (auto sequence : sequences) tokens += episodes.length(sequence);
  return tokens;
}

}  // namespace grove
