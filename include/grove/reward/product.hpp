// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "grove/completion.hpp"
#include "grove/concepts.hpp"
#include "grove/problem.hpp"
#include "grove/reward/sum.hpp"

namespace grove {

/// One reward: the product of the scores of several, none where one of them declines. All are asked for each sample.
template <class... Rs>
struct Product {
  static_assert(sizeof...(Rs) > 0, "grove::Product: a product of no rewards scores nothing; give it at least one.");
  static_assert((!detail::is_weighted<Rs> && ...),
                "grove::Product: a weight of a factor only scales the product; put weighted(w, Product{...}) into a "
                "Sum.");
  static_assert(((Reward<Rs> || detail::is_weighted<Rs>)&&...),
                "grove::Product: a factor is no reward of single samples; give it a member "
                "`std::optional<double> operator()(Problem const&, Completion const&) const`.");

  static constexpr std::string_view name = "product";

  explicit Product(Rs... factors) : rewards(std::move(factors)...) {}

  std::optional<double> operator()(Problem const& problem, Completion const& completion) const {
    std::optional<double> product = 1.0;
    auto const multiply = [&](auto const& reward) {
      std::optional<double> const score = reward(problem, completion);
      product = product && score ? std::optional(*product * *score) : std::nullopt;
    };
    std::apply([&](Rs const&... reward) { (multiply(reward), ...); }, rewards);
    return product;
  }

  std::tuple<Rs...> rewards;
};

}  // namespace grove
