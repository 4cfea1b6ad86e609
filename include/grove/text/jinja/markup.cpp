// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/markup.hpp"

namespace grove::text::jinja {

std::string force_escaped(Runtime& runtime, Value const& value) {
  std::string buffer;
  auto const text = view_of(runtime, value, buffer);
  runtime.charge_bytes(5 * text.size());
  std::string result;
  for (char const c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '\'':
        result += "&#39;";
        break;
      case '"':
        result += "&#34;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string escaped(Runtime& runtime, Value const& value) {
  auto const* text = value.as<Text>();
  return text && text->markup ? text->bytes : force_escaped(runtime, value);
}

}  // namespace grove::text::jinja
