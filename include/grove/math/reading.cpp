// SPDX-License-Identifier: Apache-2.0
#include "grove/math/reading.hpp"

#include <algorithm>

#include "grove/math/ascii.hpp"
#include "grove/math/plain_arithmetic.hpp"

namespace grove::math {

namespace {

constexpr std::int64_t work_of_candidate = 10;

}  // namespace

void Reader::read(Arena& arena, std::string_view text, ReadOptions const& options, Reading& out) {
  out.value = {};
  out.text.clear();
  out.found = false;
  out.problem = "no answer was found";
  text = detail::searched_part(text);
  Fuel fuel(options.fuel);
  std::string candidate;
  extractor_.each(text, options.targets, [&](Match const& match) {
    candidate.clear();
    Expr value;
    std::string_view problem = "not an expression";
    switch (match.type) {
      case Match::Type::Latex:
        value = latex(arena, match, options.targets.latex->normalization, fuel, candidate, problem);
        break;
      case Match::Type::Expression:
        fuel.spend(static_cast<std::int64_t>(match.end - match.begin));
        value = plain(arena, match, candidate);
        break;
      case Match::Type::Choice: {
        candidate = match.choice;
        std::string name = candidate;
        if (options.targets.choice->lowercase) std::transform(name.begin(), name.end(), name.begin(), detail::lower);
        value = arena.choice(name);
        break;
      }
    }
    if (!out.found) out.problem = problem;
    out.found = true;
    if (options.fallback_text && out.text.empty()) out.text = candidate;
    out.value = value;
    return !value && !options.first_match && fuel.spend(work_of_candidate);
  });
}

Expr Reader::latex(Arena& arena, Match const& match, Normalization const& options, Fuel& fuel, std::string& text,
                   std::string_view& problem) {
  Normalization normalization = options;
  if (match.latex.plain_box) normalization.boxed = BoxMode::Last;
  std::vector<Expr> values;
  bool all = true;
  std::string joined;
  for (std::size_t i = 0; i < match.latex.size; ++i) {
    detail::Environment const& part = match.latex.parts[i];
    if (!fuel.spend(static_cast<std::int64_t>(part.content.size()))) {
      problem = "the budget of work was spent";
      return {};
    }
    std::string_view const normalized = normalizer_(part.content, normalization);
    if (i == 0) text = normalized;
    if (i != 0) joined += " and ";
    joined += normalized;
    Parsed parsed = parser_.compatible(arena, normalized);
    fuel.spend(parsed.work);
    if (parsed.value && part.percent) parsed.value = arena.node(Kind::Percent, {parsed.value});
    if (!parsed.value) problem = parsed.problem;
    all = all && parsed.value;
    values.push_back(parsed.value);
  }
  if (values.size() == 1 || !all) return values.empty() ? Expr{} : values[0];
  // Several environments are one set.
  std::vector<Expr> members;
  for (Expr const value : values) {
    bool const set = arena.is(value, Kind::List) || arena.is(value, Kind::Set);
    auto const children = arena.children(value);
    if (set) {
      members.insert(members.end(), children.begin(), children.end());
    } else {
      members.push_back(value);
    }
  }
  text = joined;
  return arena.node(Kind::List, members, static_cast<std::uint8_t>(Bracket::None));
}

Expr Reader::plain(Arena& arena, Match const& match, std::string& text) {
  detail::PlainMatch const& plain = match.plain;
  if (!plain.arithmetic.empty()) {
    text = plain.arithmetic;
    return detail::parse_arithmetic(arena, plain.arithmetic);
  }
  std::string digits;
  for (char const c : plain.integer) {
    if (c != ',' && c != ' ') digits += c;
  }
  bool const negative = digits.starts_with('-');
  if (!negative) digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty()) digits += '0';
  for (char const c : plain.decimals) digits += c == ',' ? '.' : c;
  text = digits;
  Expr value = parse_numeral(arena, std::string_view(digits).substr(negative ? 1 : 0));
  if (negative) value = arena.negate(value);
  return value && plain.percent ? arena.node(Kind::Percent, {value}) : value;
}

}  // namespace grove::math
