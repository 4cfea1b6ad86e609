// SPDX-License-Identifier: Apache-2.0
// The operator % of texts.
#include <cmath>
#include <cstring>

#include "grove/text/jinja/format.hpp"
#include "grove/text/jinja/markup.hpp"
#include "grove/text/jinja/operators.hpp"
#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

class PercentFormatter {
 public:
  PercentFormatter(Runtime& runtime, std::string_view format, Value const& values)
      : runtime_(runtime), format_(format), values_(values), tuple_(values.as<Tuple>()) {}

  std::string run() {
    std::string result;
    while (at_ < format_.size()) {
      std::size_t const percent = std::min(format_.find('%', at_), format_.size());
      result += format_.substr(at_, percent - at_);
      at_ = percent + 1;
      if (percent < format_.size()) result += conversion();
    }
    bool const mapping = values_.as<Dict>() || values_.as<List>() || values_.as<Range>() || values_.is_undefined();
    if (!mapping && used_ < (tuple_ ? tuple_->items.size() : 1)) {
      runtime_.fail("not all arguments converted during string formatting");
    }
    return result;
  }

 private:
  char take() {
    if (at_ >= format_.size()) runtime_.fail("incomplete format");
    return format_[at_++];
  }
  char peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }

  Value next_value() {
    if (used_ >= (tuple_ ? tuple_->items.size() : 1)) runtime_.fail("not enough arguments for format string");
    return tuple_ ? tuple_->items[used_++] : (++used_, values_);
  }

  int number() {
    if (peek() == '*') {
      take();
      auto const value = next_value();
      if (!value.is_integer()) runtime_.fail("* wants int");
      if (std::abs(value.as_integer()) > 1 << 26) runtime_.fail("width too big");
      return static_cast<int>(value.as_integer());
    }
    int value = 0;
    while (peek() >= '0' && peek() <= '9') {
      value = value * 10 + (take() - '0');
      if (value > 1 << 26) runtime_.fail("width too big");
    }
    return value;
  }

  std::string conversion() {
    std::optional<Value> named;
    if (peek() == '(') named = named_value();
    Layout layout;
    bool zero = false;
    while (std::string_view("-+ 0#").find(peek()) != std::string_view::npos && peek() != '\0') {
      char const flag = take();
      if (flag == '-') layout.align = '<';
      if (flag == '+' || (flag == ' ' && layout.sign != '+')) layout.sign = flag;
      zero = zero || flag == '0';
      layout.alternate = layout.alternate || flag == '#';
    }
    int const width = number();
    if (width < 0) layout.align = '<';
    layout.width = static_cast<std::size_t>(std::abs(width));
    if (peek() == '.') {
      take();
      layout.precision = std::max(0, number());
    }
    while (peek() == 'l' || peek() == 'h' || peek() == 'L') take();
    layout.type = take();
    if (layout.type == '%') return "%";
    Value const value = named ? *named : next_value();
    return converted(value, layout, zero);
  }

  Value named_value() {
    take();
    std::size_t const start = at_;
    for (int open = 1; open > 0;) {
      char const c = take();
      open += c == '(' ? 1 : c == ')' ? -1 : 0;
    }
    auto const* dict = values_.as<Dict>();
    if (!dict) runtime_.fail("format requires a mapping");
    auto const key = format_.substr(start, at_ - 1 - start);
    auto const* found = dict->find(key);
    if (!found) runtime_.fail("no value for the key " + repr_of(key) + " of the format");
    used_ = 1;
    return *found;
  }

  std::string converted(Value const& value, Layout layout, bool zero) {
    switch (layout.type) {
      case 's':
      case 'r': {
        std::string text = layout.type == 's' ? to_string(runtime_, value) : to_repr(runtime_, value);
        if (layout.precision >= 0) text.resize(byte_offset(text, static_cast<std::size_t>(layout.precision)));
        return laid_out(runtime_, "", text, layout, '>');
      }
      case 'c':
        return laid_out(runtime_, "", character(value), layout, '>');
      case 'd':
      case 'i':
      case 'u':
        layout.type = 'd';
        return integer(value.kind() == Kind::real ? truncated(value) : value, layout, zero);
      case 'x':
      case 'X':
      case 'o':
        return integer(value, layout, zero);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        require_defined(runtime_, value);
        if (!value.is_number()) runtime_.fail("must be real number, not " + type_name(value));
        if (zero && layout.align == 0) zero_padded(layout);
        return format_real(runtime_, value.as_real(), layout);
      default:
        runtime_.fail("unsupported format character '" + std::string(1, layout.type) + "'");
    }
  }

  static void zero_padded(Layout& layout) {
    layout.align = '=';
    layout.fill = '0';
  }

  std::string integer(Value const& value, Layout layout, bool zero) {
    require_defined(runtime_, value);
    if (!value.is_integer()) {
      runtime_.fail("%" + std::string(1, layout.type) + " format: a " +
                    (layout.type == 'd' ? "real number" : "integer") + " is required, not " + type_name(value));
    }
    if (zero && layout.align == 0) zero_padded(layout);
    if (layout.precision < 0) return format_integer(runtime_, value.as_integer(), layout);
    if (layout.alternate) runtime_.fail("'#' with a precision is not supported");
    Layout digits{.type = layout.type};
    std::string body = format_integer(runtime_, value.as_integer(), digits);
    bool const negative = body.front() == '-';
    body = body.substr(negative ? 1 : 0);
    Layout padded{.fill = '0', .width = static_cast<std::size_t>(layout.precision)};
    body = laid_out(runtime_, "", body, padded, '>');
    std::string const sign = negative ? "-" : layout.sign == '-' ? "" : std::string(1, layout.sign);
    return laid_out(runtime_, sign, body, layout, '>');
  }

  Value truncated(Value const& value) {
    double const whole = std::trunc(value.as_real());
    if (!(std::fabs(whole) < 0x1p63)) runtime_.fail("an integer beyond 64 bits");
    return Value::integer(static_cast<std::int64_t>(whole));
  }

  std::string character(Value const& value) {
    if (auto const* text = value.as<Text>(); text && character_count(text->bytes) == 1) return text->bytes;
    if (!value.is_integer() || value.as_integer() < 0 || value.as_integer() > 0x10ffff) {
      runtime_.fail("%c requires int or char");
    }
    std::string result;
    append_character(result, static_cast<char32_t>(value.as_integer()));
    return result;
  }

  Runtime& runtime_;
  std::string_view format_;
  Value const& values_;
  Tuple const* tuple_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
};

}  // namespace

Value formatted_percent(Runtime& runtime, Value const& format, Value const& values) {
  auto const& text = *format.as<Text>();
  if (text.markup) runtime.fail("formatting a text that is marked safe is not supported");
  runtime.charge_bytes(text.bytes.size());
  return make_text(runtime, PercentFormatter(runtime, text.bytes, values).run());
}

}  // namespace grove::text::jinja
