// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grove/math/comparison.hpp"

namespace grove::math::detail {

/// Math-Verify's `verify` for one pair of expressions, rule by rule.
class CompatibleEquality {
 public:
  CompatibleEquality(CompatibleComparison::Options const& options, ZeroTest const& zero, Arena& arena, Fuel& fuel)
      : options_(options), zero_(zero), arena_(arena), fuel_(fuel) {}

  /// `top`: not an element of something; options beyond the precisions count there only.
  Judgement operator()(Expr gold, Expr answer, bool top);

 private:
  // What sympy would call it.
  [[nodiscard]] bool is_relation(Expr e) const { return arena_.is(e, Kind::Relation) || arena_.is(e, Kind::And); }
  [[nodiscard]] bool is_equation(Expr e) const;
  [[nodiscard]] bool is_assignment(Expr e) const;
  [[nodiscard]] bool only_symbols(Expr e) const;
  [[nodiscard]] bool is_finite_set(Expr e) const { return arena_.is(e, Kind::Set) || arena_.is(e, Kind::List); }
  [[nodiscard]] bool is_region(Expr e) const;
  bool is_open_interval(Expr e);
  [[nodiscard]] Expr last_right(Expr e) const;
  Expr shortened(Expr e);
  Expr renamed(Expr gold, Expr answer);

  Judgement relations(Expr gold, Expr answer);
  Judgement equations_solved(Expr a, Expr b);
  Judgement sets(Expr gold, Expr answer);
  Judgement matching(std::vector<Expr> const& gold, std::vector<Expr> const& answer);
  Judgement in_order(std::span<Expr const> gold, std::span<Expr const> answer);
  std::vector<Expr> elements(Expr e);
  Judgement symbols(Expr gold, Expr answer);
  Judgement numbers(Expr gold, Expr answer);
  std::optional<bool> rounded_alike(Expr gold, Expr answer);
  std::optional<Rational> rounded(Expr e);
  Judgement matrices(Expr gold, Expr answer);

  CompatibleComparison::Options const& options_;
  ZeroTest const& zero_;
  Arena& arena_;
  Fuel& fuel_;
};

}  // namespace grove::math::detail
