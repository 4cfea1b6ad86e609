// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "grove/token_id.hpp"

namespace grove {

/// Why a completion ended: the policy stopped (end of sequence, stop token or stop string), a limit was reached, or the
/// caller ended it before either (nn/cpu/early_end.hpp): then it is a beginning, perhaps without a token, and no sample
/// of the policy.
enum class Finish : std::uint8_t { Stop, Length, Ended };

/// One sampled answer. Tokens are kept as they were sampled and are what is trained on; text is only for people and
/// rewards, so nothing is ever tokenised a second time.
struct Completion {
  std::vector<TokenId> tokens{};          ///< every sampled token, with the one that ended it
  std::vector<float> log_probs{};         ///< of each token, under the temperature-scaled, untruncated softmax
  std::vector<float> kept_mass{};         ///< of each token, the probability that top-k, top-p and min-p left over
  std::vector<std::uint64_t> versions{};  ///< of each token, the policy version that sampled it
  Finish finish = Finish::Length;
  std::string text{};  ///< without special tokens, cut before a stop string
};

}  // namespace grove
