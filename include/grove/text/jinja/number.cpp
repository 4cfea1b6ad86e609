// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/number.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

// Python's rule: an underscore stands between two digits (or behind a prefix). None if one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text, bool after_prefix, bool letters) {
  auto const is_digit_at = [&](std::size_t i) {
    return letters ? std::isalnum(static_cast<unsigned char>(text[i])) != 0 : is_ascii_digit(text[i]);
  };
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits.push_back(text[i]);
      continue;
    }
    bool const digit_before = i > 0 ? is_digit_at(i - 1) : after_prefix;
    bool const digit_after = i + 1 < text.size() && is_digit_at(i + 1);
    if (!digit_before || !digit_after) return std::nullopt;
  }
  return digits;
}

bool take_sign(std::string_view& text) {
  bool const negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return negative;
}

int base_of_prefix(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') return 0;
  switch (text[1] | 0x20) {
    case 'x':
      return 16;
    case 'o':
      return 8;
    case 'b':
      return 2;
    default:
      return 0;
  }
}

}  // namespace

std::string real_to_string(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[40];
  auto const end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view const scientific(buffer, static_cast<std::size_t>(end - buffer));
  auto const exponent_at = scientific.find('e');
  int exponent = 0;
  std::from_chars(scientific.data() + exponent_at + (scientific[exponent_at + 1] == '+' ? 2 : 1), end, exponent);
  if (exponent < -4 || exponent >= 16) return std::string(scientific);
  auto const fixed_end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
  std::string fixed(buffer, fixed_end);
  return fixed.find('.') == std::string::npos ? fixed + ".0" : fixed;
}

std::optional<std::int64_t> parse_integer(std::string_view text, int base) {
  text = strip_left(strip_right(text));
  bool const negative = take_sign(text);
  int const prefix = base_of_prefix(text);
  bool const has_prefix = prefix != 0 && (base == 0 || base == prefix);
  if (has_prefix) text.remove_prefix(2);
  if (base == 0 && !has_prefix && text.size() > 1 && text[0] == '0' &&
      text.find_first_not_of("0_") != std::string_view::npos) {
    return std::nullopt;  // a leading zero says octal in C and nothing in Python
  }
  if (base == 0) base = has_prefix ? prefix : 10;
  auto const digits = without_underscores(text, has_prefix, true);
  if (!digits || digits->empty()) return std::nullopt;
  std::uint64_t magnitude = 0;
  auto const [end, failure] = std::from_chars(digits->data(), digits->data() + digits->size(), magnitude, base);
  if (failure != std::errc() || end != digits->data() + digits->size()) return std::nullopt;
  auto const largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (magnitude > largest + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? ~magnitude + 1 : magnitude);
}

std::optional<double> parse_real(std::string_view text) {
  text = strip_left(strip_right(text));
  bool const negative = take_sign(text);
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  double value = 0;
  if (lower == "inf" || lower == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (lower == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    auto const digits = without_underscores(lower, false, false);
    if (!digits || digits->empty() || (!is_ascii_digit(digits->front()) && digits->front() != '.')) return std::nullopt;
    auto const [end, failure] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
    if (failure == std::errc::invalid_argument || end != digits->data() + digits->size()) return std::nullopt;
    if (failure == std::errc::result_out_of_range) {
      auto const exponent = digits->find('e');
      bool const tiny = exponent != std::string::npos ? digits->compare(exponent + 1, 1, "-") == 0
                                                      : digits->front() == '0' || digits->front() == '.';
      value = tiny ? 0.0 : std::numeric_limits<double>::infinity();
    }
  }
  return negative ? -value : value;
}

double round_real(double value, int digits) {
  if (!std::isfinite(value) || digits > 323) return value;
  if (digits < -308) return std::copysign(0.0, value);
  if (digits < 0) {
    double const unit = std::pow(10.0, -digits);
    return std::nearbyint(value / unit) * unit;
  }
  char buffer[700];
  auto const end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, digits).ptr;
  double rounded = value;
  std::from_chars(buffer, end, rounded);
  return rounded;
}

}  // namespace grove::text::jinja
