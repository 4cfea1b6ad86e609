// SPDX-License-Identifier: Apache-2.0
#include "grove/objective/derivative_error.hpp"

#include "custom_algorithm/my_algorithm.hpp"
#include "grove/objective/clip.hpp"
#include "grove/objective/policy_gradient.hpp"
#include "support/catch.hpp"

using namespace grove;

namespace {

/// A term whose derivative lost a factor.
struct Wrong : Proximity {
  template <std::floating_point T>
  constexpr TermValue<T, 1> operator()(Token<T> const& t) const {
    auto value = Proximity::operator()(t);
    value.d_log_p *= 2;
    return value;
  }
};

constexpr Token<double> token{
    .log_p = -0.7, .log_p_detached = -0.7, .log_p_old = -0.9, .entropy = 0.4, .advantage = 1.5, .length = 3};

}  // namespace

TEST_CASE("a right derivative agrees with differences of its loss") {
  REQUIRE(derivative_error(Proximity{.coefficient = 0.3}, token) < 1e-8);
  REQUIRE(derivative_error(PolicyGradient<TokenRatio, Clip>{}, token) < 1e-8);
}

TEST_CASE("a wrong derivative does not") {
  REQUIRE(derivative_error(Wrong{}, token) == Approx(0.1 * 0.2).epsilon(1e-6));
}
