// SPDX-License-Identifier: Apache-2.0
// Format specifications.
#include "grove/text/jinja/format.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "grove/text/jinja/number.hpp"
#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

constexpr int largest_precision = 300;

std::string with_grouping(std::string_view digits, char grouping, std::size_t every) {
  std::string result;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % every == 0) result += grouping;
    result += digits[i];
  }
  return result;
}

std::string sign_of(bool negative, Layout const& layout) {
  if (negative) return "-";
  return layout.sign == '-' ? "" : std::string(1, layout.sign);
}

std::string digits_of(double magnitude, char type, int precision) {
  char buffer[700];
  auto const style = type == 'f'   ? std::chars_format::fixed
                     : type == 'e' ? std::chars_format::scientific
                                   : std::chars_format::general;
  auto const end = std::to_chars(buffer, buffer + sizeof buffer, magnitude, style, precision).ptr;
  return std::string(buffer, end);
}

std::string upper_ascii(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

class SpecificationParser {
 public:
  SpecificationParser(Runtime& runtime, std::string_view text) : runtime_(runtime), text_(text) {}

  Layout parse() {
    Layout layout;
    parse_align(layout);
    if (at_ < text_.size() && (peek() == '+' || peek() == '-' || peek() == ' ')) layout.sign = take();
    if (peek() == '#') layout.alternate = take() != 0;
    if (peek() == '0') {
      if (layout.align == 0) {
        layout.fill = '0';
        zero_ = true;
      }
      take();
    }
    layout.width = static_cast<std::size_t>(std::max(0, parse_number()));
    if (peek() == ',' || peek() == '_') layout.grouping = take();
    if (peek() == '.') {
      take();
      layout.precision = parse_number();
      if (layout.precision < 0) runtime_.fail("Format specifier missing precision");
    }
    if (at_ < text_.size()) layout.type = take();
    if (at_ < text_.size()) fail();
    return layout;
  }

  bool zero() const { return zero_; }

 private:
  [[noreturn]] void fail() { runtime_.fail("invalid format specifier '" + std::string(text_) + "'"); }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  char take() { return text_[at_++]; }
  static bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

  void parse_align(Layout& layout) {
    if (text_.empty()) return;
    std::size_t next = 0;
    char32_t const first = next_character(text_, next);
    if (next < text_.size() && is_align(text_[next])) {
      layout.fill = first;
      layout.align = text_[next];
      at_ = next + 1;
    } else if (is_align(text_[0])) {
      layout.align = take();
    }
  }

  int parse_number() {
    int value = -1;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      value = std::max(value, 0) * 10 + (take() - '0');
      if (value > 1 << 26) fail();
    }
    return value;
  }

  Runtime& runtime_;
  std::string_view text_;
  std::size_t at_ = 0;
  bool zero_ = false;
};

[[noreturn]] void unknown_type(Runtime& runtime, char type, std::string const& of) {
  runtime.fail("Unknown format code '" + std::string(1, type) + "' for object of type '" + of + "'");
}

std::string format_text(Runtime& runtime, std::string_view text, Layout const& layout) {
  if (layout.type != 0 && layout.type != 's') unknown_type(runtime, layout.type, "str");
  if (layout.sign != '-' || layout.alternate || layout.grouping != 0 || layout.align == '=') {
    runtime.fail("sign, '#', grouping and '=' are not allowed in the format of a str");
  }
  if (layout.precision >= 0) text = text.substr(0, byte_offset(text, static_cast<std::size_t>(layout.precision)));
  return laid_out(runtime, "", text, layout, '<');
}

}  // namespace

std::string laid_out(Runtime& runtime, std::string_view sign, std::string_view body, Layout const& layout,
                     char default_align) {
  runtime.charge_bytes(body.size() + 4 * layout.width);
  char const align = layout.align != 0 ? layout.align : default_align;
  std::size_t const size = sign.size() + character_count(body);
  std::size_t const missing = layout.width > size ? layout.width - size : 0;
  std::size_t const left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string result;
  if (align == '=') result += sign;
  for (std::size_t i = 0; i < left; ++i) append_character(result, layout.fill);
  if (align != '=') result += sign;
  result += body;
  for (std::size_t i = left; i < missing; ++i) append_character(result, layout.fill);
  return result;
}

std::string format_integer(Runtime& runtime, std::int64_t value, Layout const& layout) {
  char const type = layout.type == 0 ? 'd' : layout.type;
  int const base = type == 'b' ? 2 : type == 'o' ? 8 : type == 'x' || type == 'X' ? 16 : 10;
  if (base == 10 && type != 'd') unknown_type(runtime, type, "int");
  if (layout.precision >= 0) runtime.fail("Precision not allowed in integer format specifier");
  auto const bits = static_cast<std::uint64_t>(value);
  char buffer[70];
  auto const end = std::to_chars(buffer, buffer + sizeof buffer, value < 0 ? ~bits + 1 : bits, base).ptr;
  std::string digits(buffer, end);
  if (type == 'X') digits = upper_ascii(digits);
  if (layout.grouping == ',' && base != 10) runtime.fail("Cannot specify ',' with '" + std::string(1, type) + "'.");
  if (layout.grouping != 0) {
    if (layout.fill == '0' && layout.width > digits.size()) runtime.fail("zero padding with grouping is not supported");
    digits = with_grouping(digits, layout.grouping, base == 10 ? 3 : 4);
  }
  std::string sign = sign_of(value < 0, layout);
  if (layout.alternate && base != 10) sign += std::string("0") + type;
  return laid_out(runtime, sign, digits, layout, '>');
}

std::string format_real(Runtime& runtime, double value, Layout const& layout) {
  if (layout.alternate) runtime.fail("'#' in the format of a float is not supported");
  char const type = static_cast<char>(std::tolower(static_cast<unsigned char>(layout.type)));
  double const magnitude = std::fabs(value);
  int const precision = layout.precision < 0 ? 6 : type == 'g' ? std::max(1, layout.precision) : layout.precision;
  if (precision > largest_precision) {
    runtime.fail("a precision of " + std::to_string(precision), "at most " + std::to_string(largest_precision));
  }
  std::string body;
  if (!std::isfinite(value)) {
    body = std::isnan(value) ? "nan" : "inf";
    if (type == '%') body += '%';
  } else if (type == 0 && layout.precision < 0) {
    body = real_to_string(magnitude);
  } else if (type == '%') {
    body = digits_of(magnitude * 100, 'f', precision) + "%";
  } else if (type == 'f' || type == 'e' || type == 'g') {
    body = digits_of(magnitude, type, precision);
  } else if (type == 0) {
    runtime.fail("a precision without 'f', 'e' or 'g' in the format of a float is not supported");
  } else {
    unknown_type(runtime, layout.type, "float");
  }
  if (layout.type == 'F' || layout.type == 'E' || layout.type == 'G') body = upper_ascii(body);
  if (layout.grouping != 0) {
    if (layout.fill == '0') runtime.fail("zero padding with grouping is not supported");
    std::size_t const whole = std::min(body.find_first_not_of("0123456789"), body.size());
    body = with_grouping(body.substr(0, whole), layout.grouping, 3) + body.substr(whole);
  }
  return laid_out(runtime, sign_of(std::signbit(value) && !std::isnan(value), layout), body, layout, '>');
}

std::string formatted(Runtime& runtime, Value const& value, std::string_view specification) {
  if (specification.empty()) return to_string(runtime, value);
  if (!value.is_number() && !value.as<Text>()) {
    runtime.fail("unsupported format string passed to " + type_name(value) + ".__format__");
  }
  SpecificationParser parser(runtime, specification);
  Layout layout = parser.parse();
  if (auto const* text = value.as<Text>()) return format_text(runtime, text->bytes, layout);
  if (parser.zero()) layout.align = '=';
  bool const as_real = layout.type != 0 && std::string_view("eEfFgG%").find(layout.type) != std::string_view::npos;
  if (value.is_integer() && !as_real) return format_integer(runtime, value.as_integer(), layout);
  return format_real(runtime, value.as_real(), layout);
}

}  // namespace grove::text::jinja
