// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grove/math/policy.hpp"

namespace grove::math {

/// Mathematically right, and forgiving only in how things are written: what training should use. The answer is the
/// content of the last box, or what follows "answer is" or "answer:".
struct Strict {
  static constexpr std::string_view name = "strict";

  StrictComparison::Options comparison;
  bool after_thinking = true;  ///< with `</think>` in the completion only what stands behind the last one counts
  bool anchored = true;        ///< without a box, LaTeX or a number behind "answer" counts
  std::int64_t fuel = default_fuel;

  Outcome judge(Workspace& workspace, std::string_view gold_text, std::string_view answer_text) const;
};

static_assert(Policy<Strict>);

/// What comes behind the last `</think>`; the whole text if there is none.
std::string_view behind_thinking(std::string_view text);

}  // namespace grove::math
