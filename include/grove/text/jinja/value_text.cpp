// SPDX-License-Identifier: Apache-2.0
// str() and repr() of values.
#include <cstdio>

#include "grove/text/jinja/number.hpp"
#include "grove/text/jinja/unicode.hpp"
#include "grove/text/jinja/value.hpp"

namespace grove::text::jinja {
namespace {

void append_escaped(std::string& result, char32_t c) {
  char buffer[12];
  char const* const format = c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
  std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(c));
  result += buffer;
}

std::string items_repr(Runtime& runtime, std::vector<Value> const& items, char open, char close) {
  std::string result(1, open);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) result += ", ";
    result += to_repr(runtime, items[i]);
  }
  if (open == '(' && items.size() == 1) result += ',';
  return result + close;
}

std::string dict_repr(Runtime& runtime, Dict const& dict) {
  std::string result = "{";
  for (auto const& [key, value] : dict.entries()) {
    if (result.size() > 1) result += ", ";
    result += to_repr(runtime, key) + ": " + to_repr(runtime, value);
  }
  return result + "}";
}

}  // namespace

std::string repr_of(std::string_view text) {
  bool const double_quotes = text.find('\'') != text.npos && text.find('"') == text.npos;
  char const quote = double_quotes ? '"' : '\'';
  std::string result(1, quote);
  for (std::size_t at = 0; at < text.size();) {
    char32_t const c = next_character(text, at);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      result += '\\';
      result += static_cast<char>(c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      result += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (is_printable(c)) {
      append_character(result, c);
    } else {
      append_escaped(result, c);
    }
  }
  return result + quote;
}

std::string to_repr(Runtime& runtime, Value const& value) {
  Runtime::Level const level(runtime);
  runtime.charge(1);
  switch (value.kind()) {
    case Kind::text: {
      auto const& text = *value.as<Text>();
      runtime.charge_bytes(4 * text.bytes.size());
      return text.markup ? "Markup(" + repr_of(text.bytes) + ")" : repr_of(text.bytes);
    }
    case Kind::list:
      return items_repr(runtime, value.as<List>()->items, '[', ']');
    case Kind::tuple:
      return items_repr(runtime, value.as<Tuple>()->items, '(', ')');
    case Kind::dict:
      return dict_repr(runtime, *value.as<Dict>());
    case Kind::undefined:
      return "Undefined";
    case Kind::none:
      return "None";
    case Kind::boolean:
      return value.as_integer() != 0 ? "True" : "False";
    case Kind::integer:
      return std::to_string(value.as_integer());
    case Kind::real:
      return real_to_string(value.as_real());
    default:
      return value.object()->repr(runtime);
  }
}

std::string to_string(Runtime& runtime, Value const& value) {
  if (auto const* text = value.as<Text>()) {
    runtime.charge_bytes(text->bytes.size());
    return text->bytes;
  }
  return value.is_undefined() ? std::string() : to_repr(runtime, value);
}

std::string_view view_of(Runtime& runtime, Value const& value, std::string& buffer) {
  if (auto const* text = value.as<Text>()) return text->bytes;
  buffer = to_string(runtime, value);
  return buffer;
}

}  // namespace grove::text::jinja
