// SPDX-License-Identifier: Apache-2.0
// The numbers of a composition by name. A piece (an estimator, a term, a surrogate) lists its own members once:
//
//   template <class Self, class Visit>
//   static void options(Self& self, Visit&& visit) {
//     visit(Option{"epsilon", "clip range below: the ratio counts from 1 - epsilon", at_least(0)}, self.low);
//   }
//
// and that one list is its command-line keys, its --help, its range checks and its line in a checkpoint. An option that
// does nothing for a composition is in no piece of it, so it does not exist there.
#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "grove/error.hpp"

namespace grove {

/// The values an option may take.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool excludes_min = false;
  bool infinite = false;  ///< infinity is a value like others

  /// NaN lies in no range.
  constexpr bool contains(double x) const {
    return (excludes_min ? x > min : x >= min) && x <= max &&
           (infinite || (x >= std::numeric_limits<double>::lowest() && x <= std::numeric_limits<double>::max()));
  }
};

constexpr Range at_least(double min) { return {.min = min}; }
constexpr Range above(double min) { return {.min = min, .excludes_min = true}; }
constexpr Range between(double min, double max) { return {.min = min, .max = max}; }
/// For bounds, which infinity takes away.
constexpr Range or_infinite(Range range) {
  range.infinite = true;
  return range;
}

/// A lower bound that is another option of the same composition: its value plus `plus`.
struct Floor {
  std::string_view option{};  ///< none: no such bound
  double plus = 0;
  bool excluded = false;

  constexpr bool admits(double x, double other) const { return excluded ? x > other + plus : x >= other + plus; }
};

struct Option {
  std::string_view name{};     ///< TRL's where it has the option
  std::string_view help{};     ///< what it is, for --help
  Range range{};               ///< legal values
  std::string_view follows{};  ///< takes the value of this option where it is not set itself
  Floor floor{};               ///< and what it must not lie below
};

template <class P, class Visit>
concept HasOptions = requires(P& piece, Visit& visit) {
  P::options(piece, visit);
};

/// Calls visit(Option, member&) for each number of a piece; a piece without any is left alone. Members are double,
/// std::size_t or bool.
template <class P, class Visit>
void visit_options(P& piece, Visit&& visit) {
  if constexpr (HasOptions<std::remove_const_t<P>, Visit>) std::remove_const_t<P>::options(piece, visit);
}

namespace detail {

/// A number without trailing zeros.
inline std::string describe(double x) {
  auto text = std::to_string(x);
  text.erase(text.find_last_not_of('0') + 1);
  return text.back() == '.' ? text.substr(0, text.size() - 1) : text;
}

/// A range in words.
inline std::string describe(Range range) {
  std::string const from = (range.excludes_min ? "greater than " : "at least ") + describe(range.min);
  if (std::isinf(range.max)) return std::isinf(range.min) ? "a number" : from;
  if (std::isinf(range.min)) return "at most " + describe(range.max);
  return range.excludes_min ? from + " and at most " + describe(range.max)
                            : "between " + describe(range.min) + " and " + describe(range.max);
}

/// A range in words, for a value that it does not contain.
inline std::string expected(Range range, double value) {
  auto text = describe(range);
  if (!std::isinf(value) || value < range.min) return text;
  return text == "a number" ? "a finite number" : "finite and " + text;
}

/// A floor in words, where the other option has the value `other`.
inline std::string describe(Floor floor, double other) {
  std::string const plus = floor.plus == 0 ? "" : describe(floor.plus) + " + ";
  return (floor.excluded ? "greater than " : "at least ") + plus + std::string(floor.option) + ", which is " +
         describe(other + floor.plus);
}

}  // namespace detail

/// Throws Error with the option's name and legal range if a piece holds a number outside it, or below the option that
/// is its floor.
template <class P>
void check_options(P const& piece) {
  visit_options(piece, [&](Option const& option, auto const& value) {
    auto const x = static_cast<double>(value);
    auto const refuse = [&](std::string const& expected) {
      throw Error("option " + std::string(option.name), "is " + std::to_string(x), expected);
    };
    if (!option.range.contains(x)) refuse(detail::expected(option.range, x));
    if (option.floor.option.empty()) return;
    visit_options(piece, [&](Option const& other, auto const& other_value) {
      if (other.name != option.floor.option) return;
      if (auto const y = static_cast<double>(other_value); !option.floor.admits(x, y))
        refuse(detail::describe(option.floor, y));
    });
  });
}

}  // namespace grove
