// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "grove/math/expression.hpp"
#include "grove/math/fuel.hpp"
#include "grove/math/zero_test.hpp"

namespace grove::math::detail {

/// A set of real numbers made of finitely many intervals and points, with constants for ends: sorted, disjoint, none
/// touching the next.
class RealSet {
 public:
  struct Piece {
    Expr from;
    Expr to;
    bool from_open = false;
    bool to_open = false;
  };

  /// Of intervals, unions, intersections, differences, finite sets of constants, the reals, the empty set; with
  /// inequalities of one variable read as the numbers that satisfy them (and, or, chains). None for everything else.
  static std::optional<RealSet> of(Arena& arena, ZeroTest const& zero, Expr e, Fuel& fuel);

  /// None where ends cannot be told apart.
  static std::optional<bool> same(Arena const& arena, ZeroTest const& zero, RealSet const& a, RealSet const& b,
                                  Fuel& fuel);

  [[nodiscard]] std::vector<Piece> const& pieces() const { return pieces_; }
  [[nodiscard]] bool empty() const { return pieces_.empty(); }

 private:
  friend class RealSetBuilder;
  std::vector<Piece> pieces_;
};

/// The one value of the only variable of a linear equation or inequality left ? right; `slope` is the sign of its
/// factor in left - right.
struct LinearRoot {
  Expr root;
  int slope = 1;
  std::uint32_t variable = 0;
};
std::optional<LinearRoot> linear_root(Arena& arena, ZeroTest const& zero, Expr relation, Fuel& fuel);

}  // namespace grove::math::detail
