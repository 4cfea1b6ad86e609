// SPDX-License-Identifier: Apache-2.0
#include "grove/math/number_words.hpp"

#include <string_view>

#include "support/catch.hpp"

namespace {

using grove::math::Rational;
using grove::math::detail::number_of_words;

struct Case {
  std::string_view words;
  Rational value;
};

TEST_CASE("numbers in words", "[fast]") {
  Case const cases[] = {{"zero", 0},
                        {"Seven", 7},
                        {"minus five", -5},
                        {"twenty-one", 21},
                        {"ninety nine", 99},
                        {"a hundred", 100},
                        {"two hundred and six", 206},
                        {"two thousand five hundred", 2500},
                        {"one million two hundred thousand three", 1200003},
                        {"one half", Rational(1, 2)},
                        {"half", Rational(1, 2)},
                        {"two-thirds", Rational(2, 3)},
                        {"three quarters", Rational(3, 4)},
                        {"two and a half", Rational(5, 2)}};
  for (Case const& one : cases) {
    INFO(one.words);
    auto const value = number_of_words(one.words);
    REQUIRE(value);
    CHECK(*value == one.value);
  }
}

TEST_CASE("other words are no numbers", "[fast]") {
  for (std::string_view const words : {"",
                                       "and",
                                       "a",
                                       "five or six",
                                       "five six",
                                       "twenty ten",
                                       "twenty-eleven",
                                       "five and six",
                                       "one hundred two hundred",
                                       "two thousand three million",
                                       "not five",
                                       "five apples",
                                       "5",
                                       "five, six",
                                       "two and three halves",
                                       "minus",
                                       "hundred",
                                       "third",
                                       "fourth",
                                       "one one one one one one one one one one one one one"}) {
    INFO(words);
    CHECK_FALSE(number_of_words(words));
  }
}

}  // namespace
