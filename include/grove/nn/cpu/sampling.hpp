// SPDX-License-Identifier: Apache-2.0
// From a row of logits to a token: temperature, top-k, top-p, min-p and one uniform number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "grove/token_id.hpp"

namespace grove::nn::cpu {

/// How a token is drawn. Applied in the order of the fields, as transformers' `generate` does.
struct SamplingOptions {
  double temperature = 1.0;  ///< 0: the most probable token, the lowest id among equals, whatever the other fields say
  std::uint32_t top_k = 0;   ///< keep the k most probable and those equal to the k-th; 0: all
  double top_p = 1.0;        ///< of these the smallest set, most probable first, that reaches this share; 1: all
  double min_p = 0.0;        ///< of these the ones with at least this share of the top probability; 0: all
};

/// Throws grove::Error naming the first field that is out of range.
void validate(SamplingOptions const& options);

struct SampledToken {
  TokenId token = 0;
  /// Natural logarithm of its probability under the untruncated softmax of logits / temperature (temperature 0: 1).
  float log_prob = 0;
  /// The probability under the same softmax of all tokens that truncation kept, in (0, 1]; 1 without truncation.
  float kept_mass = 1;
};

/// Draws tokens from rows of logits. Holds scratch memory, so one object serves one thread.
class TokenSampler {
 public:
  /// Throws grove::Error for options out of range.
  explicit TokenSampler(SamplingOptions const& options);

  /// The token at `uniform`, in [0, 1), of the cumulative distribution in order of ids. The same row, options and
  /// number give the same result. -inf is a probability of 0. Throws grove::Error when the row is empty, holds +inf or
  /// NaN, or has no finite logit.
  [[nodiscard]] SampledToken operator()(std::span<float const> logits, double uniform);

  [[nodiscard]] SamplingOptions const& options() const noexcept { return options_; }

 private:
  struct Candidate {
    float logit = 0;
    float weight = 0;  ///< exp((logit - top) / temperature)
    TokenId id = 0;
  };

  [[nodiscard]] bool limits_count(std::size_t vocabulary) const noexcept;
  [[nodiscard]] bool truncates(std::size_t vocabulary) const noexcept;
  [[nodiscard]] std::size_t pick_from_all(std::span<float const> logits, float top, double target);
  [[nodiscard]] float lower_bound(std::size_t vocabulary, float top, double total);
  void truncate(std::span<float const> logits, float top, double total);
  void collect(std::span<float const> logits, float bound);
  void keep_top_k();
  void keep_top_p(double total);
  void weigh_candidates(float top);

  SamplingOptions options_;
  float scale_ = 1;  // of the logits: 1 / temperature
  std::vector<float> block_maxima_;
  std::vector<float> block_sums_;
  std::vector<float> weights_;  // of a block or of the candidates
  std::vector<float> scratch_;
  std::vector<Candidate> candidates_;  // by id, those that truncation has not dropped yet
  std::vector<Candidate> order_;       // the same as a selection needs them
};

}  // namespace grove::nn::cpu
