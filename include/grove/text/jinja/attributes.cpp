// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/attributes.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "grove/text/jinja/builtin.hpp"
#include "grove/text/jinja/operators.hpp"
#include "grove/text/jinja/text_methods.hpp"
#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

using Names = std::span<std::string_view const>;

constexpr std::string_view changing_dict[] = {"clear", "pop", "popitem", "setdefault", "update"};
constexpr std::string_view changing_list[] = {"append", "clear",  "pop",  "reverse",
                                              "insert", "extend", "sort", "remove"};

// Attributes that Python has and this interpreter has not: using them is an error, not an undefined value.
constexpr std::string_view missing_text[] = {"encode", "isnumeric", "maketrans", "translate"};
constexpr std::string_view missing_markup[] = {"escape", "striptags", "unescape"};
constexpr std::string_view missing_dict[] = {"fromkeys"};
constexpr std::string_view missing_range[] = {"count", "index"};
constexpr std::string_view missing_view[] = {"isdisjoint", "mapping"};
constexpr std::string_view missing_iterator[] = {"close",        "gi_code",      "gi_frame", "gi_running",
                                                 "gi_suspended", "gi_yieldfrom", "send",     "throw"};
constexpr std::string_view missing_integer[] = {
    "as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator",
    "from_bytes",       "imag",      "numerator",  "real",      "to_bytes"};
constexpr std::string_view missing_real[] = {"as_integer_ratio", "conjugate", "fromhex", "hex", "imag",
                                             "is_integer",       "real"};

bool holds(Names names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

/// Of a value that is a list or a tuple.
std::vector<Value> const& items_of(Value const& self) {
  auto const* list = self.as<List>();
  // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.UndefReturn): it does not see that there is no third kind
  return list ? list->items : self.as<Tuple>()->items;
}

Value count_item(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::int64_t count = 0;
  for (auto const& item : items_of(self)) count += equals(runtime, item, arguments[0]) ? 1 : 0;
  return Value::integer(count);
}

Value index_of_item(Runtime& runtime, Value const& self, Bound const& arguments) {
  auto const& items = items_of(self);
  auto const size = static_cast<std::int64_t>(items.size());
  auto const bound = [&](std::size_t index, std::int64_t otherwise) {
    std::int64_t const value = arguments.integer(runtime, index, otherwise);
    return std::clamp<std::int64_t>(value < 0 ? value + size : value, 0, size);
  };
  for (std::int64_t i = bound(1, 0), end = bound(2, size); i < end; ++i) {
    if (equals(runtime, items[static_cast<std::size_t>(i)], arguments[0])) return Value::integer(i);
  }
  runtime.fail(to_repr(runtime, arguments[0]) + " is not in " + type_name(self));
}

Value copy(Runtime&, Value const& self, Bound const&) { return self; }

Value dict_get(Runtime& runtime, Value const& self, Bound const& arguments) {
  auto const* found = self.as<Dict>()->find(runtime, arguments[0]);
  return found ? *found : arguments.passed(1) ? arguments[1] : Value();
}

template <View::Of part>
Value dict_view(Runtime& runtime, Value const& self, Bound const&) {
  depth_around(runtime, self);
  return Value(std::make_shared<View>(self.shared_as<Dict>(), part));
}

constexpr Builtin sequence_methods[] = {{"count", "value /", count_item},
                                        {"index", "value start? stop? /", index_of_item}};
constexpr Builtin list_methods[] = {{"copy", "/", copy}};
constexpr Builtin dict_methods[] = {{"copy", "/", copy},
                                    {"get", "key default? /", dict_get},
                                    {"items", "/", dict_view<View::Of::items>},
                                    {"keys", "/", dict_view<View::Of::keys>},
                                    {"values", "/", dict_view<View::Of::values>}};

Builtin const* find_method(Value const& object, std::string_view name) {
  switch (object.kind()) {
    case Kind::text: {
      auto const* found = find_builtin(text_search_methods(), name);
      return found ? found : find_builtin(text_form_methods(), name);
    }
    case Kind::list: {
      auto const* found = find_builtin(sequence_methods, name);
      return found ? found : find_builtin(list_methods, name);
    }
    case Kind::tuple:
      return find_builtin(sequence_methods, name);
    case Kind::dict:
      return find_builtin(dict_methods, name);
    default:
      return nullptr;
  }
}

bool is_forbidden(Value const& object, std::string_view name) {
  if (name.size() > 4 && name.substr(0, 2) == "__" && name.substr(name.size() - 2) == "__") return true;
  return (object.as<Dict>() && holds(changing_dict, name)) || (object.as<List>() && holds(changing_list, name));
}

bool is_missing_method(Value const& object, std::string_view name) {
  switch (object.kind()) {
    case Kind::boolean:
    case Kind::integer:
      return holds(missing_integer, name);
    case Kind::real:
      return holds(missing_real, name);
    case Kind::text:
      return holds(missing_text, name) || (object.as<Text>()->markup && holds(missing_markup, name));
    case Kind::dict:
      return holds(missing_dict, name);
    case Kind::range:
      return holds(missing_range, name);
    case Kind::view:
      return holds(missing_view, name);
    case Kind::iterator:
      return holds(missing_iterator, name);
    default:
      return false;
  }
}

std::optional<Value> range_attribute(Range const& range, std::string_view name) {
  if (name == "start") return Value::integer(range.start);
  if (name == "stop") return Value::integer(range.stop);
  if (name == "step") return Value::integer(range.step);
  return std::nullopt;
}

/// The place of an index that may count from the end; none if there is no such item.
std::optional<std::size_t> place(std::int64_t index, std::size_t size) {
  auto const length = static_cast<std::int64_t>(size);
  if (index < -length || index >= length) return std::nullopt;
  return static_cast<std::size_t>(index < 0 ? index + length : index);
}

std::optional<Value> character_at(Runtime& runtime, Text const& text, std::int64_t index) {
  runtime.charge_bytes(2 * text.bytes.size());
  auto const at = place(index, character_count(text.bytes));
  if (!at) return std::nullopt;
  std::size_t const start = byte_offset(text.bytes, *at);
  return make_text(runtime, text.bytes.substr(start, character_size(text.bytes, start)), text.markup);
}

std::optional<Value> item_at(Runtime& runtime, Value const& object, std::int64_t index) {
  switch (object.kind()) {
    case Kind::text:
      return character_at(runtime, *object.as<Text>(), index);
    case Kind::list:
    case Kind::tuple: {
      auto const at = place(index, items_of(object).size());
      return at ? std::optional(items_of(object)[*at]) : std::nullopt;
    }
    case Kind::range: {
      auto const& range = *object.as<Range>();
      auto const at = place(index, range.size);
      return at ? std::optional(Value::integer(range.at(*at))) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Value> find_attribute(Runtime& runtime, Value const& object, std::string_view name) {
  runtime.charge_object();
  if (auto const* method = find_method(object, name)) return Value(std::make_shared<Method>(runtime, *method, object));
  if (is_forbidden(object, name)) {
    return make_undefined("access to attribute " + repr_of(name) + " of " + repr_of(type_name(object)) +
                          " object is unsafe.");
  }
  if (is_missing_method(object, name)) {
    runtime.fail("the attribute '" + std::string(name) + "' of " + type_name(object) + " is not supported");
  }
  if (auto const* range = object.as<Range>()) return range_attribute(*range, name);
  return object.object() ? object.object()->attribute(runtime, name) : std::nullopt;
}

Value get_attribute(Runtime& runtime, Value const& object, std::string_view name) {
  require_defined(runtime, object);
  if (auto found = find_attribute(runtime, object, name)) return *found;
  if (auto const* dict = object.as<Dict>()) {
    if (auto const* item = dict->find(name)) return *item;
  }
  return make_undefined(repr_of(described(object)) + " has no attribute " + repr_of(name));
}

Value get_item(Runtime& runtime, Value const& object, Value const& key) {
  runtime.charge_object();
  require_defined(runtime, object);
  if (auto const* dict = object.as<Dict>()) {
    auto const* item = is_hashable(runtime, key) ? dict->find(runtime, key) : nullptr;
    if (item) return *item;
  } else if (key.is_integer()) {
    if (auto item = item_at(runtime, object, key.as_integer())) return *item;
  }
  if (auto const* text = key.as<Text>()) {
    if (auto found = find_attribute(runtime, object, text->bytes)) return *found;
    return make_undefined(repr_of(described(object)) + " has no attribute " + repr_of(text->bytes));
  }
  return make_undefined(described(object) + " has no element " +
                        (key.object() ? "of type " + type_name(key) : to_repr(runtime, key)));
}

Value call(Runtime& runtime, Value const& callee, Arguments const& arguments) {
  require_defined(runtime, callee);
  if (!callee.object()) runtime.fail("'" + type_name(callee) + "' object is not callable");
  return callee.object()->call(runtime, arguments);
}

bool is_callable(Value const& value) {
  return value.kind() == Kind::callable || value.kind() == Kind::undefined || value.kind() == Kind::loop;
}

}  // namespace grove::text::jinja
