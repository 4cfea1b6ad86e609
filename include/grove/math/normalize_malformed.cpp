// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "grove/math/ascii.hpp"
#include "grove/math/normalize.hpp"

namespace grove::math::detail {
namespace {

constexpr std::size_t none = std::string_view::npos;

std::size_t skip_one_space(std::string_view text, std::size_t at) {
  return at < text.size() && is_space(text[at]) ? at + 1 : at;
}

/// Rewrites each place of a command: rewrite(text, behind) -> position behind what it replaced, or npos, and appends
/// the replacement to the output.
template <typename Rewrite>
void rewrite_each(std::string& text, std::string& scratch, std::string_view command, Rewrite rewrite) {
  std::size_t at = text.find(command);
  if (at == none) return;
  scratch.clear();
  std::size_t from = 0;
  while (at != none) {
    scratch.append(text, from, at - from);
    std::size_t const end = rewrite(std::string_view(text), at + command.size(), scratch);
    if (end == none) scratch.append(command);
    from = end == none ? at + command.size() : end;
    at = text.find(command, from);
  }
  scratch.append(text, from);
  text.swap(scratch);
}

void append_group(std::string& out, std::string_view content) { out.append("{").append(content).append("}"); }

/// `^(x)` and `sqrt(x)` get braces; the content ends at the first parenthesis.
std::size_t parentheses(std::string_view text, std::size_t at, std::string& out, std::string_view head) {
  at = skip_one_space(text, at);
  if (!starts_with(text, at, "(")) return none;
  std::size_t const close = text.find(')', at);
  if (close == none) return none;
  out.append(head);
  append_group(out, text.substr(at + 1, close - at - 1));
  return close + 1;
}

/// One digit, then a run of digits: `\frac12`.
std::size_t two_digits(std::string_view text, std::size_t at, std::string& out, std::string_view head) {
  at = skip_one_space(text, at);
  if (at >= text.size() || !is_digit(text[at])) return none;
  std::size_t const second = skip_one_space(text, at + 1);
  std::size_t end = second;
  while (end < text.size() && is_digit(text[end])) ++end;
  if (end == second) return none;
  out.append(head);
  append_group(out, text.substr(at, 1));
  append_group(out, text.substr(second, end - second));
  return end;
}

/// The last brace with a digit behind it, or 0.
std::size_t last_group_digit(std::string_view text) {
  for (std::size_t i = text.size(); i-- > 1;) {
    if (text[i] != '}') continue;
    std::size_t const digit = skip_one_space(text, i + 1);
    if (digit < text.size() && is_digit(text[digit])) return i;
  }
  return 0;
}

/// `\frac{..}3`; the group may swallow others on its way to a brace with a digit behind it, the last of which is given.
std::size_t group_digit(std::string_view text, std::size_t at, std::string& out, std::size_t last) {
  std::size_t const open = skip_one_space(text, at);
  if (!starts_with(text, open, "{") || open > last) return none;
  for (std::size_t close = text.find('}', open); close != none; close = text.find('}', close + 1)) {
    std::size_t const digit = skip_one_space(text, close + 1);
    if (digit >= text.size() || !is_digit(text[digit])) continue;
    out.append("\\frac");
    append_group(out, text.substr(open + 1, close - open - 1));
    append_group(out, text.substr(digit, 1));
    return digit + 1;
  }
  return none;
}

/// `\frac3{..}`
std::size_t digit_group(std::string_view text, std::size_t at, std::string& out) {
  at = skip_one_space(text, at);
  if (at >= text.size() || !is_digit(text[at])) return none;
  std::size_t const open = skip_one_space(text, at + 1);
  std::size_t const close = starts_with(text, open, "{") ? text.find('}', open) : none;
  if (close == none) return none;
  out.append("\\frac");
  append_group(out, text.substr(at, 1));
  append_group(out, text.substr(open + 1, close - open - 1));
  return close + 1;
}

/// `\sqrt3`
std::size_t root_digit(std::string_view text, std::size_t at, std::string& out) {
  at = skip_one_space(text, at);
  if (at >= text.size() || !is_digit(text[at])) return none;
  out.append("\\sqrt");
  append_group(out, text.substr(at, 1));
  return at + 1;
}

/// `\sqrt x`: the next character becomes the radicand.
std::size_t root_character(std::string_view text, std::size_t at, std::string& out) {
  at = skip_space(text, at);
  out.append("\\sqrt");
  if (at >= text.size() || text[at] == '{' || text[at] == '[') return at;
  std::size_t const end = next_character(text, at);
  append_group(out, text.substr(at, end - at));
  return end;
}

/// `\frac ab`: two characters become numerator and denominator.
void fraction_characters(std::string& text, std::string& scratch) {
  bool failed = false;
  std::string const before = text;
  rewrite_each(text, scratch, "\\frac", [&](std::string_view whole, std::size_t at, std::string& out) {
    at = skip_space(whole, at);
    out.append("\\frac");
    if (starts_with(whole, at, "{")) return at;
    std::size_t const next = whole.find("\\frac", at);
    std::size_t const end = next == none ? whole.size() : next;
    if (end < at + 2) {
      failed = true;
      return at;
    }
    append_group(out, whole.substr(at, 1));
    if (whole[at + 1] == '{') return at + 1;
    append_group(out, whole.substr(at + 1, 1));
    return at + 2;
  });
  if (failed) text = before;
}

bool plain_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text[0] == '0' && text.size() > 1)) return false;
  for (char const c : text) {
    if (!is_digit(c)) return false;
  }
  return true;
}

/// The whole text is a/b.
void slash(std::string& text) {
  std::size_t const at = text.find('/');
  if (at == none || text.find('/', at + 1) != none) return;
  std::string const a = text.substr(0, at);
  std::string const b = text.substr(at + 1);
  if (!plain_integer(a) || !plain_integer(b) || a == "-0" || b == "-0") return;
  text = "\\frac{" + a + "}{" + b + "}";
}

}  // namespace

void normalize_malformed(std::string& text, std::string& scratch) {
  rewrite_each(text, scratch, "^", [](auto whole, auto at, auto& out) { return parentheses(whole, at, out, "^"); });
  rewrite_each(text, scratch, "sqrt",
               [](auto whole, auto at, auto& out) { return parentheses(whole, at, out, "\\sqrt"); });
  if (text.find("\\frac") != none) {
    rewrite_each(text, scratch, "\\frac",
                 [](auto whole, auto at, auto& out) { return two_digits(whole, at, out, "\\frac"); });
  }
  rewrite_each(text, scratch, "\\log_",
               [](auto whole, auto at, auto& out) { return two_digits(whole, at, out, "\\log_"); });
  std::size_t const last = last_group_digit(text);
  rewrite_each(text, scratch, "\\frac",
               [&](auto whole, auto at, auto& out) { return group_digit(whole, at, out, last); });
  rewrite_each(text, scratch, "\\frac", digit_group);
  rewrite_each(text, scratch, "\\sqrt", root_digit);
  replace_all(text, scratch, " sqrt", "\\sqrt");
  rewrite_each(text, scratch, "\\sqrt", root_character);
  fraction_characters(text, scratch);
  slash(text);
}

}  // namespace grove::math::detail
