// SPDX-License-Identifier: Apache-2.0
#include "grove/math/plain_matches.hpp"

#include <algorithm>
#include <array>

#include "grove/math/ascii.hpp"
#include "grove/math/bytes.hpp"
#include "grove/math/environments.hpp"

namespace grove::math::detail {
namespace {

constexpr std::size_t none = std::string_view::npos;
constexpr std::size_t few_characters = 10'000;

/// Length of an operator of plain arithmetic; the multiplication and division signs have two bytes.
std::size_t operator_length(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  constexpr std::string_view single = "+-*/^()";
  if (single.find(text[at]) != none) return 1;
  return starts_with(text, at, "\xC3\x97") || starts_with(text, at, "\xC3\xB7") ? 2 : 0;
}

bool has_suffix(std::string_view text, std::size_t at, std::size_t& end) {
  for (std::size_t const stars : {std::size_t{2}, std::size_t{0}}) {
    if (stars != 0 && !starts_with(text, at, "**")) continue;
    std::size_t const i = at + stars;
    if (i == text.size() || (i + 1 == text.size() && text[i] == '\n')) {
      end = i;
      return true;
    }
    constexpr std::string_view marks = ".,:)$";
    if (is_space(text[i]) || marks.find(text[i]) != none) {
      end = i + 1;
      return true;
    }
  }
  return false;
}

/// The places where a number may begin behind the prefix at `at`: (^|\s|=)(\*\*)?
struct Starts {
  std::array<std::size_t, 4> at{};
  std::size_t size = 0;
};

Starts starts(std::string_view text, std::size_t at) {
  Starts result;
  auto add = [&](std::size_t i) {
    if (starts_with(text, i, "**")) result.at[result.size++] = i + 2;
    result.at[result.size++] = i;
  };
  if (at == 0) add(0);
  if (at < text.size() && (is_space(text[at]) || text[at] == '=')) add(at + 1);
  return result;
}

std::size_t skip_currency(std::string_view text, std::size_t at) {
  if (starts_with(text, at, "$")) return at + 1;
  if (starts_with(text, at, "\xC2\xA3") || starts_with(text, at, "\xC2\xA5")) return at + 2;
  if (starts_with(text, at, "\xE0\xB8\xBF")) return at + 3;
  if (starts_with(text, at, "\xE2\x82") && at + 2 < text.size() && static_cast<unsigned char>(text[at + 2]) >= 0xA0) {
    return at + 3;
  }
  return at;
}

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

/// 1,234.5 or 1 234.5
bool grouped_number(std::string_view text, std::size_t at, PlainMatch& match) {
  std::size_t const begin = at;
  if (starts_with(text, at, "-")) ++at;
  if (at >= text.size() || !is_digit(text[at]) || text[at] == '0') return false;
  std::size_t const first = at;
  at = skip_digits(text, at);
  if (at - first > 3) return false;
  std::size_t groups = 0;
  while (at + 3 < text.size() && (text[at] == ' ' || text[at] == ',') && is_digit(text[at + 1]) &&
         is_digit(text[at + 2]) && is_digit(text[at + 3])) {
    at += 4;
    ++groups;
  }
  if (groups == 0) return false;
  match.integer = text.substr(begin, at - begin);
  match.decimals = {};
  if (at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1])) {
    std::size_t const end = skip_digits(text, at + 1);
    match.decimals = text.substr(at, end - at);
    at = end;
  }
  match.end = at;
  return true;
}

/// 12.5, 12,5, .5 and 12
bool simple_number(std::string_view text, std::size_t at, PlainMatch& match) {
  std::size_t const begin = at;
  if (starts_with(text, at, "-")) ++at;
  std::size_t const first = at;
  at = skip_digits(text, at);
  bool const integer = at != first;
  bool const point =
      at + 1 < text.size() && is_digit(text[at + 1]) && (text[at] == '.' || (integer && text[at] == ','));
  if (!integer && (!point || first != begin)) return false;
  match.integer = integer ? text.substr(begin, at - begin) : std::string_view{};
  match.decimals = {};
  if (point) {
    std::size_t const end = skip_digits(text, at + 1);
    match.decimals = text.substr(at, end - at);
    at = end;
  }
  match.end = at;
  return true;
}

/// Takes the last digit away where that leaves a number.
bool shorten(PlainMatch& match) {
  auto& part = match.decimals.empty() ? match.integer : match.decimals;
  std::size_t const least = match.decimals.empty() && part.substr(0, 1) == "-" ? 3 : 2;
  if (part.size() < least + (match.decimals.empty() ? 0 : 1)) return false;
  part.remove_suffix(1);
  --match.end;
  return is_digit(part.back());
}

}  // namespace

std::size_t next_number(std::string_view text, std::size_t from) {
  if (from == 0) return 0;
  constexpr std::string_view marks = "-.($*";
  // White space or an equals sign, then what numbers begin with.
  auto const begins_at = [&](std::size_t i) {
    char const next = text[i + 1];
    return (is_space(text[i]) || text[i] == '=') &&
           (is_digit(next) || static_cast<unsigned char>(next) >= 0x80 || marks.find(next) != none);
  };
  auto const hits = [&](std::size_t i) {
    Bytes const here = load(text, i);
    Bytes const next = load(text, i + 1);
    Bytes const before =
        equal(here, ' ') | equal(here, '=') | between(here, '\t', '\r') | between(here, '\x1c', '\x1f');
    Bytes begins = between(next, '0', '9') | between(next, '(', '*') | between(next, '-', '.') | equal(next, '$');
    begins |= next & std::uint8_t{0x80};
    return before & begins;
  };
  std::size_t i = from;
  while (i + 1 < text.size()) {
    i = skip_blocks(text, i, 1, hits);
    std::size_t const end = std::min(i + sizeof(Bytes), text.size() - 1);
    for (; i < end; ++i) {
      if (begins_at(i)) return i;
    }
  }
  return text.size();
}

void PlainScanner::scan(std::size_t begin, After after) {
  if (scanned_ > 2 * text_.size() + few_characters) {
    // Questions that jump to and fro between long runs: they have no answer any more.
    run_ = {.begin = begin, .end = begin + 1, .after = after, .asked = none};
    return;
  }
  run_ = {.begin = begin, .after = after, .asked = none};
  std::size_t nonspace = begin;  // behind the white space looked at last
  for (std::size_t i = begin + 1;;) {
    std::size_t end = 0;
    if (has_suffix(text_, i, end)) {
      if (end > nonspace) nonspace = skip_space(text_, end);
      if (after == After::Anything || !starts_with(text_, nonspace, "=")) {
        run_.last = i;
        run_.last_end = end;
      }
    }
    std::size_t const length = operator_length(text_, i);
    if (length == 0 && (i >= text_.size() || (!is_digit(text_[i]) && text_[i] != '.' && !is_space(text_[i])))) {
      run_.end = i;
      scanned_ += i - begin;
      return;
    }
    i += std::max<std::size_t>(length, 1);
  }
}

/// The position behind the run's first operator from `from` on; npos if there is none.
std::size_t PlainScanner::behind_operator(std::size_t from) {
  if (run_.asked <= from && (run_.behind == none || from + 1 < run_.behind)) return run_.behind;
  run_.asked = from;
  run_.behind = none;
  for (std::size_t i = from; i < run_.end; ++i) {
    std::size_t const length = operator_length(text_, i);
    if (length == 0) continue;
    run_.behind = i + length;
    break;
  }
  return run_.behind;
}

std::optional<PlainMatch> PlainScanner::arithmetic(std::size_t at, After after) {
  Starts const places = starts(text_, at);
  for (std::size_t p = 0; p < places.size; ++p) {
    std::size_t const begin = places.at[p];
    std::size_t i = begin;
    if (starts_with(text_, i, "-")) ++i;
    if (starts_with(text_, i, "(")) ++i;
    if (starts_with(text_, i, "-")) ++i;
    if (i >= text_.size() || !is_digit(text_[i])) continue;
    if (i < run_.begin || i >= run_.end || after != run_.after) scan(i, after);
    // The longest part of the run that has an operator before its last character and ends where arithmetic may.
    std::size_t const behind = behind_operator(i + 1);
    if (behind == none || run_.last <= behind) continue;
    return PlainMatch{.begin = at, .end = run_.last_end, .arithmetic = text_.substr(begin, run_.last - begin)};
  }
  return std::nullopt;
}

bool PlainScanner::allowed(std::size_t at, After after) {
  return after == After::Anything || !starts_with(text_, skip_space_(at), "=");
}

bool PlainScanner::finish_number(PlainMatch& match, After after) {
  std::size_t const sign = skip_space_(match.end);
  std::size_t length = percent_length(text_, sign);
  if (starts_with(text_, sign, "\\%")) length = 0;
  if (length != 0 && allowed(sign + length, after)) {
    match.percent = true;
    match.end = sign + length;
    return true;
  }
  return allowed(match.end, after) || (shorten(match) && allowed(match.end, after));
}

std::optional<PlainMatch> PlainScanner::number(std::size_t at, After after) {
  Starts const places = starts(text_, at);
  for (std::size_t p = 0; p < places.size; ++p) {
    std::size_t const bare = places.at[p];
    for (std::size_t const i : {skip_currency(text_, bare), bare}) {
      if (i > 0 && is_digit(text_[i - 1])) continue;
      PlainMatch match{.begin = at};
      if (grouped_number(text_, i, match) && finish_number(match, after)) return match;
      if (simple_number(text_, i, match) && finish_number(match, after)) return match;
    }
  }
  return std::nullopt;
}

}  // namespace grove::math::detail
