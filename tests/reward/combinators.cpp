// SPDX-License-Identifier: Apache-2.0
// Product, Gate and Clamp: one reward made of others.
#include <optional>
#include <string>

#include "grove/reward/clamp.hpp"
#include "grove/reward/exact_answer.hpp"
#include "grove/reward/format.hpp"
#include "grove/reward/gate.hpp"
#include "grove/reward/length.hpp"
#include "grove/reward/named.hpp"
#include "grove/reward/product.hpp"
#include "grove/reward/sum.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using grove::Clamp;
using grove::ExactAnswer;
using grove::Gate;
using grove::OpenRsFormat;
using grove::Product;
using test::asks;
using test::says;

namespace {

/// The completion's text as a number; declines an empty one.
struct Says {
  int factor = 1;
  std::optional<double> operator()(grove::Problem const&, grove::Completion const& c) const {
    if (c.text.empty()) return std::nullopt;
    return factor * std::stod(c.text);
  }
};

struct MustNotBeAsked {
  double operator()(grove::Problem const&, grove::Completion const&) const {
    throw grove::Error("test", "it was asked");
  }
};

struct Unreadable {
  grove::Score operator()(grove::Problem const&, grove::Completion const&) const {
    return grove::Score::of_unreadable(-3.0);
  }
};

static_assert(grove::Reward<Product<Says, Says>> && grove::Reward<Gate<Says, Says>> && grove::Reward<Clamp<Says>>);

}  // namespace

TEST_CASE("a product multiplies, and declines where one factor does") {
  CHECK(Product(Says{}, Says{2}, Says{-1})(asks(""), says("3")) == -54);
  CHECK(Product(Says{})(asks(""), says("0.5")) == 0.5);
  CHECK(Product(OpenRsFormat{}, Says{})(asks(""), says("")) == std::nullopt);
  auto const both = Product(OpenRsFormat{}, ExactAnswer{});
  CHECK(both(asks("4"), says("a\n</think>\n<answer>4</answer>")) == 1);
  CHECK(both(asks("4"), says("a<answer>4</answer>")) == 0);
  CHECK(both(asks(""), says("a\n</think>\n")) == std::nullopt);
}

TEST_CASE("behind a gate the second counts only if the first passed") {
  Gate const gate{OpenRsFormat{}, ExactAnswer{}};
  CHECK(gate(asks("4"), says("a\n</think>\n<answer>4</answer>")) == 1);
  CHECK(gate(asks("4"), says("a\n</think>\n<answer>5</answer>")) == 0);
  CHECK(gate(asks("4"), says("a<answer>4</answer>")) == 0);
  Gate const strict{Says{}, Says{10}, 2.0, -1.0};
  CHECK(strict(asks(""), says("2")) == 20);
  CHECK(strict(asks(""), says("1.9")) == -1);
  CHECK(strict(asks(""), says("")) == std::nullopt);
}

TEST_CASE("a closed gate does not ask the second") {
  CHECK(Gate{OpenRsFormat{}, MustNotBeAsked{}}(asks(""), says("x")) == 0);
  CHECK_THROWS_AS((Gate{OpenRsFormat{}, MustNotBeAsked{}}(asks(""), says("x\n</think>\n"))), grove::Error);
}

TEST_CASE("a clamp moves scores into its range and leaves declined ones") {
  Clamp const clamp(Says{}, -1, 2);
  CHECK(clamp(asks(""), says("5")) == 2);
  CHECK(clamp(asks(""), says("-5")) == -1);
  CHECK(clamp(asks(""), says("0.5")) == 0.5);
  CHECK(clamp(asks(""), says("")) == std::nullopt);
  CHECK_THROWS_AS(Clamp(Says{}, 2, 1), grove::Error);
  CHECK_THROWS_AS(Clamp(Says{}, std::stod("nan"), 1), grove::Error);
}

TEST_CASE("what could not be read stays known inside a gate and a clamp") {
  auto const score = Gate{OpenRsFormat{}, Clamp(Unreadable{}, -1, 1)}(asks(""), says("\n</think>\n"));
  CHECK(score == -1);
  CHECK(score.unparsed);
}

TEST_CASE("combined rewards are elements of a Sum, with a weight and a name") {
  grove::Sum const sum{grove::weighted(0.5, grove::Named{"right_in_form", Gate{OpenRsFormat{}, ExactAnswer{}}}),
                       Clamp(grove::LengthBudget{}, 0.25, 1)};
  CHECK(sum.name(0) == "right_in_form");
  CHECK(sum.name(1) == "clamp");
  CHECK(sum.weight(0) == 0.5);
}
