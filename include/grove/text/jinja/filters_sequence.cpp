// SPDX-License-Identifier: Apache-2.0
// Filters of sequences and dicts.
#include <algorithm>
#include <functional>
#include <unordered_set>

#include "grove/text/jinja/filters.hpp"
#include "grove/text/jinja/operators.hpp"
#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

/// A generator whose items are made at once, when the first is asked for.
class DeferredIterator final : public Iterator {
 public:
  using Make = std::function<std::vector<Value>(Runtime&)>;
  DeferredIterator(std::string type, int depth, Make make) : Iterator(std::move(type), depth), make_(std::move(make)) {}

  std::optional<Value> next(Runtime& runtime) override {
    if (make_) {
      Runtime::Level const level(runtime);
      items_ = std::exchange(make_, nullptr)(runtime);
    }
    runtime.charge(1);
    if (index_ >= items_.size()) return std::nullopt;
    return items_[index_++];
  }

 private:
  Make make_;
  std::vector<Value> items_;
  std::size_t index_ = 0;
};

// `held` is what `make` holds: it bounds the nesting of what is made.
Value deferred(Runtime& runtime, std::initializer_list<Value> held, DeferredIterator::Make make,
               std::string type = "generator") {
  runtime.charge_object();
  int const depth = depth_around(runtime, make_tuple(runtime, std::vector<Value>(held)));
  return Value(std::make_shared<DeferredIterator>(std::move(type), depth, std::move(make)));
}

Value without_case(Runtime& runtime, Value const& value, bool case_sensitive) {
  auto const* text = value.as<Text>();
  if (case_sensitive || !text) return value;
  runtime.charge_bytes(4 * text->bytes.size());
  return make_text(runtime, to_lower(text->bytes));
}

struct Keyed {
  Value key;
  Value item;
};

std::vector<Value> sorted(Runtime& runtime, std::vector<Keyed> keyed, bool reverse) {
  runtime.charge(4 * keyed.size());
  std::stable_sort(keyed.begin(), keyed.end(), [&](Keyed const& a, Keyed const& b) {
    runtime.charge(1);
    return reverse ? less(runtime, b.key, a.key) : less(runtime, a.key, b.key);
  });
  std::vector<Value> items;
  for (auto& entry : keyed) items.push_back(std::move(entry.item));
  return items;
}

std::vector<Keyed> keyed_by(Runtime& runtime, Value const& value, AttributeGetter const& getter, bool case_sensitive) {
  std::vector<Keyed> keyed;
  for (auto& item : collect(runtime, value)) {
    keyed.push_back({without_case(runtime, getter(runtime, item), case_sensitive), item});
  }
  return keyed;
}

// The attribute may be a list of attributes: "age,name".
std::vector<AttributeGetter> getters_of(Runtime& runtime, Value const& attribute) {
  std::vector<AttributeGetter> getters;
  auto const* text = attribute.as<Text>();
  if (!text) return {AttributeGetter(runtime, attribute)};
  std::string_view rest = text->bytes;
  while (true) {
    std::size_t const end = std::min(rest.find(','), rest.size());
    getters.emplace_back(runtime, make_text(runtime, std::string(rest.substr(0, end))));
    if (end == rest.size()) return getters;
    rest.remove_prefix(end + 1);
  }
}

Value sort(Runtime& runtime, Value const& self, Bound const& arguments) {
  auto const getters = getters_of(runtime, arguments[2]);
  bool const case_sensitive = arguments.flag(1, false);
  std::vector<Keyed> keyed;
  for (auto& item : collect(runtime, self)) {
    std::vector<Value> keys;
    for (auto const& getter : getters) keys.push_back(without_case(runtime, getter(runtime, item), case_sensitive));
    keyed.push_back({make_list(runtime, std::move(keys)), item});
  }
  return make_list(runtime, sorted(runtime, std::move(keyed), arguments.flag(0, false)));
}

Value dict_sort(Runtime& runtime, Value const& self, Bound const& arguments) {
  require_defined(runtime, self);
  auto const* dict = self.as<Dict>();
  if (!dict) runtime.fail("dictsort needs a dict, not " + type_name(self));
  std::string const by = arguments.text(runtime, 1, "key");
  if (by != "key" && by != "value") runtime.fail("You can only sort by either \"key\" or \"value\"");
  std::vector<Keyed> keyed;
  for (auto const& [key, value] : dict->entries()) {
    keyed.push_back({without_case(runtime, by == "key" ? key : value, arguments.flag(0, false)),
                     make_tuple(runtime, {key, value})});
  }
  return make_list(runtime, sorted(runtime, std::move(keyed), arguments.flag(2, false)));
}

Value group_by(Runtime& runtime, Value const& self, Bound const& arguments) {
  AttributeGetter const getter(runtime, arguments[0], arguments[1]);
  bool const case_sensitive = arguments.flag(2, false);
  auto const key_of = [&](Value const& item) { return without_case(runtime, getter(runtime, item), case_sensitive); };
  auto const items = sorted(runtime, keyed_by(runtime, self, getter, case_sensitive), false);
  std::vector<Value> groups;
  for (std::size_t start = 0, end = 0; start < items.size(); start = end) {
    Value const key = key_of(items[start]);
    for (end = start + 1; end < items.size() && equals(runtime, key, key_of(items[end]));) ++end;
    auto group = make_list(runtime, {items.begin() + static_cast<std::ptrdiff_t>(start),
                                     items.begin() + static_cast<std::ptrdiff_t>(end)});
    groups.push_back(make_tuple(runtime, {getter(runtime, items[start]), group}, true));
  }
  return make_list(runtime, std::move(groups));
}

template <bool largest>
Value extreme(Runtime& runtime, Value const& self, Bound const& arguments) {
  auto const keyed = keyed_by(runtime, self, AttributeGetter(runtime, arguments[1]), arguments.flag(0, false));
  if (keyed.empty()) return make_undefined("No aggregated item, sequence was empty.");
  auto const* best = &keyed.front();
  for (auto const& candidate : keyed) {
    if (&candidate == &keyed.front()) continue;
    if (largest ? less(runtime, best->key, candidate.key) : less(runtime, candidate.key, best->key)) best = &candidate;
  }
  return best->item;
}

Value sum(Runtime& runtime, Value const& self, Bound const& arguments) {
  AttributeGetter const getter(runtime, arguments[0]);
  Value total = arguments.passed(1) ? arguments[1] : Value::integer(0);
  if (total.as<Text>()) runtime.fail("sum() can't sum strings", {}, "use the filter join");
  auto const iterator = iterate(runtime, self);
  while (auto const item = iterator->next(runtime)) {
    total = arithmetic(runtime, Arithmetic::add, total, getter(runtime, *item));
  }
  return total;
}

std::vector<Value> unique_items(Runtime& runtime, Value const& source, AttributeGetter const& getter,
                                bool case_sensitive) {
  std::unordered_set<std::string> texts;
  std::vector<Value> others;
  std::vector<Value> items;
  auto const iterator = iterate(runtime, source);
  while (auto const item = iterator->next(runtime)) {
    runtime.charge(4);
    Value const key = without_case(runtime, getter(runtime, *item), case_sensitive);
    if (!is_hashable(runtime, key)) runtime.fail("unhashable type: '" + type_name(key) + "' for the filter unique");
    if (auto const* text = key.as<Text>()) {
      if (texts.insert(text->bytes).second) items.push_back(*item);
    } else if (std::none_of(others.begin(), others.end(),
                            [&](Value const& other) { return equals(runtime, other, key); })) {
      others.push_back(key);
      items.push_back(*item);
    }
  }
  return items;
}

Value unique(Runtime& runtime, Value const& self, Bound const& arguments) {
  AttributeGetter const getter(runtime, arguments[1]);
  bool const case_sensitive = arguments.flag(0, false);
  return deferred(runtime, {self, arguments[1]}, [self, getter, case_sensitive](Runtime& used) {
    return unique_items(used, self, getter, case_sensitive);
  });
}

Value first(Runtime& runtime, Value const& self, Bound const&) {
  auto const item = iterate(runtime, self)->next(runtime);
  return item ? *item : make_undefined("No first item, sequence was empty.");
}

std::vector<Value> reversed_items(Runtime& runtime, Value const& value) {
  auto items = collect(runtime, value);
  std::reverse(items.begin(), items.end());
  return items;
}

Value last(Runtime& runtime, Value const& self, Bound const&) {
  if (self.kind() == Kind::iterator || !is_iterable(self)) {
    runtime.fail("'" + type_name(self) + "' object is not reversible", {}, "make a list of it first: (...) | list");
  }
  auto const items = collect(runtime, self);
  return items.empty() ? make_undefined("No last item, sequence was empty.") : items.back();
}

Value reverse(Runtime& runtime, Value const& self, Bound const&) {
  if (self.as<Text>()) return slice(runtime, self, Value(), Value(), Value::integer(-1));
  if (self.kind() == Kind::iterator) return make_list(runtime, reversed_items(runtime, self));
  if (!is_iterable(self)) runtime.fail("argument must be iterable, not " + type_name(self));
  return deferred(
      runtime, {self}, [self](Runtime& used) { return reversed_items(used, self); }, "reverseiterator");
}

Value join(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::string const separator = arguments.text(runtime, 0, "");
  AttributeGetter const getter(runtime, arguments[1]);
  std::string result;
  auto const iterator = iterate(runtime, self);
  for (bool is_first = true; auto const item = iterator->next(runtime); is_first = false) {
    runtime.charge_bytes(separator.size());
    if (!is_first) result += separator;
    Value const part = getter(runtime, *item);
    std::string buffer;
    auto const text = view_of(runtime, part, buffer);
    runtime.charge_bytes(text.size());
    result += text;
  }
  return make_text(runtime, std::move(result));
}

Value list(Runtime& runtime, Value const& self, Bound const&) { return make_list(runtime, collect(runtime, self)); }

std::vector<Value> batches(Runtime& runtime, Value const& source, std::int64_t size, Value const& fill) {
  std::vector<Value> result;
  std::vector<Value> current;
  auto const iterator = iterate(runtime, source);
  while (auto const item = iterator->next(runtime)) {
    if (static_cast<std::int64_t>(current.size()) == size) {
      result.push_back(make_list(runtime, std::exchange(current, {})));
    }
    runtime.charge(4);
    current.push_back(*item);
  }
  if (current.empty()) return result;
  while (!fill.is_none() && static_cast<std::int64_t>(current.size()) < size) {
    runtime.charge(2);
    current.push_back(fill);
  }
  result.push_back(make_list(runtime, std::move(current)));
  return result;
}

Value batch(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::int64_t const size = arguments.integer(runtime, 0, 0);
  return deferred(runtime, {self, arguments[1]},
                  [self, size, fill = arguments[1]](Runtime& used) { return batches(used, self, size, fill); });
}

std::vector<Value> slices_of(Runtime& runtime, Value const& source, std::int64_t count, Value const& fill) {
  auto const items = collect(runtime, source);
  if (count == 0) runtime.fail("division by zero in the filter slice");
  std::vector<Value> result;
  auto const size = static_cast<std::int64_t>(items.size());
  std::int64_t const each = count > 0 ? size / count : 0;
  std::int64_t const longer = count > 0 ? size % count : 0;
  std::int64_t start = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    runtime.charge(2);
    std::int64_t const end = start + each + (i < longer ? 1 : 0);
    std::vector<Value> part(items.begin() + start, items.begin() + end);
    if (!fill.is_none() && i >= longer) part.push_back(fill);
    result.push_back(make_list(runtime, std::move(part)));
    start = end;
  }
  return result;
}

Value slice_filter(Runtime& runtime, Value const& self, Bound const& arguments) {
  std::int64_t const count = arguments.integer(runtime, 0, 0);
  return deferred(runtime, {self, arguments[1]},
                  [self, count, fill = arguments[1]](Runtime& used) { return slices_of(used, self, count, fill); });
}

Value items(Runtime& runtime, Value const& self, Bound const&) {
  return deferred(runtime, {self}, [self](Runtime& used) {
    if (self.is_undefined()) return std::vector<Value>();
    if (!self.as<Dict>()) used.fail("Can only get item pairs from a mapping.");
    return collect(used, Value(std::make_shared<View>(self.shared_as<Dict>(), View::Of::items)));
  });
}

constexpr Builtin filters[] = {
    {"batch", "linecount fill_with?", batch},
    {"dictsort", "case_sensitive? by? reverse?", dict_sort},
    {"first", "", first},
    {"groupby", "attribute default? case_sensitive?", group_by},
    {"items", "", items},
    {"join", "d? attribute?", join},
    {"last", "", last},
    {"list", "", list},
    {"max", "case_sensitive? attribute?", extreme<true>},
    {"min", "case_sensitive? attribute?", extreme<false>},
    {"reverse", "", reverse},
    {"slice", "slices fill_with?", slice_filter},
    {"sort", "reverse? case_sensitive? attribute?", sort},
    {"sum", "attribute? start?", sum},
    {"unique", "case_sensitive? attribute?", unique},
};

}  // namespace

std::span<Builtin const> sequence_filters() { return filters; }

}  // namespace grove::text::jinja
