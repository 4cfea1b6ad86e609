// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "grove/math/expression.hpp"

namespace grove::math::detail {

/// What the zero test wants to know of expressions before it evaluates them.
struct Traits {
  std::vector<std::uint32_t> free;   ///< names of free variables
  std::vector<std::uint32_t> whole;  ///< those among them that count or bound something
  bool rational = true;              ///< only +, *, whole powers: values modulo a prime exist
  bool scalar = true;                ///< no set, relation, text or the like inside
  std::uint64_t scale = 0;           ///< bits that the written numbers and powers can make small differences in
  std::uint64_t weight = 0;          ///< nodes

  /// Adds those of one more expression.
  void gather(Arena const& arena, Expr e);

 private:
  void visit(Arena const& arena, Expr e, bool counts);
  std::vector<std::uint32_t> bound_;
};

}  // namespace grove::math::detail
