// SPDX-License-Identifier: Apache-2.0
// The method format of texts.
#include <algorithm>

#include "grove/text/jinja/attributes.hpp"
#include "grove/text/jinja/format.hpp"
#include "grove/text/jinja/number.hpp"

namespace grove::text::jinja {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, Arguments const& arguments) : runtime_(runtime), arguments_(arguments) {}

  std::string run(std::string_view format, int nesting) {
    if (nesting > 1) runtime_.fail("Max string recursion exceeded");
    std::string result;
    for (std::size_t at = 0; at < format.size();) {
      char const c = format[at++];
      if ((c == '{' || c == '}') && at < format.size() && format[at] == c) {
        result += c;
        ++at;
      } else if (c == '}') {
        runtime_.fail("Single '}' encountered in format string");
      } else if (c == '{') {
        result += field(taken_field(format, at), nesting);
      } else {
        result += c;
      }
    }
    return result;
  }

 private:
  // The text up to the brace that closes the field; `at` moves behind it.
  std::string_view taken_field(std::string_view format, std::size_t& at) {
    std::size_t const start = at;
    for (int open = 1; at < format.size(); ++at) {
      open += format[at] == '{' ? 1 : format[at] == '}' ? -1 : 0;
      if (open == 0) return format.substr(start, at++ - start);
    }
    runtime_.fail(start == format.size() ? "Single '{' encountered in format string"
                                         : "expected '}' before end of string");
  }

  std::string field(std::string_view text, int nesting) {
    std::size_t end = 0;
    bool bracket = false;
    for (; end < text.size() && (bracket || (text[end] != '!' && text[end] != ':')); ++end) {
      if (text[end] == '{') runtime_.fail("unexpected '{' in field name");
      bracket = text[end] == '[' || (bracket && text[end] != ']');
    }
    Value value = looked_up(text.substr(0, end));
    text.remove_prefix(end);
    if (!text.empty() && text.front() == '!') {
      if (text.size() < 2 || (text.size() > 2 && text[2] != ':')) {
        runtime_.fail("expected ':' after conversion specifier");
      }
      if (text[1] != 's' && text[1] != 'r') {
        runtime_.fail("the conversion '!" + std::string(1, text[1]) + "' is not supported", "!s or !r");
      }
      value = make_text(runtime_, text[1] == 'r' ? to_repr(runtime_, value) : to_string(runtime_, value));
      text.remove_prefix(2);
    }
    if (!text.empty()) text.remove_prefix(1);
    return formatted(runtime_, value,
                     text.find_first_of("{}") == text.npos ? std::string(text) : run(text, nesting + 1));
  }

  Value looked_up(std::string_view name) {
    std::size_t at = std::min(name.find_first_of(".["), name.size());
    Value value = argument(name.substr(0, at));
    while (at < name.size()) {
      if (name[at] == '.') {
        std::size_t const end = std::min(name.find_first_of(".[", at + 1), name.size());
        if (end == at + 1) runtime_.fail("Empty attribute in format string");
        value = get_attribute(runtime_, value, name.substr(at + 1, end - at - 1));
        at = end;
        continue;
      }
      std::size_t const end = name[at] == '[' ? name.find(']', at) : name.npos;
      if (end == name.npos || end == at + 1)
        runtime_.fail("invalid field '" + std::string(name) + "' in format string");
      auto const key = name.substr(at + 1, end - at - 1);
      value = get_item(runtime_, value,
                       is_number(key) ? Value::integer(*parse_integer(key)) : make_text(runtime_, std::string(key)));
      at = end + 1;
    }
    return value;
  }

  Value argument(std::string_view name) {
    if (name.empty() || is_number(name)) {
      if ((name.empty() && numbered_) || (!name.empty() && next_ > 0)) {
        runtime_.fail("cannot mix automatic and manual field numbering");
      }
      numbered_ = numbered_ || !name.empty();
      auto const index = name.empty() ? next_++ : static_cast<std::size_t>(*parse_integer(name));
      if (index >= arguments_.positional.size()) {
        runtime_.fail("Replacement index " + std::to_string(index) + " out of range for positional args tuple");
      }
      return arguments_.positional[index];
    }
    for (auto const& [key, value] : arguments_.keyword) {
      if (key == name) return value;
    }
    runtime_.fail("no argument " + repr_of(name) + " for the format string");
  }

  Runtime& runtime_;
  Arguments const& arguments_;
  std::size_t next_ = 0;
  bool numbered_ = false;
};

}  // namespace

Value formatted_braces(Runtime& runtime, Value const& format, Arguments const& arguments) {
  auto const& text = *format.as<Text>();
  if (text.markup) runtime.fail("formatting a text that is marked safe is not supported");
  runtime.charge_bytes(text.bytes.size());
  return make_text(runtime, BraceFormatter(runtime, arguments).run(text.bytes, 0));
}

}  // namespace grove::text::jinja
