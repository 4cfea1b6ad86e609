// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/value.hpp"

#include <algorithm>

#include "grove/text/jinja/number.hpp"
#include "grove/text/jinja/operators.hpp"
#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {

std::optional<Value> Object::attribute(Runtime&, std::string_view) { return std::nullopt; }

Value Object::call(Runtime& runtime, Arguments const&) {
  runtime.fail(std::string("'").append(type_name()).append("' object is not callable"));
}

std::string Object::repr(Runtime& runtime) {
  runtime.fail("a value of type '" + type_name() + "' cannot be printed", {},
               kind == Kind::iterator ? "make a list of it first: (...) | list" : "");
}

std::optional<Value> Tuple::attribute(Runtime&, std::string_view name) {
  if (group && name == "grouper") return items[0];
  if (group && name == "list") return items[1];
  return std::nullopt;
}

Dict::Dict(Runtime& runtime, std::vector<Entry> entries, int depth) : Object(tag, depth) {
  entries_.reserve(entries.size());
  for (auto& entry : entries) {
    if (auto const found = position(runtime, entry.first)) {
      entries_[*found].second = std::move(entry.second);
      continue;
    }
    std::size_t const index = entries_.size();
    entries_.push_back(std::move(entry));
    if (auto const* key = entries_.back().first.as<Text>()) {
      texts_.emplace(key->bytes, index);
    } else {
      others_.push_back(index);
    }
  }
}

std::optional<std::size_t> Dict::position(Runtime& runtime, Value const& key) const {
  if (auto const* text = key.as<Text>()) {
    auto const found = texts_.find(text->bytes);
    if (found == texts_.end()) return std::nullopt;
    return found->second;
  }
  if (!is_hashable(runtime, key)) runtime.fail("unhashable type: '" + jinja::type_name(key) + "' as a key of a dict");
  for (std::size_t const index : others_) {
    if (equals(runtime, entries_[index].first, key)) return index;
  }
  return std::nullopt;
}

Value const* Dict::find(std::string_view key) const {
  auto const found = texts_.find(key);
  return found == texts_.end() ? nullptr : &entries_[found->second].second;
}

Value const* Dict::find(Runtime& runtime, Value const& key) const {
  auto const found = position(runtime, key);
  return found ? &entries_[*found].second : nullptr;
}

Range::Range(std::int64_t first, std::int64_t end, std::int64_t stride)
    : Object(tag, 0), start(first), stop(end), step(stride), size(0) {
  auto const span =
      static_cast<std::uint64_t>(step > 0 ? stop : start) - static_cast<std::uint64_t>(step > 0 ? start : stop);
  bool const empty = step > 0 ? start >= stop : start <= stop;
  auto const magnitude = step > 0 ? static_cast<std::uint64_t>(step) : ~static_cast<std::uint64_t>(step) + 1;
  if (!empty) size = (span - 1) / magnitude + 1;
}

std::string Range::repr(Runtime&) {
  std::string result = "range(" + std::to_string(start) + ", " + std::to_string(stop);
  if (step != 1) result += ", " + std::to_string(step);
  return result + ")";
}

std::string View::type_name() const {
  return part == Of::keys ? "dict_keys" : part == Of::values ? "dict_values" : "dict_items";
}

Value View::at(Runtime& runtime, std::size_t index) const {
  auto const& [key, value] = dict->entries()[index];
  if (part == Of::keys) return key;
  if (part == Of::values) return value;
  return make_tuple(runtime, {key, value});
}

std::string View::repr(Runtime& runtime) {
  std::vector<Value> items;
  runtime.charge(2 * dict->entries().size());
  for (std::size_t i = 0; i < dict->entries().size(); ++i) items.push_back(at(runtime, i));
  return type_name() + "(" + to_repr(runtime, make_list(runtime, std::move(items))) + ")";
}

std::optional<Value> Namespace::attribute(Runtime&, std::string_view name) {
  for (auto const& [key, value] : attributes_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

void Namespace::set(Runtime& runtime, std::string_view name, Value value) {
  if (!name.empty() && name.front() == '_') {
    runtime.fail("a namespace takes no attribute that starts with an underscore: '" + std::string(name) + "'");
  }
  for (auto& [key, old] : attributes_) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  attributes_.emplace_back(name, std::move(value));
}

std::string Namespace::repr(Runtime& runtime) {
  Runtime::Level const level(runtime);
  std::string result = "<Namespace {";
  for (std::size_t i = 0; i < attributes_.size(); ++i) {
    if (i > 0) result += ", ";
    result += repr_of(attributes_[i].first) + ": " + to_repr(runtime, attributes_[i].second);
  }
  return result + "}>";
}

int depth_around(Runtime const& runtime, Value const& value) {
  int const depth = value.depth() + 1;
  if (depth > Depth::value) {
    runtime.fail("values nest too deeply", "at most " + std::to_string(static_cast<int>(Depth::value)) + " levels");
  }
  return depth;
}

namespace {

int depth_of_items(Runtime& runtime, std::vector<Value> const& items) {
  int depth = 1;
  for (auto const& item : items) depth = std::max(depth, depth_around(runtime, item));
  return depth;
}

}  // namespace

Value make_text(Runtime& runtime, std::string value, bool markup) {
  runtime.charge_object();
  runtime.charge_bytes(value.size());
  return Value(std::make_shared<Text>(std::move(value), markup));
}

Value make_list(Runtime& runtime, std::vector<Value> items) {
  runtime.charge_object();
  runtime.charge(2 * items.size());
  int const depth = depth_of_items(runtime, items);
  return Value(std::make_shared<List>(std::move(items), depth));
}

Value make_tuple(Runtime& runtime, std::vector<Value> items, bool group) {
  runtime.charge_object();
  runtime.charge(2 * items.size());
  int const depth = depth_of_items(runtime, items);
  return Value(std::make_shared<Tuple>(std::move(items), depth, group));
}

Value make_dict(Runtime& runtime, std::vector<Dict::Entry> entries) {
  runtime.charge_object();
  runtime.charge(8 * entries.size());
  int depth = 1;
  for (auto const& [key, value] : entries) {
    depth = std::max({depth, depth_around(runtime, key), depth_around(runtime, value)});
  }
  return Value(std::make_shared<Dict>(runtime, std::move(entries), depth));
}

Value make_undefined(std::string message) { return Value(std::make_shared<Undefined>(std::move(message))); }

std::string type_name(Value const& value) {
  switch (value.kind()) {
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::real:
      return "float";
    default:
      return value.object()->type_name();
  }
}

std::string described(Value const& value) { return value.is_none() ? "None" : type_name(value) + " object"; }

bool truth(Value const& value) {
  switch (value.kind()) {
    case Kind::none:
    case Kind::undefined:
      return false;
    case Kind::boolean:
    case Kind::integer:
      return value.as_integer() != 0;
    case Kind::real:
      return value.as_real() != 0;
    case Kind::text:
      return !value.as<Text>()->bytes.empty();
    default: {
      auto const size = length(value);
      return !size || *size > 0;
    }
  }
}

std::optional<std::size_t> length(Value const& value) {
  switch (value.kind()) {
    case Kind::text:
      return character_count(value.as<Text>()->bytes);
    case Kind::list:
      return value.as<List>()->items.size();
    case Kind::tuple:
      return value.as<Tuple>()->items.size();
    case Kind::dict:
      return value.as<Dict>()->entries().size();
    case Kind::undefined:
      return 0;
    case Kind::range:
      return value.as<Range>()->size;
    case Kind::view:
      return value.as<View>()->dict->entries().size();
    default:
      return std::nullopt;
  }
}

bool is_hashable(Runtime& runtime, Value const& value) {
  switch (value.kind()) {
    case Kind::list:
    case Kind::dict:
    case Kind::view:
      return false;
    case Kind::tuple: {
      auto const& items = value.as<Tuple>()->items;
      runtime.charge(1 + items.size());
      return std::all_of(items.begin(), items.end(), [&](Value const& item) { return is_hashable(runtime, item); });
    }
    default:
      return true;
  }
}

}  // namespace grove::text::jinja
