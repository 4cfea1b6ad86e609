// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grove/math/expression.hpp"
#include "grove/math/fuel.hpp"
#include "grove/math/zero_test.hpp"

namespace grove::math::detail {

/// What an answer says, without the ways of saying it: the value of `x = 5`, of a true chain `x = 2 + 3 = 5`, of `x in
/// S`, of a set of one, of a unit, of `5 ~ 5.0`; several values as one Set without nested lists and with both values of
/// +-; assignments to different names as a Tuple of values in the order of the names; the condition of a set builder;
/// the set or number that words name; matrices, and the limits, sums and integrals that have closed forms, worked out;
/// i as the imaginary unit.
class AnswerForm {
 public:
  AnswerForm(Arena& arena, ZeroTest const& zero, Fuel& fuel, bool lists_ordered)
      : arena_(arena), zero_(zero), fuel_(fuel), lists_ordered_(lists_ordered) {}

  Expr operator()(Expr e);

 private:
  Expr relation(Expr e);
  Expr of_multiple(Expr left, Expr right);
  Expr conjunction(Expr e);
  Expr several(Expr e);
  Expr assignments(std::span<Expr const> items);
  Expr exclusions(std::span<Expr const> items);
  Expr set_builder(Expr e);
  Expr signs(Expr e);
  Expr meaning(Expr e);
  bool gather(Expr e, std::vector<Expr>& items);
  [[nodiscard]] bool is_assignment(Expr e) const;
  [[nodiscard]] bool are_assignments(Expr e) const;
  [[nodiscard]] bool one_name(std::span<Expr const> items) const;

  Arena& arena_;
  ZeroTest const& zero_;
  Fuel& fuel_;
  bool lists_ordered_;
};

}  // namespace grove::math::detail
