// SPDX-License-Identifier: Apache-2.0
#include "grove/math/environments.hpp"

#include <algorithm>

#include "grove/math/ascii.hpp"
#include "grove/math/bytes.hpp"

namespace grove::math::detail {
namespace {

/// -?\d+([.,]\d+)? at a position; the position behind it, or npos.
std::size_t simple_number(std::string_view text, std::size_t at) {
  if (at < text.size() && text[at] == '-') ++at;
  std::size_t const digits = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  if (at == digits) return std::string_view::npos;
  if (at + 1 < text.size() && (text[at] == '.' || text[at] == ',') && is_digit(text[at + 1])) {
    ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
  }
  return at;
}

}  // namespace

std::size_t percent_length(std::string_view text, std::size_t at) {
  if (starts_with(text, at, "%")) return 1;
  if (starts_with(text, at, "\\%")) return 2;
  if (at >= text.size() || lower(text[at]) != 'p') return 0;
  if (starts_with(text, at + 1, "ercent")) return 7;
  if (starts_with(text, at + 1, "ct")) return 3;
  return 0;
}

std::size_t EnvironmentScanner::next(Next& cache, std::size_t from) const {
  if (from < cache.asked || from > cache.found) {
    cache.asked = from;
    cache.found = text_.find(cache.what, from);
  }
  return cache.found;
}

bool EnvironmentScanner::holds_box(std::size_t begin, std::size_t end) {
  constexpr std::size_t command = 7;  // \boxed{
  std::size_t const box = next(box_, begin);
  if (box == std::string_view::npos || box + command + 1 >= end) return false;
  return next(brace_close_, box + command + 1) < end;
}

std::optional<EnvironmentScanner::One> EnvironmentScanner::finish(std::size_t begin, std::size_t close,
                                                                  std::size_t after, bool boxed) {
  if (boxed && !holds_box(begin, close)) return std::nullopt;
  One one{.environment = {.content = text_.substr(begin, close - begin)}, .end_dry = after};
  one.end = skip_space(text_, after);
  if (std::size_t const length = percent_length(text_, one.end); length != 0) {
    one.environment.percent = true;
    one.end += length;
    one.end_dry = one.end;
  }
  return one;
}

std::optional<EnvironmentScanner::One> EnvironmentScanner::dollars(std::size_t at, bool boxed) {
  bool const escaped = at > 0 && text_[at - 1] == '\\';
  if (escaped) return std::nullopt;
  if (starts_with(text_, at, "$$")) {
    std::size_t const close = next(double_dollar_, at + 2);
    if (close != std::string_view::npos && close > at + 2 && text_[close - 1] != '\\') {
      if (auto found = finish(at + 2, close, close + 2, boxed)) return found;
    }
  }
  if (at > 0 && is_digit(text_[at - 1])) return std::nullopt;
  for (std::size_t i = at + 1; i < text_.size() && text_[i] != '\n'; ++i) {
    if (text_[i] != '$') continue;
    if (text_[i - 1] == '\\') continue;
    if (i == at + 1) return std::nullopt;
    return finish(at + 1, i, i + 1, boxed);
  }
  return std::nullopt;
}

std::optional<EnvironmentScanner::One> EnvironmentScanner::backslash(std::size_t at, bool boxed) {
  if (at + 1 >= text_.size()) return std::nullopt;
  if (text_[at + 1] == 'f' && !boxed) return fraction(at);
  bool const display = text_[at + 1] == '[';
  if ((!display && text_[at + 1] != '(') || (at > 0 && text_[at - 1] == '\\')) return std::nullopt;
  std::size_t const close = next(display ? square_close_ : round_close_, at + 2);
  if (close == std::string_view::npos || close == at + 2 || text_[close - 1] == '\\') return std::nullopt;
  if (!display && next(newline_, at + 2) < close) return std::nullopt;
  return finish(at + 2, close, close + 2, boxed);
}

std::optional<EnvironmentScanner::One> EnvironmentScanner::square(std::size_t at, bool boxed) {
  // `at` is the white space before the bracket.
  if (!starts_with(text_, at + 1, "[")) return std::nullopt;
  for (std::size_t i = at + 2; i < text_.size() && text_[i] != '\n' && text_[i] != '['; ++i) {
    if (text_[i] != ']') continue;
    if (i == at + 2 || i + 1 >= text_.size() || !is_space(text_[i + 1])) return std::nullopt;
    return finish(at + 2, i, i + 2, boxed);
  }
  return std::nullopt;
}

std::optional<EnvironmentScanner::One> EnvironmentScanner::fraction(std::size_t at) {
  std::size_t const begin = at;
  if (text_[at] == '-') ++at;
  constexpr std::string_view command = "\\frac{";
  if (!starts_with(text_, at, command)) return std::nullopt;
  at = simple_number(text_, at + command.size());
  if (at == std::string_view::npos || !starts_with(text_, at, "}{")) return std::nullopt;
  at = simple_number(text_, at + 2);
  if (at == std::string_view::npos || !starts_with(text_, at, "}")) return std::nullopt;
  return finish(begin, at + 1, at + 1, false);
}

std::optional<EnvironmentScanner::One> EnvironmentScanner::one(std::size_t at, bool boxed) {
  if (at >= text_.size()) return std::nullopt;
  switch (text_[at]) {
    case '$':
      return dollars(at, boxed);
    case '\\':
      return backslash(at, boxed);
    case '-':
      return boxed ? std::nullopt : fraction(at);
    default:
      return is_space(text_[at]) ? square(at, boxed) : std::nullopt;
  }
}

std::optional<EnvironmentMatch> EnvironmentScanner::match(std::size_t at, bool boxed) {
  auto first = one(at, boxed);
  if (!first) return std::nullopt;
  EnvironmentMatch match{.begin = at, .end = first->end, .end_dry = first->end_dry, .size = 1};
  match.parts[0] = first->environment;
  while (match.size < EnvironmentMatch::most) {
    std::size_t join = skip_space(text_, match.end);
    bool const comma = starts_with(text_, join, ",");
    if (comma) ++join;
    bool const word = starts_with(text_, join, "and") || starts_with(text_, join, "or");
    if (word) join += text_[join] == 'a' ? 3 : 2;
    if (!comma && !word) break;
    std::size_t const start = skip_space(text_, join);
    auto found = one(start, boxed);
    // ` [..] ` takes the space before its bracket.
    if (!found && start > join) found = one(start - 1, boxed);
    if (!found) break;
    match.parts[match.size++] = found->environment;
    match.end = found->end;
    match.end_dry = found->end_dry;
  }
  return match;
}

std::size_t EnvironmentScanner::candidate(std::size_t from) const {
  std::size_t const size = text_.size();
  auto const hits = [&](std::size_t i) {
    Bytes const here = load(text_, i);
    return equal(here, '$') | equal(here, '\\') | equal(here, '-') | equal(here, '[');
  };
  for (std::size_t i = from; i < size;) {
    i = skip_blocks(text_, i, 0, hits);
    for (std::size_t const end = std::min(i + sizeof(Bytes), size); i < end; ++i) {
      char const c = text_[i];
      if (c == '$' || c == '\\' || c == '-') return i;
      // ` [` begins with its white space.
      if (c == '[' && i > from && is_space(text_[i - 1])) return i - 1;
    }
  }
  return std::string_view::npos;
}

}  // namespace grove::math::detail
