// SPDX-License-Identifier: Apache-2.0
// What one term of an objective sees of one token, and what it answers.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>

#include "grove/host_device.hpp"

namespace grove {

/// One row of the batch. `log_p` and `log_p_detached` hold the same number; derivatives are taken of the first only, so
/// that terms with a stop-gradient have a defined derivative. A column the objective does not name is 0.
template <std::floating_point T>
struct Token {
  T log_p = 0;           ///< log-prob under the policy being trained
  T log_p_detached = 0;  ///< the same number, held constant by the derivative
  T log_p_old = 0;       ///< at the start of this batch's updates
  T log_p_rollout = 0;   ///< as the sampler computed it
  T log_p_ref = 0;       ///< under the reference policy
  T entropy = 0;
  T advantage = 0;
  T value = 0;
  T value_old = 0;
  T return_ = 0;  ///< the value target
  T length = 0;   ///< tokens of the token's sequence that count
};

/// A term's answer for one token: its loss (to be minimised) and the derivatives of it, before the aggregate's weight.
/// `metrics` are numbers whose mean over tokens is reported under the term's metric names.
template <std::floating_point T, std::size_t Metrics>
struct TermValue {
  T loss = 0;
  T d_log_p = 0;
  T d_entropy = 0;
  T d_value = 0;
  std::array<T, Metrics> metrics{};
};

/// How much of the batch a term must have seen before it can answer for one token.
enum class Scope : unsigned char {
  Token,     ///< the token alone: one pass, sequences may be cut anywhere
  Sequence,  ///< its whole sequence: a statistic first, sequences are never cut
  Batch,     ///< the whole batch: a score pass first
};

}  // namespace grove
