// SPDX-License-Identifier: Apache-2.0
// Comparisons, membership and slices.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "grove/text/jinja/operators.hpp"
#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

// -1, 0 or 1, or 2 where a NaN has no order.
int order_of(double left, double right) { return left < right ? -1 : left > right ? 1 : left == right ? 0 : 2; }

int order_of(std::int64_t left, double right) {
  if (std::isnan(right)) return 2;
  if (right >= 0x1p63) return -1;
  if (right < -0x1p63) return 1;
  auto const whole = static_cast<std::int64_t>(right);
  if (left != whole) return left < whole ? -1 : 1;
  return order_of(0.0, right - static_cast<double>(whole));
}

int order_of(Value const& left, Value const& right) {
  if (left.is_integer() && right.is_integer()) {
    return left.as_integer() < right.as_integer() ? -1 : left.as_integer() > right.as_integer() ? 1 : 0;
  }
  if (left.is_integer()) return order_of(left.as_integer(), right.as_real());
  if (!right.is_integer()) return order_of(left.as_real(), right.as_real());
  int const order = order_of(right.as_integer(), left.as_real());
  return order == 2 ? 2 : -order;
}

std::vector<Value> const* items_of(Value const& value) {
  if (auto const* list = value.as<List>()) return &list->items;
  if (auto const* tuple = value.as<Tuple>()) return &tuple->items;
  return nullptr;
}

bool dicts_equal(Runtime& runtime, Dict const& left, Dict const& right) {
  if (left.entries().size() != right.entries().size()) return false;
  for (auto const& [key, value] : left.entries()) {
    auto const* other = right.find(runtime, key);
    if (!other || !equals(runtime, value, *other)) return false;
  }
  return true;
}

bool ranges_equal(Range const& left, Range const& right) {
  return left.size == right.size &&
         (left.size == 0 || (left.start == right.start && (left.size == 1 || left.step == right.step)));
}

char const* symbol_of(Relation relation) {
  switch (relation) {
    case Relation::less:
      return "<";
    case Relation::less_equal:
      return "<=";
    case Relation::greater:
      return ">";
    default:
      return ">=";
  }
}

bool holds(Relation relation, int order) {
  switch (relation) {
    case Relation::less:
      return order == -1;
    case Relation::less_equal:
      return order == -1 || order == 0;
    case Relation::greater:
      return order == 1;
    default:
      return order == 1 || order == 0;
  }
}

bool ordered(Runtime& runtime, Relation relation, Value const& left, Value const& right) {
  Runtime::Level const level(runtime);
  require_defined(runtime, left);
  require_defined(runtime, right);
  if (left.is_number() && right.is_number()) return holds(relation, order_of(left, right));
  if (left.as<Text>() && right.as<Text>()) {
    auto const &a = left.as<Text>()->bytes, &b = right.as<Text>()->bytes;
    runtime.charge_bytes(std::min(a.size(), b.size()));
    int const order = a.compare(b);
    return holds(relation, order < 0 ? -1 : order > 0 ? 1 : 0);
  }
  auto const *a = items_of(left), *b = items_of(right);
  if (!a || !b || left.kind() != right.kind()) {
    runtime.fail("'" + std::string(symbol_of(relation)) + "' not supported between instances of '" + type_name(left) +
                 "' and '" + type_name(right) + "'");
  }
  std::size_t const size = std::min(a->size(), b->size());
  for (std::size_t i = 0; i < size; ++i) {
    if (!equals(runtime, (*a)[i], (*b)[i])) return ordered(runtime, relation, (*a)[i], (*b)[i]);
  }
  return holds(relation, a->size() < b->size() ? -1 : a->size() > b->size() ? 1 : 0);
}

bool contains_text(Runtime& runtime, Text const& container, Value const& item) {
  auto const* text = item.as<Text>();
  if (!text) runtime.fail("'in <string>' requires string as left operand, not " + type_name(item));
  runtime.charge_bytes(container.bytes.size());
  return find_text(container.bytes, text->bytes) != std::string_view::npos;
}

bool range_contains(Range const& range, Value const& item) {
  if (!item.is_number()) return false;
  for (std::size_t i = 0; i < range.size; ++i) {
    if (order_of(Value::integer(range.at(i)), item) == 0) return true;
  }
  return false;
}

struct SliceIndices {
  std::int64_t start, stop, step;
  std::size_t count;
};

// What Python's slice.indices() computes.
SliceIndices slice_indices(Runtime& runtime, std::size_t size, Value const& start, Value const& stop,
                           Value const& step) {
  auto const part = [&](Value const& value, std::int64_t otherwise) {
    if (value.is_none()) return otherwise;
    if (!value.is_integer()) runtime.fail("slice indices must be integers or None, not " + type_name(value));
    return value.as_integer();
  };
  auto const length = static_cast<std::int64_t>(size);
  std::int64_t const stride = part(step, 1);
  if (stride == 0) runtime.fail("slice step cannot be zero");
  auto const clamp = [&](std::int64_t index) {
    if (index < 0) index = std::max<std::int64_t>(index + length, stride < 0 ? -1 : 0);
    return std::min(index, stride < 0 ? length - 1 : length);
  };
  std::int64_t const first = start.is_none() ? (stride < 0 ? length - 1 : 0) : clamp(part(start, 0));
  std::int64_t const last = stop.is_none() ? (stride < 0 ? -1 : length) : clamp(part(stop, 0));
  Range const covered(first, last, stride);
  return {first, last, stride, covered.size};
}

Value slice_range(Runtime& runtime, Range const& range, SliceIndices const& indices) {
  std::int64_t start = 0, stop = 0, step = 0;
  bool const overflows = __builtin_mul_overflow(indices.start, range.step, &start) ||
                         __builtin_mul_overflow(indices.stop, range.step, &stop) ||
                         __builtin_mul_overflow(indices.step, range.step, &step) ||
                         __builtin_add_overflow(range.start, start, &start) ||
                         __builtin_add_overflow(range.start, stop, &stop);
  if (overflows) runtime.fail("an integer beyond 64 bits", "integers from -2**63 to 2**63 - 1");
  return Value(std::make_shared<Range>(start, stop, step));
}

Value slice_text(Runtime& runtime, Text const& text, Value const& start, Value const& stop, Value const& step) {
  runtime.charge_bytes(2 * text.bytes.size());
  std::string_view const bytes = text.bytes;
  auto const indices = slice_indices(runtime, character_count(bytes), start, stop, step);
  if (indices.step == 1) {
    std::size_t const from = byte_offset(bytes, static_cast<std::size_t>(indices.start));
    std::size_t const size = byte_offset(bytes.substr(from), indices.count);
    return make_text(runtime, std::string(bytes.substr(from, size)), text.markup);
  }
  runtime.charge(bytes.size());
  std::vector<std::string_view> characters;
  for (std::size_t at = 0; at < bytes.size(); at += characters.back().size()) {
    characters.push_back(bytes.substr(at, character_size(bytes, at)));
  }
  std::string result;
  for (std::size_t i = 0; i < indices.count; ++i) {
    result += characters[static_cast<std::size_t>(indices.start + static_cast<std::int64_t>(i) * indices.step)];
  }
  return make_text(runtime, std::move(result), text.markup);
}

}  // namespace

std::size_t find_text(std::string_view text, std::string_view needle, std::size_t from) {
  if (from > text.size() || needle.size() > text.size() - from) return std::string_view::npos;
  auto const* found = ::memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return found ? static_cast<std::size_t>(static_cast<char const*>(found) - text.data()) : std::string_view::npos;
}

bool equals(Runtime& runtime, Value const& left, Value const& right) {
  Runtime::Level const level(runtime);
  runtime.charge(1);
  if (left.is_number() && right.is_number()) return order_of(left, right) == 0;
  if (left.kind() != right.kind()) return false;
  if (left.is_none() || left.is_undefined() || left.object() == right.object()) return true;
  if (auto const* text = left.as<Text>()) {
    auto const& other = right.as<Text>()->bytes;
    if (text->bytes.size() != other.size()) return false;
    runtime.charge_bytes(other.size());
    return text->bytes == other;
  }
  if (auto const* items = items_of(left)) {
    return std::equal(items->begin(), items->end(), items_of(right)->begin(), items_of(right)->end(),
                      [&](Value const& a, Value const& b) { return equals(runtime, a, b); });
  }
  if (auto const* dict = left.as<Dict>()) return dicts_equal(runtime, *dict, *right.as<Dict>());
  if (auto const* range = left.as<Range>()) return ranges_equal(*range, *right.as<Range>());
  if (left.as<View>()) runtime.fail("comparing '" + type_name(left) + "' is not supported");
  return false;
}

bool less(Runtime& runtime, Value const& left, Value const& right) {
  return ordered(runtime, Relation::less, left, right);
}

bool contains(Runtime& runtime, Value const& container, Value const& item) {
  if (auto const* text = container.as<Text>()) return contains_text(runtime, *text, item);
  if (auto const* dict = container.as<Dict>()) return dict->find(runtime, item) != nullptr;
  if (auto const* view = container.as<View>(); view && view->part == View::Of::keys) {
    return view->dict->find(runtime, item) != nullptr;
  }
  if (auto const* range = container.as<Range>()) {
    runtime.charge(range->size);
    return range_contains(*range, item);
  }
  if (!is_iterable(container)) runtime.fail("argument of type '" + type_name(container) + "' is not iterable");
  auto const iterator = iterate(runtime, container);
  while (auto const candidate = iterator->next(runtime)) {
    if (equals(runtime, *candidate, item)) return true;
  }
  return false;
}

bool compare(Runtime& runtime, Relation relation, Value const& left, Value const& right) {
  switch (relation) {
    case Relation::equal:
      return equals(runtime, left, right);
    case Relation::not_equal:
      return !equals(runtime, left, right);
    case Relation::in:
      return contains(runtime, right, left);
    case Relation::not_in:
      return !contains(runtime, right, left);
    default:
      return ordered(runtime, relation, left, right);
  }
}

std::int64_t as_index(Runtime& runtime, Value const& value, std::string_view what) {
  require_defined(runtime, value);
  if (!value.is_integer()) {
    runtime.fail(std::string(what) + ": '" + type_name(value) + "' object cannot be interpreted as an integer");
  }
  return value.as_integer();
}

Value slice(Runtime& runtime, Value const& object, Value const& start, Value const& stop, Value const& step) {
  require_defined(runtime, object);
  if (auto const* text = object.as<Text>()) return slice_text(runtime, *text, start, stop, step);
  if (auto const* range = object.as<Range>()) {
    return slice_range(runtime, *range, slice_indices(runtime, range->size, start, stop, step));
  }
  auto const* items = items_of(object);
  if (!items) runtime.fail("an object of type '" + type_name(object) + "' cannot be sliced");
  auto const indices = slice_indices(runtime, items->size(), start, stop, step);
  runtime.charge(2 * indices.count);
  std::vector<Value> taken;
  taken.reserve(indices.count);
  for (std::size_t i = 0; i < indices.count; ++i) {
    taken.push_back((*items)[static_cast<std::size_t>(indices.start + static_cast<std::int64_t>(i) * indices.step)]);
  }
  return object.as<List>() ? make_list(runtime, std::move(taken)) : make_tuple(runtime, std::move(taken));
}

}  // namespace grove::text::jinja
