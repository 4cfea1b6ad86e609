// SPDX-License-Identifier: Apache-2.0
// iter() and list() of values.
#include <utility>

#include "grove/text/jinja/unicode.hpp"
#include "grove/text/jinja/value.hpp"

namespace grove::text::jinja {
namespace {

/// Over whatever has a length and items by index (keys, for a dict).
class IndexIterator final : public Iterator {
 public:
  IndexIterator(Runtime& runtime, Value source)
      : Iterator("iterator", depth_around(runtime, source)), source_(std::move(source)), size_(*length(source_)) {}

  std::optional<Value> next(Runtime& runtime) override {
    runtime.charge(1);
    if (index_ >= size_) return std::nullopt;
    std::size_t const index = index_++;
    if (auto const* list = source_.as<List>()) return list->items[index];
    if (auto const* tuple = source_.as<Tuple>()) return tuple->items[index];
    if (auto const* dict = source_.as<Dict>()) return dict->entries()[index].first;
    if (auto const* range = source_.as<Range>()) return Value::integer(range->at(index));
    return source_.as<View>()->at(runtime, index);
  }

 private:
  Value source_;
  std::size_t size_;
  std::size_t index_ = 0;
};

class CharacterIterator final : public Iterator {
 public:
  CharacterIterator(Runtime& runtime, Value source)
      : Iterator("str_iterator", depth_around(runtime, source)), source_(std::move(source)) {}

  std::optional<Value> next(Runtime& runtime) override {
    std::string_view const text = source_.as<Text>()->bytes;
    if (at_ >= text.size()) return std::nullopt;
    std::size_t const start = std::exchange(at_, at_ + character_size(text, at_));
    return make_text(runtime, std::string(text.substr(start, at_ - start)));
  }

 private:
  Value source_;
  std::size_t at_ = 0;
};

class EmptyIterator final : public Iterator {
 public:
  EmptyIterator() : Iterator("generator", 0) {}
  std::optional<Value> next(Runtime&) override { return std::nullopt; }
};

}  // namespace

bool is_iterable(Value const& value) {
  switch (value.kind()) {
    case Kind::text:
    case Kind::list:
    case Kind::tuple:
    case Kind::dict:
    case Kind::undefined:
    case Kind::range:
    case Kind::view:
    case Kind::iterator:
    case Kind::loop:
      return true;
    default:
      return false;
  }
}

std::shared_ptr<Iterator> iterate(Runtime& runtime, Value const& value) {
  runtime.charge_object();
  switch (value.kind()) {
    case Kind::text:
      return std::make_shared<CharacterIterator>(runtime, value);
    case Kind::list:
    case Kind::tuple:
    case Kind::dict:
    case Kind::range:
    case Kind::view:
      return std::make_shared<IndexIterator>(runtime, value);
    case Kind::undefined:
      return std::make_shared<EmptyIterator>();
    case Kind::iterator:
      return value.shared_as<Iterator>();
    case Kind::loop:
      runtime.fail("iterating over `loop` itself is not supported");
    default:
      runtime.fail("'" + type_name(value) + "' object is not iterable");
  }
}

std::vector<Value> collect(Runtime& runtime, Value const& value) {
  std::vector<Value> items;
  auto const size = length(value);
  if (size) runtime.charge(2 * *size);
  if (auto const* list = value.as<List>()) return list->items;
  auto const iterator = iterate(runtime, value);
  while (auto item = iterator->next(runtime)) {
    runtime.charge(2);
    items.push_back(std::move(*item));
  }
  return items;
}

}  // namespace grove::text::jinja
