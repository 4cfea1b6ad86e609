// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grove/math/policy.hpp"

namespace grove::math {

/// Math-Verify 0.9, with its rounding, its asymmetries and its errors: for runs that must compare with others'. The
/// defaults are open-r1's call: gold from LaTeX or a plain number, the answer from a box (or LaTeX behind "answer"),
/// which must be well formed.
struct Compatible {
  static constexpr std::string_view name = "compatible";

  ReadOptions gold{.targets = {.latex = LatexTarget{}, .expression = ExpressionTarget{}}, .first_match = true};
  ReadOptions answer{
      .targets = {.latex =
                      LatexTarget{.unanchored = false,
                                  .box_priority = 0,
                                  .normalization = {.malformed_operators = false, .nits = false, .equations = true}}},
      .first_match = true};
  CompatibleComparison::Options comparison;
  bool swapped = false;               ///< verify(answer, gold): open-rs's order of arguments
  bool unread_gold_accepted = false;  ///< a gold answer without meaning accepts every answer: open-rs
  std::int64_t fuel = default_fuel;

  /// Math-Verify's own defaults on both sides.
  static Compatible library_defaults();

  Outcome judge(Workspace& workspace, std::string_view gold_text, std::string_view answer_text) const;
};

/// open-rs's call of Math-Verify: gold from LaTeX only, arguments swapped, and 1 for every answer to a gold that cannot
/// be read.
struct CompatibleOpenRs : Compatible {
  static constexpr std::string_view name = "compatible-open-rs";

  CompatibleOpenRs();
};

/// Math-Verify as lighteval's tasks call it (the tables of published evaluations): plain expressions and LaTeX in the
/// answer, boxes first, candidates tried until one can be read, five decimals.
struct Lighteval : Compatible {
  static constexpr std::string_view name = "lighteval";

  /// Where the task's gold answers stand.
  enum class Gold : std::uint8_t { Latex, Expression };
  explicit Lighteval(Gold where = Gold::Latex);

  Outcome judge(Workspace& workspace, std::string_view gold_text, std::string_view answer_text) const;
};

static_assert(Policy<Compatible> && Policy<CompatibleOpenRs> && Policy<Lighteval>);

}  // namespace grove::math
