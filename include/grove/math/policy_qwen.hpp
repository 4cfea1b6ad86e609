// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grove/math/policy.hpp"

namespace grove::math {

/// The grader of Qwen2.5-Math's evaluation: texts first, numbers to a relative 1e-4 and up to a factor of 100, then
/// lists and matrices by elements, equations by their difference, and expressions as far as their beginning can be
/// read. Known to be lenient; kept to compare with published figures.
struct QwenGrader {
  static constexpr std::string_view name = "qwen";

  bool percent_variants = true;      ///< the gold number times and by 100 counts as well
  double relative_tolerance = 1e-4;  ///< of numbers
  std::int64_t fuel = default_fuel;

  Outcome judge(Workspace& workspace, std::string_view gold_text, std::string_view answer_text) const;
};

static_assert(Policy<QwenGrader>);

}  // namespace grove::math
