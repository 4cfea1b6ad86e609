// SPDX-License-Identifier: Apache-2.0
// Filters of texts and numbers.
#include <algorithm>
#include <cmath>
#include <limits>

#include "grove/text/jinja/attributes.hpp"
#include "grove/text/jinja/filters.hpp"
#include "grove/text/jinja/format.hpp"
#include "grove/text/jinja/json.hpp"
#include "grove/text/jinja/markup.hpp"
#include "grove/text/jinja/number.hpp"
#include "grove/text/jinja/operators.hpp"
#include "grove/text/jinja/text_methods.hpp"
#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

Value string(Runtime& runtime, Value const& self, Bound const&) {
  return self.as<Text>() ? self : make_text(runtime, to_string(runtime, self));
}

template <std::string (*Map)(std::string_view)>
Value mapped(Runtime& runtime, Value const& self, Bound const&) {
  std::string buffer;
  auto const text = view_of(runtime, self, buffer);
  runtime.charge_bytes(8 * text.size());
  return make_text(runtime, Map(text), self.as<Text>() && self.as<Text>()->markup);
}

// Words start behind white space and "-({[<", unlike in str.title().
Value title(Runtime& runtime, Value const& self, Bound const&) {
  std::string buffer;
  auto const text = view_of(runtime, self, buffer);
  runtime.charge_bytes(8 * text.size());
  std::string result;
  std::size_t word = 0;
  auto const finish_word = [&](std::size_t end) {
    if (end == word) return;
    std::size_t const first = character_size(text, word);
    result += to_upper(text.substr(word, first)) + to_lower(text.substr(word + first, end - word - first));
  };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const start = at;
    char32_t const c = next_character(text, at);
    if (!is_space(c) && (c > 0x7f || std::string_view("-({[<").find(static_cast<char>(c)) == std::string_view::npos)) {
      continue;
    }
    finish_word(start);
    result += text.substr(start, at - start);
    word = at;
  }
  finish_word(text.size());
  return make_text(runtime, std::move(result));
}

Value trim(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::string buffer;
  auto text = view_of(runtime, self, buffer);
  runtime.charge_bytes(text.size() * (arguments.given(0) ? 1 + arguments.text(runtime, 0).size() : 1));
  text = arguments.given(0) ? stripped(text, arguments.text(runtime, 0), true, true) : strip_left(strip_right(text));
  return make_text(runtime, std::string(text), self.as<Text>() && self.as<Text>()->markup);
}

Value replace(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::int64_t const count = arguments.given(2) ? arguments.integer(runtime, 2, -1) : -1;
  return make_text(runtime, replaced(runtime, to_string(runtime, self), arguments.text(runtime, 0, ""),
                                     arguments.text(runtime, 1, ""), count));
}

Value center(Runtime& runtime, Value const& self, Bound const& arguments) {
  return make_text(runtime, centered(runtime, to_string(runtime, self), arguments.integer(runtime, 0, 80), " "),
                   self.as<Text>() && self.as<Text>()->markup);
}

Text const& required_text(Runtime& runtime, Value const& self, char const* filter) {
  require_defined(runtime, self);
  auto const* text = self.as<Text>();
  if (!text) runtime.fail("the filter " + std::string(filter) + " needs a str, not " + type_name(self));
  if (text->markup) runtime.fail("the filter " + std::string(filter) + " of a text marked safe is not supported");
  return *text;
}

Value indent(Runtime& runtime, Value const& self, Bound const& arguments) {
  auto const& text = required_text(runtime, self, "indent");
  std::string indentation(4, ' ');
  if (arguments.passed(0)) {
    auto const* given = arguments[0].as<Text>();
    std::int64_t const width = given ? 0 : std::max<std::int64_t>(arguments.integer(runtime, 0, 4), 0);
    runtime.charge_bytes(static_cast<std::uint64_t>(width));
    indentation = given ? given->bytes : std::string(static_cast<std::size_t>(width), ' ');
  }
  bool const blank = arguments.flag(2, false);
  std::string const lines_of = text.bytes + "\n";
  auto const lines = split_lines(lines_of, false);
  runtime.charge_bytes(text.bytes.size());
  runtime.charge(lines.size() * (1 + indentation.size() / 16));
  std::string result = arguments.flag(1, false) ? indentation : "";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) result += '\n';
    if (i > 0 && (blank || !lines[i].empty())) result += indentation;
    result += lines[i];
  }
  return make_text(runtime, std::move(result));
}

Value truncate(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::int64_t const size = arguments.integer(runtime, 0, 255);
  std::string const end = arguments.text(runtime, 2, "...");
  std::int64_t const leeway = arguments.given(3) ? arguments.integer(runtime, 3, 5) : 5;
  std::int64_t const kept = size - static_cast<std::int64_t>(character_count(end));
  if (kept < 0) runtime.fail("expected length >= " + std::to_string(size - kept) + ", got " + std::to_string(size));
  if (leeway < 0) runtime.fail("expected leeway >= 0, got " + std::to_string(leeway));
  // What is short enough may be anything that has a length.
  auto const length_of = length(self);
  if (length_of && static_cast<std::int64_t>(*length_of) - size <= leeway) return self;
  std::string_view const text = required_text(runtime, self, "truncate").bytes;
  runtime.charge_bytes(2 * text.size());
  std::string result(text.substr(0, byte_offset(text, static_cast<std::size_t>(kept))));
  if (!arguments.flag(1, false)) result.resize(std::min(result.rfind(' '), result.size()));
  return make_text(runtime, result + end);
}

Value word_count(Runtime& runtime, Value const& self, Bound const&) {
  std::string buffer;
  auto const text = view_of(runtime, self, buffer);
  runtime.charge_bytes(4 * text.size());
  std::int64_t count = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    char32_t const c = next_character(text, at);
    bool const word = c == '_' || is_letter(c) || is_number(c);
    count += word && !inside ? 1 : 0;
    inside = word;
  }
  return Value::integer(count);
}

Value escape(Runtime& runtime, Value const& self, Bound const&) {
  return make_text(runtime, escaped(runtime, self), true);
}
Value force_escape(Runtime& runtime, Value const& self, Bound const&) {
  return make_text(runtime, force_escaped(runtime, self), true);
}
Value safe(Runtime& runtime, Value const& self, Bound const&) {
  return make_text(runtime, to_string(runtime, self), true);
}

Value format(Runtime& runtime, Value const& self, Bound const& arguments) {
  if (!arguments.rest.empty() && !arguments.keywords.empty()) {
    runtime.fail("can't handle positional and keyword arguments at the same time");
  }
  Value const text = self.as<Text>() ? self : make_text(runtime, to_string(runtime, self));
  if (arguments.keywords.empty()) return formatted_percent(runtime, text, make_tuple(runtime, arguments.rest));
  std::vector<Dict::Entry> entries;
  for (auto const& [key, value] : arguments.keywords) entries.emplace_back(make_text(runtime, key), value);
  return formatted_percent(runtime, text, make_dict(runtime, std::move(entries)));
}

Value default_value(Runtime& runtime, Value const& self, Bound const& arguments) {
  bool const missing = self.is_undefined() || (arguments.flag(1, false) && !truth(self));
  if (!missing) return self;
  return arguments.passed(0) ? arguments[0] : make_text(runtime, "");
}

Value length_filter(Runtime& runtime, Value const& self, Bound const&) {
  auto const size = length(self);
  if (!size) runtime.fail("object of type '" + type_name(self) + "' has no len()");
  if (self.as<Text>()) runtime.charge_bytes(self.as<Text>()->bytes.size());
  return Value::integer(static_cast<std::int64_t>(*size));
}

Value attr(Runtime& runtime, Value const& self, Bound const& arguments) {
  require_defined(runtime, self);
  auto const& name = arguments.text(runtime, 0);
  auto found = find_attribute(runtime, self, name);
  return found ? *found : make_undefined(repr_of(described(self)) + " has no attribute " + repr_of(name));
}

Value absolute(Runtime& runtime, Value const& self, Bound const&) {
  require_defined(runtime, self);
  if (!self.is_number()) runtime.fail("bad operand type for abs(): '" + type_name(self) + "'");
  if (!self.is_integer()) return Value::real(std::fabs(self.as_real()));
  return self.as_integer() < 0 ? negated(runtime, self) : Value::integer(self.as_integer());
}

Value truncated(Runtime& runtime, double value) {
  if (std::fabs(value) >= 0x1p63) runtime.fail("an integer beyond 64 bits", "integers from -2**63 to 2**63 - 1");
  return Value::integer(static_cast<std::int64_t>(value));
}

Value to_integer(Runtime& runtime, Value const& self, Bound const& arguments) {
  require_defined(runtime, self);
  Value otherwise = arguments.passed(0) ? arguments[0] : Value::integer(0);
  if (self.is_integer()) return Value::integer(self.as_integer());
  if (self.is_number()) return std::isnan(self.as_real()) ? otherwise : truncated(runtime, self.as_real());
  auto const* text = self.as<Text>();
  if (!text) return otherwise;
  std::int64_t const base = arguments.integer(runtime, 1, 10);
  if (base == 0 || (base >= 2 && base <= 36)) {
    if (auto const value = parse_integer(text->bytes, static_cast<int>(base))) return Value::integer(*value);
  }
  auto const real = parse_real(text->bytes);
  return real && std::isfinite(*real) ? truncated(runtime, *real) : otherwise;
}

Value to_real(Runtime& runtime, Value const& self, Bound const& arguments) {
  require_defined(runtime, self);
  if (self.is_number()) return Value::real(self.as_real());
  auto const* text = self.as<Text>();
  auto const value = text ? parse_real(text->bytes) : std::nullopt;
  if (value) return Value::real(*value);
  return arguments.passed(0) ? arguments[0] : Value::real(0);
}

Value round_integer(Runtime& runtime, std::int64_t value, std::int64_t digits) {
  if (digits >= 0) return Value::integer(value);
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max() / 4;
  if (value > largest || value < -largest) runtime.fail("rounding " + std::to_string(value) + " is not supported");
  if (digits < -18) return Value::integer(0);
  std::int64_t unit = 1;
  for (std::int64_t i = digits; i < 0; ++i) unit *= 10;
  std::int64_t const remainder = ((value % unit) + unit) % unit;
  std::int64_t const down = value - remainder;
  bool const up = remainder > unit - remainder || (remainder == unit - remainder && (down / unit) % 2 != 0);
  return Value::integer(up ? down + unit : down);
}

Value round(Runtime& runtime, Value const& self, Bound const& arguments) {
  require_defined(runtime, self);
  std::string const method = arguments.text(runtime, 1, "common");
  if (method != "common" && method != "ceil" && method != "floor") {
    runtime.fail("method must be common, ceil or floor");
  }
  if (!self.is_number()) runtime.fail("type " + type_name(self) + " cannot be rounded");
  std::int64_t const digits = std::clamp<std::int64_t>(arguments.integer(runtime, 0, 0), -400, 400);
  if (method == "common") {
    return self.is_integer() ? round_integer(runtime, self.as_integer(), digits)
                             : Value::real(round_real(self.as_real(), static_cast<int>(digits)));
  }
  double const unit = std::pow(10.0, static_cast<double>(digits));
  double const scaled = self.as_real() * unit;
  if (!std::isfinite(scaled)) runtime.fail("cannot round " + to_repr(runtime, self) + " to an integer");
  // Python's ceil() and floor() are integers, which have no negative zero.
  return Value::real(((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) + 0.0) / unit);
}

Value tojson(Runtime& runtime, Value const& self, Bound const& arguments) {
  DumpOptions options{.ensure_ascii = arguments.flag(0, false), .sort_keys = arguments.flag(3, false)};
  if (arguments.given(1)) {
    auto const* text = arguments[1].as<Text>();
    auto const width = text ? 0 : std::max<std::int64_t>(arguments.integer(runtime, 1, 0), 0);
    runtime.charge_bytes(static_cast<std::uint64_t>(width));
    options.indent = text ? text->bytes : std::string(static_cast<std::size_t>(width), ' ');
    options.item_separator = std::string(1, ',');
  }
  if (arguments.given(2)) {
    auto const separators = collect(runtime, arguments[2]);
    if (separators.size() != 2 || !separators[0].as<Text>() || !separators[1].as<Text>()) {
      runtime.fail("the separators of tojson must be a pair of texts");
    }
    options.item_separator = separators[0].as<Text>()->bytes;
    options.key_separator = separators[1].as<Text>()->bytes;
  }
  return make_text(runtime, to_json(runtime, self, options));
}

constexpr Builtin filters[] = {
    {"abs", "/", absolute},
    {"attr", "name", attr},
    {"capitalize", "", mapped<capitalize>},
    {"center", "width?", center},
    {"count", "/", length_filter},
    {"d", "default_value? boolean?", default_value},
    {"default", "default_value? boolean?", default_value},
    {"e", "/", escape},
    {"escape", "/", escape},
    {"float", "default?", to_real},
    {"forceescape", "", force_escape},
    {"format", "* **", format},
    {"indent", "width? first? blank?", indent},
    {"int", "default? base?", to_integer},
    {"length", "/", length_filter},
    {"lower", "", mapped<to_lower>},
    {"replace", "old new count?", replace},
    {"round", "precision? method?", round},
    {"safe", "", safe},
    {"string", "", string},
    {"title", "", title},
    {"tojson", "ensure_ascii? indent? separators? sort_keys?", tojson},
    {"trim", "chars?", trim},
    {"truncate", "length? killwords? end? leeway?", truncate},
    {"upper", "", mapped<to_upper>},
    {"wordcount", "", word_count},
};

}  // namespace

std::span<Builtin const> value_filters() { return filters; }

}  // namespace grove::text::jinja
