// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "grove/text/jinja/format.hpp"
#include "grove/text/jinja/operators.hpp"
#include "grove/text/jinja/text_methods.hpp"
#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

std::string const& bytes_of(Value const& self) { return self.as<Text>()->bytes; }

template <std::string (*Map)(std::string_view)>
Value mapped(Runtime& runtime, Value const& self, Bound const&) {
  runtime.charge_bytes(8 * bytes_of(self).size());
  return make_text(runtime, Map(bytes_of(self)), self.as<Text>()->markup);
}

/// Whether all characters are of a class, and there is one.
template <bool (*Is)(char32_t)>
Value all_are(Runtime& runtime, Value const& self, Bound const&) {
  std::string_view const text = bytes_of(self);
  runtime.charge_bytes(4 * text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (!Is(next_character(text, at))) return Value::boolean(false);
  }
  return Value::boolean(!text.empty());
}

bool is_alphanumeric(char32_t c) { return is_letter(c) || is_digit(c) || is_number(c); }

/// Whether some character has this case and none has another.
template <bool (*Is)(char32_t), bool (*IsOther)(char32_t)>
Value has_case(Runtime& runtime, Value const& self, Bound const&) {
  std::string_view const text = bytes_of(self);
  runtime.charge_bytes(4 * text.size());
  bool found = false;
  for (std::size_t at = 0; at < text.size();) {
    char32_t const c = next_character(text, at);
    if (IsOther(c) || is_title(c)) return Value::boolean(false);
    found = found || Is(c);
  }
  return Value::boolean(found);
}

Value is_title_text(Runtime& runtime, Value const& self, Bound const&) {
  std::string_view const text = bytes_of(self);
  runtime.charge_bytes(4 * text.size());
  bool found = false;
  bool cased_before = false;
  for (std::size_t at = 0; at < text.size();) {
    char32_t const c = next_character(text, at);
    bool const starts = is_upper(c) || is_title(c);
    if ((starts && cased_before) || (is_lower(c) && !cased_before)) return Value::boolean(false);
    cased_before = starts || is_lower(c);
    found = found || cased_before;
  }
  return Value::boolean(found);
}

Value is_ascii_text(Runtime& runtime, Value const& self, Bound const&) {
  runtime.charge_bytes(bytes_of(self).size());
  return Value::boolean(is_ascii(bytes_of(self)));
}

Value is_printable_text(Runtime& runtime, Value const& self, Bound const& arguments) {
  return bytes_of(self).empty() ? Value::boolean(true) : all_are<is_printable>(runtime, self, arguments);
}

Value is_identifier(Runtime& runtime, Value const& self, Bound const&) {
  std::string_view const text = bytes_of(self);
  if (!is_ascii(text)) runtime.fail("isidentifier() of a text beyond ASCII is not supported");
  bool const starts = !text.empty() && !is_decimal(static_cast<char32_t>(text.front()));
  return Value::boolean(starts && std::all_of(text.begin(), text.end(), [](char c) {
                          return c == '_' || is_alphanumeric(static_cast<char32_t>(c));
                        }));
}

std::string const& fill_of(Runtime& runtime, Bound const& arguments) {
  auto const& fill = arguments.text(runtime, 1);
  if (character_count(fill) != 1) runtime.fail("The fill character must be exactly one character long");
  return fill;
}

enum class Side { left, right, both };

std::string padded(Runtime& runtime, std::string_view text, std::int64_t width, std::string_view fill, Side side) {
  auto const size = static_cast<std::int64_t>(character_count(text));
  auto const missing = static_cast<std::uint64_t>(std::max<std::int64_t>(width - size, 0));
  runtime.charge_bytes(text.size());
  runtime.charge(missing);
  // Python's center() puts the odd character left where the width is odd.
  std::uint64_t const left = side == Side::left    ? missing
                             : side == Side::right ? 0
                                                   : missing / 2 + (missing & static_cast<std::uint64_t>(width) & 1);
  std::string result;
  for (std::uint64_t i = 0; i < left; ++i) result += fill;
  result += text;
  for (std::uint64_t i = left; i < missing; ++i) result += fill;
  return result;
}

template <Side side>
Value pad(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::string_view const fill = arguments.passed(1) ? std::string_view(fill_of(runtime, arguments)) : " ";
  return make_text(runtime, padded(runtime, bytes_of(self), arguments.integer(runtime, 0, 0), fill, side),
                   self.as<Text>()->markup);
}

Value zero_fill(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::string_view text = bytes_of(self);
  bool const sign = !text.empty() && (text.front() == '+' || text.front() == '-');
  std::int64_t const width = arguments.integer(runtime, 0, 0) - (sign ? 1 : 0);
  std::string result(text.substr(0, sign ? 1 : 0));
  result += padded(runtime, text.substr(sign ? 1 : 0), width, "0", Side::left);
  return make_text(runtime, std::move(result), self.as<Text>()->markup);
}

Value expand_tabs(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::string_view const text = bytes_of(self);
  std::int64_t const size = std::max<std::int64_t>(arguments.integer(runtime, 0, 8), 0);
  std::string result;
  std::int64_t column = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const start = at;
    char32_t const c = next_character(text, at);
    if (c == '\t') {
      std::int64_t const spaces = size > 0 ? size - column % size : 0;
      runtime.charge_bytes(static_cast<std::uint64_t>(spaces));
      result.append(static_cast<std::size_t>(spaces), ' ');
      column += spaces;
    } else {
      result += text.substr(start, at - start);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  return make_text(runtime, std::move(result), self.as<Text>()->markup);
}

Value format(Runtime& runtime, Value const& self, Bound const& arguments) {
  return formatted_braces(runtime, self, {arguments.rest, arguments.keywords});
}

Value format_map(Runtime& runtime, Value const& self, Bound const& arguments) {
  auto const* dict = arguments[0].as<Dict>();
  if (!dict) runtime.fail("format_map() takes a dict, not " + type_name(arguments[0]));
  Arguments named;
  runtime.charge(4 * dict->entries().size());
  for (auto const& [key, value] : dict->entries()) {
    if (auto const* text = key.as<Text>()) named.keyword.emplace_back(text->bytes, value);
  }
  return formatted_braces(runtime, self, named);
}

constexpr Builtin methods[] = {
    {"capitalize", "/", mapped<capitalize>},
    {"casefold", "/", mapped<case_fold>},
    {"center", "width fillchar? /", pad<Side::both>},
    {"expandtabs", "tabsize?", expand_tabs},
    {"format", "* **", format},
    {"format_map", "mapping /", format_map},
    {"isalnum", "/", all_are<is_alphanumeric>},
    {"isalpha", "/", all_are<is_letter>},
    {"isascii", "/", is_ascii_text},
    {"isdecimal", "/", all_are<is_decimal>},
    {"isdigit", "/", all_are<is_digit>},
    {"isidentifier", "/", is_identifier},
    {"islower", "/", has_case<is_lower, is_upper>},
    {"isprintable", "/", is_printable_text},
    {"isspace", "/", all_are<is_space>},
    {"istitle", "/", is_title_text},
    {"isupper", "/", has_case<is_upper, is_lower>},
    {"ljust", "width fillchar? /", pad<Side::right>},
    {"lower", "/", mapped<to_lower>},
    {"rjust", "width fillchar? /", pad<Side::left>},
    {"swapcase", "/", mapped<swap_case>},
    {"title", "/", mapped<to_title>},
    {"upper", "/", mapped<to_upper>},
    {"zfill", "width /", zero_fill},
};

}  // namespace

std::span<Builtin const> text_form_methods() { return methods; }

std::string centered(Runtime& runtime, std::string_view text, std::int64_t width, std::string_view fill) {
  return padded(runtime, text, width, fill, Side::both);
}

}  // namespace grove::text::jinja
