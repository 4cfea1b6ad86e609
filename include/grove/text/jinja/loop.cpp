// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/loop.hpp"

#include "grove/text/jinja/builtin.hpp"
#include "grove/text/jinja/operators.hpp"

namespace grove::text::jinja {
namespace {

Value cycle(Runtime& runtime, Value const& self, Bound const& arguments) {
  return self.as<Loop>()->cycle(runtime, arguments.rest);
}

Value changed(Runtime& runtime, Value const& self, Bound const& arguments) {
  return Value::boolean(self.as<Loop>()->changed(runtime, arguments.rest));
}

constexpr Builtin methods[] = {{"changed", "*", changed}, {"cycle", "*", cycle}};
constexpr Builtin recursion{"loop", "iterable", nullptr};

}  // namespace

Loop::Loop(Runtime& runtime, std::shared_ptr<Iterator> items, std::optional<std::size_t> size, std::int64_t level,
           Recurse recurse)
    : Object(tag, depth_around(runtime, Value(items))),
      items_(std::move(items)),
      level_(level),
      recurse_(std::move(recurse)) {
  if (size) size_ = static_cast<std::int64_t>(*size);
}

std::optional<Value> Loop::advance(Runtime& runtime) {
  auto next = after_ ? std::exchange(after_, std::nullopt) : items_->next(runtime);
  if (!next) return std::nullopt;
  ++index0_;
  before_ = std::exchange(current_, next);
  return next;
}

void Loop::finish() {
  items_ = nullptr;
  before_ = current_ = after_ = last_changed_ = std::nullopt;
}

std::optional<Value> const& Loop::peek(Runtime& runtime) {
  if (!items_) runtime.fail("`loop` is used after its loop");
  if (!after_) after_ = items_->next(runtime);
  return after_;
}

// Without a size, all further items are made now.
std::int64_t Loop::size(Runtime& runtime) {
  if (!size_) {
    if (!items_) runtime.fail("`loop` is used after its loop");
    auto const rest = make_list(runtime, collect(runtime, Value(items_)));
    items_ = iterate(runtime, rest);
    size_ = static_cast<std::int64_t>(*length(rest)) + index0_ + 1 + (after_ ? 1 : 0);
  }
  return *size_;
}

std::optional<Value> Loop::attribute(Runtime& runtime, std::string_view name) {
  if (name == "index") return Value::integer(index0_ + 1);
  if (name == "index0") return Value::integer(index0_);
  if (name == "first") return Value::boolean(index0_ == 0);
  if (name == "last") return Value::boolean(!peek(runtime));
  if (name == "length") return Value::integer(size(runtime));
  if (name == "revindex") return Value::integer(size(runtime) - index0_);
  if (name == "revindex0") return Value::integer(size(runtime) - index0_ - 1);
  if (name == "depth") return Value::integer(level_ + 1);
  if (name == "depth0") return Value::integer(level_);
  if (name == "previtem") return index0_ > 0 && before_ ? *before_ : make_undefined("there is no previous item");
  if (name == "nextitem") return peek(runtime) ? *after_ : make_undefined("there is no next item");
  if (auto const* method = find_builtin(methods, name)) {
    return Value(std::make_shared<Method>(runtime, *method, Value(shared_from_this())));
  }
  return std::nullopt;
}

Value Loop::call(Runtime& runtime, Arguments const& arguments) {
  if (!recurse_) runtime.fail("The loop must have the 'recursive' marker to be called recursively.");
  return recurse_(bind(runtime, recursion, arguments)[0], level_ + 1);
}

std::string Loop::repr(Runtime& runtime) {
  return "<LoopContext " + std::to_string(index0_ + 1) + "/" + std::to_string(size(runtime)) + ">";
}

Value Loop::cycle(Runtime& runtime, std::vector<Value> const& values) const {
  if (values.empty()) runtime.fail("no items for cycling given");
  return values[static_cast<std::size_t>(index0_) % values.size()];
}

bool Loop::changed(Runtime& runtime, std::vector<Value> const& values) {
  if (!items_) runtime.fail("`loop` is used after its loop");
  auto const now = make_tuple(runtime, values);
  if (last_changed_ && equals(runtime, *last_changed_, now)) return false;
  last_changed_ = now;
  return true;
}

}  // namespace grove::text::jinja
