// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "grove/completion.hpp"
#include "grove/concepts.hpp"
#include "grove/problem.hpp"
#include "grove/reward/score.hpp"
#include "grove/reward/sum.hpp"

namespace grove {

/// `Gate{condition, reward}`: the second counts only if the first passed, with a score of at least `pass`; else the
/// sample scores `closed` and the second is not asked. Declines where the one that was asked last does.
template <class Condition, class R>
struct Gate {
  static_assert(!detail::is_weighted<Condition> && !detail::is_weighted<R>,
                "grove::Gate: a weight inside a gate is not used; put weighted(w, Gate{...}) into a Sum.");
  static_assert((Reward<Condition> || detail::is_weighted<Condition>)&&(Reward<R> || detail::is_weighted<R>),
                "grove::Gate: its parts are rewards of single samples; give each a member "
                "`std::optional<double> operator()(Problem const&, Completion const&) const`.");

  Condition condition{};
  R reward{};
  double pass = 0.5;
  double closed = 0.0;

  static constexpr std::string_view name = "gate";

  Score operator()(Problem const& problem, Completion const& completion) const {
    auto const passed = detail::score_of(condition, problem, completion);
    if (!passed) return std::nullopt;
    if (*passed >= pass) return detail::score_of(reward, problem, completion);
    return closed;
  }
};

template <class Condition, class R>
Gate(Condition, R) -> Gate<Condition, R>;
template <class Condition, class R>
Gate(Condition, R, double) -> Gate<Condition, R>;
template <class Condition, class R>
Gate(Condition, R, double, double) -> Gate<Condition, R>;

}  // namespace grove
