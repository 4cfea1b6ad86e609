// SPDX-License-Identifier: Apache-2.0
// Regular expressions that cannot run away. Engines that try one way after the other (std::regex, PCRE, Python's re)
// need exponential time or a deep stack for some patterns and texts, and a policy in training finds such texts. This
// one follows all ways at once (Thompson, 1968): time is at most the text's length times the pattern's size, and there
// is no recursion over the text. The price: no back-references and no lookaround.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/reward/unicode.hpp"

namespace grove {

struct PatternOptions {
  bool ignore_case = false;  ///< of ASCII letters
  bool multi_line = false;   ///< ^ and $ match at every line
  bool dot_all = false;      ///< . matches a newline too
};

/// A compiled pattern over code points: literals, the dot, classes and their opposites, \\d \\w \\s and their opposites
/// (ASCII), escapes of newline, tab and return, \\b and \\B, anchors, groups, alternatives, and the quantifiers * + ?
/// and those in braces. A lazy quantifier is read as a greedy one, because whether there is a match does not depend on
/// it. Signs mean what they mean in Python.
class Pattern {
 public:
  /// Throws Error that names the place in the pattern that cannot be read, and for one of more than 10,000 steps.
  explicit Pattern(std::string_view text, PatternOptions options = {}) : source_(text), options_(options) {
    program_ = alternation();
    if (!rest().empty()) refuse("a ) without its (");
    program_.push_back({Op::Match});
  }

  /// Whether the pattern matches anywhere in the text.
  bool found_in(std::string_view text) const {
    Threads now(program_.size()), next(program_.size());
    char32_t before = none;
    for (bool first = true;; first = false) {
      bool const at_end = text.empty();
      bool const last_newline = text == "\n";
      char32_t const c = at_end ? none : next_code_point(text);
      Place const place{before, c, first, at_end || last_newline};
      if (follow(now, 0, place)) return true;
      if (at_end) return false;
      for (auto const at : now.waiting)
        if (accepts(program_[at], c)) next.start.push_back(at + 1);
      now.clear();
      std::swap(now, next);
      before = c;
    }
  }

 private:
  enum class Op : std::uint8_t { Class, Split, Jump, LineStart, LineEnd, WordEdge, NoWordEdge, Match };
  using Ranges = std::vector<std::pair<char32_t, char32_t>>;
  struct Step {
    Op op{};
    std::ptrdiff_t first = 1, second = 1;  ///< relative places that Split and Jump go to
    Ranges ranges{};
    bool negated = false;
  };
  using Program = std::vector<Step>;

  static constexpr char32_t none = std::numeric_limits<char32_t>::max();
  static constexpr std::size_t most_steps = 10'000, most_depth = 200;

  /// What stands around a place between two code points.
  struct Place {
    char32_t before, behind;
    bool start, end;
  };

  /// The steps that a search is at, each once.
  struct Threads {
    explicit Threads(std::size_t steps) : seen(steps, 0) {}
    void clear() {
      waiting.clear();
      start.clear();
      std::ranges::fill(seen, 0);
    }
    std::vector<std::size_t> start{}, waiting{}, stack{};  ///< to be followed; at a Class; on the way
    std::vector<std::uint8_t> seen;
  };

  // ---- search

  static bool is_word(char32_t c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  }
  static bool in(Ranges const& ranges, char32_t c) {
    return std::ranges::any_of(ranges, [&](auto const& range) { return range.first <= c && c <= range.second; });
  }
  bool accepts(Step const& step, char32_t c) const {
    bool inside = in(step.ranges, c);
    if (options_.ignore_case && !inside && is_word(c) && c >= 'A') inside = in(step.ranges, c ^ 0x20U);
    return inside != step.negated;
  }
  bool holds(Op op, Place const& place) const {
    bool const edge =
        (place.before != none && is_word(place.before)) != (place.behind != none && is_word(place.behind));
    switch (op) {
      case Op::LineStart:
        return place.start || (options_.multi_line && place.before == '\n');
      case Op::LineEnd:
        return place.end || (options_.multi_line && place.behind == '\n');
      case Op::WordEdge:
        return edge;
      default:
        return !edge;
    }
  }
  /// Follows the steps that take no code point; true where one is Match.
  bool follow(Threads& threads, std::size_t begin, Place const& place) const {
    threads.start.push_back(begin);
    for (auto const start : threads.start) {
      threads.stack.push_back(start);
      while (!threads.stack.empty()) {
        auto const at = threads.stack.back();
        threads.stack.pop_back();
        if (threads.seen[at] != 0) continue;
        threads.seen[at] = 1;
        auto const& step = program_[at];
        auto const go = [&](std::ptrdiff_t by) {
          threads.stack.push_back(static_cast<std::size_t>(static_cast<std::ptrdiff_t>(at) + by));
        };
        if (step.op == Op::Match) return true;
        if (step.op == Op::Class) {
          threads.waiting.push_back(at);
        } else if (step.op == Op::Split) {
          go(step.first);
          go(step.second);
        } else if (step.op == Op::Jump || holds(step.op, place)) {
          go(step.first);
        }
      }
    }
    return false;
  }

  // ---- reading the pattern

  std::string_view rest() const { return std::string_view(source_).substr(at_); }
  [[noreturn]] void refuse(std::string const& what) const {
    throw Error("pattern '" + source_ + "'", what + " at character " + std::to_string(at_ + 1), {},
                "back-references and lookaround are not part of these patterns");
  }
  bool take(std::string_view sign) {
    if (!rest().starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }
  char32_t take_point() {
    auto text = rest();
    if (text.empty()) refuse("an end too early");
    auto const point = next_code_point(text);
    at_ = source_.size() - text.size();
    return point;
  }

  static void append(Program& to, Program const& from) { to.insert(to.end(), from.begin(), from.end()); }
  static std::ptrdiff_t size_of(Program const& program) { return static_cast<std::ptrdiff_t>(program.size()); }

  Program alternation() {
    if (++depth_ > most_depth) refuse("groups more than 200 deep");
    auto program = sequence();
    while (take("|")) {
      auto const other = sequence();
      Program both = {{Op::Split, 1, size_of(program) + 2}};
      append(both, program);
      both.push_back({Op::Jump, size_of(other) + 1});
      append(both, other);
      program = std::move(both);
    }
    --depth_;
    return program;
  }

  Program sequence() {
    Program program;
    while (!rest().empty() && rest().front() != '|' && rest().front() != ')') {
      append(program, repeated(atom()));
      if (program.size() > most_steps) refuse("more than 10,000 steps");
    }
    return program;
  }

  Program repeated(Program const& one) {
    std::size_t least = 1, most = 1;
    constexpr auto unbounded = static_cast<std::size_t>(-1);
    if (take("*"))
      least = 0, most = unbounded;
    else if (take("+"))
      most = unbounded;
    else if (take("?"))
      least = 0;
    else if (!take_counts(least, most, unbounded))
      return one;
    take("?");
    if (!rest().empty() && std::string_view("*+?").find(rest().front()) != std::string_view::npos)
      refuse("a quantifier of a quantifier");
    if (most != unbounded && most < least) refuse("a range that ends before it begins");
    if (std::max(least, most == unbounded ? 0 : most) * (one.size() + 1) > most_steps) refuse("more than 10,000 steps");
    Program program;
    for (std::size_t i = 0; i < least; ++i) append(program, one);
    if (most == unbounded) {
      program.push_back({Op::Split, 1, size_of(one) + 2});
      append(program, one);
      program.push_back({Op::Jump, -(size_of(one) + 1)});
    } else {
      for (std::size_t i = least; i < most; ++i) {
        program.push_back({Op::Split, 1, size_of(one) + 1});
        append(program, one);
      }
    }
    return program;
  }

  /// `{m}`, `{m,}`, `{,n}` or `{m,n}`; anything else leaves the brace a literal.
  bool take_counts(std::size_t& least, std::size_t& most, std::size_t unbounded) {
    auto const begin = at_;
    if (!take("{")) return false;
    bool const has_least = take_number(least, 0);
    bool const has_comma = take(",");
    bool const has_most = has_comma && take_number(most, unbounded);
    if (!has_comma) most = least;
    if (take("}") && (has_least || has_most)) return true;
    at_ = begin;
    least = most = 1;
    return false;
  }
  bool take_number(std::size_t& number, std::size_t otherwise) {
    auto const begin = at_;
    std::size_t value = 0;
    for (; !rest().empty() && rest().front() >= '0' && rest().front() <= '9'; ++at_)
      value = std::min<std::size_t>(value * 10 + static_cast<std::size_t>(rest().front() - '0'), most_steps);
    number = at_ > begin ? value : otherwise;
    return at_ > begin;
  }

  static Step of_ranges(Ranges ranges, bool negated = false) { return {Op::Class, 1, 1, std::move(ranges), negated}; }

  Program atom() {
    if (take("(")) {
      if (rest().starts_with("?") && !take("?:")) refuse("a group of this kind");
      auto group = alternation();
      if (!take(")")) refuse("a ( without its )");
      return group;
    }
    if (take("[")) return {bracket()};
    if (take(".")) return {options_.dot_all ? of_ranges({}, true) : of_ranges({{'\n', '\n'}}, true)};
    if (take("^")) return {{Op::LineStart}};
    if (take("$")) return {{Op::LineEnd}};
    if (take("\\b")) return {{Op::WordEdge}};
    if (take("\\B")) return {{Op::NoWordEdge}};
    if (take("\\")) {
      bool negated = false;
      auto ranges = escape(negated);
      return {of_ranges(std::move(ranges), negated)};
    }
    if (std::string_view("*+?").find(rest().front()) != std::string_view::npos) refuse("nothing to repeat");
    auto const point = take_point();
    return {of_ranges({{point, point}})};
  }

  /// What stands behind a backslash.
  Ranges escape(bool& negated) {
    auto const c = take_point();
    negated = c == 'D' || c == 'W' || c == 'S';
    switch (c) {
      case 'd':
      case 'D':
        return {{'0', '9'}};
      case 'w':
      case 'W':
        return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
      case 's':
      case 'S':
        return {{0x09, 0x0D}, {' ', ' '}};
      case 'n':
        return {{'\n', '\n'}};
      case 't':
        return {{'\t', '\t'}};
      case 'r':
        return {{'\r', '\r'}};
      default:
        break;
    }
    if (c < 0x80 && is_word(c)) refuse("an unknown escape");
    return {{c, c}};
  }

  Step bracket() {
    bool const negated = take("^");
    Ranges all;
    for (bool first = true; first || !rest().starts_with("]"); first = false) {
      auto low = bracket_part(all);
      if (low == none) continue;
      auto high = low;
      if (rest().size() > 1 && rest()[0] == '-' && rest()[1] != ']') {
        take("-");
        high = bracket_part(all);
        if (high == none || high < low) refuse("a range that ends before it begins");
      }
      all.emplace_back(low, high);
    }
    take("]");
    return of_ranges(std::move(all), negated);
  }
  /// A code point, or none where a class such as \d was added to `all`.
  char32_t bracket_part(Ranges& all) {
    auto const c = take_point();
    if (c != '\\') return c;
    bool negated = false;
    auto const ranges = escape(negated);
    if (negated) refuse("an opposite inside brackets");
    if (ranges.size() == 1 && ranges[0].first == ranges[0].second) return ranges[0].first;
    all.insert(all.end(), ranges.begin(), ranges.end());
    return none;
  }

  std::string source_;
  PatternOptions options_;
  std::size_t at_ = 0, depth_ = 0;
  Program program_{};
};

}  // namespace grove
