// SPDX-License-Identifier: Apache-2.0
// Several rewards as one, known at compile time.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/reward/name.hpp"
#include "grove/reward/reward_list.hpp"
#include "grove/reward/score.hpp"

namespace grove {

/// A reward and how much it counts in a Sum; `weighted()` makes one.
template <class R>
struct Weighted {
  double weight = 1;
  R reward{};
};

template <class R>
Weighted<R> weighted(double weight, R reward) {
  return {weight, std::move(reward)};
}

namespace detail {

template <class E>
struct SumElement {
  using reward_type = E;
  static double weight(E const&) { return 1; }
  static E reward(E element) { return element; }
};
template <class R>
struct SumElement<Weighted<R>> {
  using reward_type = R;
  static double weight(Weighted<R> const& element) { return element.weight; }
  static R reward(Weighted<R> element) { return std::move(element.reward); }
};

template <class R>
inline constexpr bool is_weighted = false;
template <class R>
inline constexpr bool is_weighted<Weighted<R>> = true;

}  // namespace detail

/// A weighted sum: `Sum{OpenRsFormat{}, weighted(2.0, ExactAnswer{})}`; an element without a weight has weight 1. The
/// rewards stay apart in the reward matrix, each under its name, until they are shaped: nothing is added up here.
template <class... Rs>
class Sum {
  static_assert(sizeof...(Rs) > 0, "grove::Sum: a sum of no rewards scores nothing; give it at least one.");
  static_assert(((Reward<Rs> || GroupReward<Rs>)&&...),
                "grove::Sum: an element is no reward; give it a member "
                "`std::optional<double> operator()(Problem const&, Completion const&) const`.");

 public:
  /// Throws Error where two rewards have the same name or a weight is not finite.
  template <class... Es>
    requires(sizeof...(Es) == sizeof...(Rs) && (std::same_as<typename detail::SumElement<Es>::reward_type, Rs> && ...))
  explicit Sum(Es... elements)
      : weights_{detail::SumElement<Es>::weight(elements)...},
        rewards_(detail::SumElement<Es>::reward(std::move(elements))...) {
    std::apply([&](Rs const&... reward) { names_ = {name_of(reward)...}; }, rewards_);
    for (std::size_t i = 0; i < size(); ++i)
      detail::check_entry("Sum", std::span<const std::string>(names_).first(i), names_[i], weights_[i]);
  }

  std::size_t size() const { return sizeof...(Rs); }
  std::string const& name(std::size_t i) const { return names_[i]; }
  double weight(std::size_t i) const { return weights_[i]; }

  Judges judges(std::size_t i) const {
    return at(i, [](auto const& reward) { return judges_of(reward); });
  }
  Score score(std::size_t i, Problem const& problem, Completion const& completion) const {
    return at(i, [&](auto const& reward) { return detail::ListOfOne(reward).score(0, problem, completion); });
  }
  std::vector<std::optional<double>> score_together(std::size_t i, std::span<Problem const* const> problems,
                                                    std::span<Completion const* const> completions) const {
    return at(i,
              [&](auto const& reward) { return detail::ListOfOne(reward).score_together(0, problems, completions); });
  }
  /// Whether reward i takes a problem's gold answer for right.
  detail::GoldCheck check_gold(std::size_t i, Problem const& problem) const {
    return at(i, [&](auto const& reward) { return detail::check_gold(reward, problem); });
  }

 private:
  /// f of the i-th reward.
  template <class F>
  auto at(std::size_t i, F const& f) const {
    decltype(f(std::get<0>(rewards_))) result{};
    std::size_t next = 0;
    auto const visit = [&](auto const& reward) {
      if (next++ == i) result = f(reward);
    };
    std::apply([&](Rs const&... reward) { (visit(reward), ...); }, rewards_);
    return result;
  }

  std::array<double, sizeof...(Rs)> weights_;
  std::tuple<Rs...> rewards_;
  std::array<std::string, sizeof...(Rs)> names_;
};

template <class... Es>
Sum(Es...) -> Sum<typename detail::SumElement<Es>::reward_type...>;

}  // namespace grove
