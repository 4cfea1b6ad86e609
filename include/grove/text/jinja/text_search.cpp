// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "grove/text/jinja/operators.hpp"
#include "grove/text/jinja/text_methods.hpp"
#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

using Views = std::vector<std::string_view>;

std::string const& bytes_of(Value const& self) { return self.as<Text>()->bytes; }

/// The part of a text that find() and its like look at: none if `start` lies behind its end.
struct Window {
  std::string_view text;
  std::size_t first = 0;  ///< characters before it
  bool exists = true;
};

Window window(Runtime& runtime, std::string_view text, Bound const& arguments) {
  runtime.charge_bytes(2 * text.size());
  if (!arguments.given(1) && !arguments.given(2)) return {text};
  auto const size = static_cast<std::int64_t>(character_count(text));
  auto const part = [&](std::size_t index, std::int64_t otherwise) {
    if (!arguments.given(index)) return otherwise;
    std::int64_t const value = arguments.integer(runtime, index, 0);
    return value < 0 ? std::max<std::int64_t>(value + size, 0) : value;
  };
  std::int64_t const start = part(1, 0);
  std::int64_t const end = std::min(part(2, size), size);
  if (start > end) return {{}, 0, false};
  std::size_t const from = byte_offset(text, static_cast<std::size_t>(start));
  std::size_t const count = byte_offset(text.substr(from), static_cast<std::size_t>(end - start));
  return {text.substr(from, count), static_cast<std::size_t>(start)};
}

std::int64_t position(Runtime& runtime, Value const& self, Bound const& arguments, bool from_right) {
  auto const& needle = arguments.text(runtime, 0);
  auto const where = window(runtime, bytes_of(self), arguments);
  if (!where.exists) return -1;
  if (from_right) runtime.charge_bytes(where.text.size() * needle.size() / 8);
  std::size_t const found = from_right ? where.text.rfind(needle) : find_text(where.text, needle);
  if (found == std::string_view::npos) return -1;
  return static_cast<std::int64_t>(where.first + character_count(where.text.substr(0, found)));
}

Value find(Runtime& runtime, Value const& self, Bound const& arguments) {
  return Value::integer(position(runtime, self, arguments, false));
}

Value rfind(Runtime& runtime, Value const& self, Bound const& arguments) {
  return Value::integer(position(runtime, self, arguments, true));
}

Value found_index(Runtime& runtime, std::int64_t index) {
  if (index < 0) runtime.fail("substring not found");
  return Value::integer(index);
}

Value index(Runtime& runtime, Value const& self, Bound const& arguments) {
  return found_index(runtime, position(runtime, self, arguments, false));
}

Value rindex(Runtime& runtime, Value const& self, Bound const& arguments) {
  return found_index(runtime, position(runtime, self, arguments, true));
}

std::int64_t occurrences(std::string_view text, std::string_view needle) {
  if (needle.empty()) return static_cast<std::int64_t>(character_count(text)) + 1;
  std::int64_t count = 0;
  for (std::size_t at = find_text(text, needle); at != std::string_view::npos;
       at = find_text(text, needle, at + needle.size())) {
    ++count;
  }
  return count;
}

Value count(Runtime& runtime, Value const& self, Bound const& arguments) {
  auto const& needle = arguments.text(runtime, 0);
  auto const where = window(runtime, bytes_of(self), arguments);
  return Value::integer(where.exists ? occurrences(where.text, needle) : 0);
}

template <class Matches>
Value matches_any(Runtime& runtime, Value const& self, Bound const& arguments, Matches matches) {
  auto const where = window(runtime, bytes_of(self), arguments);
  auto const one = [&](Value const& value) {
    require_defined(runtime, value);
    auto const* text = value.as<Text>();
    if (!text) runtime.fail("expected str or a tuple of str, not " + type_name(value));
    return where.exists && matches(where.text, std::string_view(text->bytes));
  };
  auto const* tuple = arguments[0].as<Tuple>();
  if (!tuple) return Value::boolean(one(arguments[0]));
  runtime.charge(tuple->items.size());
  return Value::boolean(std::any_of(tuple->items.begin(), tuple->items.end(), one));
}

Value starts_with(Runtime& runtime, Value const& self, Bound const& arguments) {
  return matches_any(runtime, self, arguments,
                     [](std::string_view text, std::string_view part) { return text.substr(0, part.size()) == part; });
}

Value ends_with(Runtime& runtime, Value const& self, Bound const& arguments) {
  return matches_any(runtime, self, arguments, [](std::string_view text, std::string_view part) {
    return text.size() >= part.size() && text.substr(text.size() - part.size()) == part;
  });
}

Views split_on_spaces(std::string_view text, std::int64_t limit) {
  Views parts;
  for (text = strip_left(text); !text.empty(); text = strip_left(text)) {
    if (limit-- == 0) {
      parts.push_back(text);
      break;
    }
    std::size_t end = 0;
    for (std::size_t next = 0; end < text.size() && !is_space(next_character(text, next));) end = next;
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return parts;
}

Views split_on_spaces_from_right(std::string_view text, std::int64_t limit) {
  Views all = split_on_spaces(text, -1);
  if (limit < 0 || all.size() <= static_cast<std::size_t>(limit)) return all;
  std::size_t const first = all.size() - static_cast<std::size_t>(limit);
  auto const end = static_cast<std::size_t>(all[first - 1].data() + all[first - 1].size() - text.data());
  Views parts{text.substr(0, end)};
  parts.insert(parts.end(), all.begin() + static_cast<std::ptrdiff_t>(first), all.end());
  return parts;
}

Views split_on(std::string_view text, std::string_view separator, std::int64_t limit) {
  Views parts;
  std::size_t at = 0;
  for (std::size_t found = 0; limit != 0; --limit, at = found + separator.size()) {
    found = find_text(text, separator, at);
    if (found == std::string_view::npos) break;
    parts.push_back(text.substr(at, found - at));
  }
  parts.push_back(text.substr(at));
  return parts;
}

Views split_on_from_right(std::string_view text, std::string_view separator, std::int64_t limit) {
  Views parts;
  for (; limit != 0; --limit) {
    std::size_t const found = text.rfind(separator);
    if (found == std::string_view::npos) break;
    parts.push_back(text.substr(found + separator.size()));
    text = text.substr(0, found);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Value as_values(Runtime& runtime, Value const& self, Views const& parts, bool tuple) {
  std::vector<Value> values;
  for (auto const part : parts) {
    runtime.charge(4);
    values.push_back(make_text(runtime, std::string(part), self.as<Text>()->markup));
  }
  return tuple ? make_tuple(runtime, std::move(values)) : make_list(runtime, std::move(values));
}

std::string const& separator_of(Runtime& runtime, Bound const& arguments) {
  auto const& separator = arguments.text(runtime, 0);
  if (separator.empty()) runtime.fail("empty separator");
  return separator;
}

Value split(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::string_view const text = bytes_of(self);
  runtime.charge_bytes(2 * text.size());
  std::int64_t const limit = arguments.integer(runtime, 1, -1);
  return as_values(
      runtime, self,
      arguments.given(0) ? split_on(text, separator_of(runtime, arguments), limit) : split_on_spaces(text, limit),
      false);
}

Value rsplit(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::string_view const text = bytes_of(self);
  std::int64_t const limit = arguments.integer(runtime, 1, -1);
  // Searching from the right has no linear algorithm here, so its worst case is paid for.
  runtime.charge_bytes(2 * text.size() * (arguments.given(0) ? 1 + arguments.text(runtime, 0).size() / 8 : 1));
  return as_values(runtime, self,
                   arguments.given(0) ? split_on_from_right(text, separator_of(runtime, arguments), limit)
                                      : split_on_spaces_from_right(text, limit),
                   false);
}

Value partition(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::string_view const text = bytes_of(self);
  auto const& separator = separator_of(runtime, arguments);
  runtime.charge_bytes(text.size());
  std::size_t const found = find_text(text, separator);
  if (found == std::string_view::npos) return as_values(runtime, self, {text, "", ""}, true);
  return as_values(runtime, self, {text.substr(0, found), separator, text.substr(found + separator.size())}, true);
}

Value rpartition(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::string_view const text = bytes_of(self);
  auto const& separator = separator_of(runtime, arguments);
  runtime.charge_bytes(text.size() * (1 + separator.size() / 8));
  std::size_t const found = text.rfind(separator);
  if (found == std::string_view::npos) return as_values(runtime, self, {"", "", text}, true);
  return as_values(runtime, self, {text.substr(0, found), separator, text.substr(found + separator.size())}, true);
}

Value split_lines_method(Runtime& runtime, Value const& self, Bound const& arguments) {
  runtime.charge_bytes(bytes_of(self).size());
  return as_values(runtime, self, split_lines(bytes_of(self), arguments.flag(0, false)), false);
}

void require_plain(Runtime& runtime, Value const& self, char const* method) {
  if (self.as<Text>()->markup) {
    runtime.fail("the method '" + std::string(method) + "' of a text that is marked safe is not supported");
  }
}

Value replace(Runtime& runtime, Value const& self, Bound const& arguments) {
  require_plain(runtime, self, "replace");
  return make_text(runtime, replaced(runtime, bytes_of(self), arguments.text(runtime, 0), arguments.text(runtime, 1),
                                     arguments.integer(runtime, 2, -1)));
}

Value strip_method(Runtime& runtime, Value const& self, Bound const& arguments, bool left, bool right) {
  runtime.charge_bytes(bytes_of(self).size());
  std::string_view text = bytes_of(self);
  if (arguments.given(0)) {
    runtime.charge_bytes(arguments.text(runtime, 0).size() * text.size());
    text = stripped(text, arguments.text(runtime, 0), left, right);
  } else {
    if (left) text = strip_left(text);
    if (right) text = strip_right(text);
  }
  return make_text(runtime, std::string(text), self.as<Text>()->markup);
}

Value strip(Runtime& runtime, Value const& self, Bound const& arguments) {
  return strip_method(runtime, self, arguments, true, true);
}
Value lstrip(Runtime& runtime, Value const& self, Bound const& arguments) {
  return strip_method(runtime, self, arguments, true, false);
}
Value rstrip(Runtime& runtime, Value const& self, Bound const& arguments) {
  return strip_method(runtime, self, arguments, false, true);
}

Value remove_prefix(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::string_view text = bytes_of(self);
  auto const& prefix = arguments.text(runtime, 0);
  if (text.substr(0, prefix.size()) == prefix) text.remove_prefix(prefix.size());
  return make_text(runtime, std::string(text), self.as<Text>()->markup);
}

Value remove_suffix(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::string_view text = bytes_of(self);
  auto const& suffix = arguments.text(runtime, 0);
  if (text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix) {
    text.remove_suffix(suffix.size());
  }
  return make_text(runtime, std::string(text), self.as<Text>()->markup);
}

Value join(Runtime& runtime, Value const& self, Bound const& arguments) {
  require_plain(runtime, self, "join");
  std::string result;
  auto const iterator = iterate(runtime, arguments[0]);
  for (std::size_t i = 0; auto const item = iterator->next(runtime); ++i) {
    auto const* text = item->as<Text>();
    if (!text) {
      runtime.fail("sequence item " + std::to_string(i) + ": expected str instance, " + type_name(*item) + " found");
    }
    runtime.charge_bytes(text->bytes.size() + bytes_of(self).size());
    if (i > 0) result += bytes_of(self);
    result += text->bytes;
  }
  return make_text(runtime, std::move(result));
}

constexpr Builtin methods[] = {
    {"count", "sub start? end? /", count},
    {"endswith", "suffix start? end? /", ends_with},
    {"find", "sub start? end? /", find},
    {"index", "sub start? end? /", index},
    {"join", "iterable /", join},
    {"lstrip", "chars? /", lstrip},
    {"partition", "sep /", partition},
    {"removeprefix", "prefix /", remove_prefix},
    {"removesuffix", "suffix /", remove_suffix},
    {"replace", "old new count? /", replace},
    {"rfind", "sub start? end? /", rfind},
    {"rindex", "sub start? end? /", rindex},
    {"rpartition", "sep /", rpartition},
    {"rsplit", "sep? maxsplit?", rsplit},
    {"rstrip", "chars? /", rstrip},
    {"split", "sep? maxsplit?", split},
    {"splitlines", "keepends?", split_lines_method},
    {"startswith", "prefix start? end? /", starts_with},
    {"strip", "chars? /", strip},
};

}  // namespace

std::span<Builtin const> text_search_methods() { return methods; }

std::string replaced(Runtime& runtime, std::string_view text, std::string_view old, std::string_view replacement,
                     std::int64_t count) {
  auto const limit = count < 0 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(count);
  std::uint64_t const found = std::min(limit, static_cast<std::uint64_t>(occurrences(text, old)));
  runtime.charge_bytes(text.size());
  runtime.charge(found * (1 + replacement.size() / 16));
  std::string result;
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < found; ++i) {
    auto const behind_character = [&] { return i == 0 ? 0 : at + character_size(text, at); };
    std::size_t const next = old.empty() ? behind_character() : find_text(text, old, at);
    result += text.substr(at, next - at);
    result += replacement;
    at = next + old.size();
  }
  return result += text.substr(at);
}

std::string_view stripped(std::string_view text, std::string_view characters, bool left, bool right) {
  Views set;
  for (std::size_t at = 0; at < characters.size(); at += set.back().size()) {
    set.push_back(characters.substr(at, character_size(characters, at)));
  }
  auto const strips = [&](std::string_view c) { return std::find(set.begin(), set.end(), c) != set.end(); };
  while (left && !text.empty()) {
    std::size_t const size = character_size(text, 0);
    if (!strips(text.substr(0, size))) break;
    text.remove_prefix(size);
  }
  while (right && !text.empty()) {
    std::size_t start = text.size() - 1;
    while (start > 0 && text.size() - start < 4 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) --start;
    if (start + character_size(text, start) != text.size()) start = text.size() - 1;
    if (!strips(text.substr(start))) break;
    text = text.substr(0, start);
  }
  return text;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  Views lines;
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const end = at;
    char32_t const c = next_character(text, at);
    if (!is_line_break(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(start, (keep_ends ? at : end) - start));
    start = at;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

}  // namespace grove::text::jinja
