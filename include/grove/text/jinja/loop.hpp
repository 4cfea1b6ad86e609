// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "grove/text/jinja/value.hpp"

namespace grove::text::jinja {

/// `loop` within a for-loop.
class Loop final : public Object, public std::enable_shared_from_this<Loop> {
 public:
  static constexpr Kind tag = Kind::loop;
  /// Renders the body over further items, one level deeper: what calling a recursive loop does.
  using Recurse = std::function<Value(Value const& iterable, std::int64_t depth)>;

  /// `size` is that of the iterable, none if it has none; `level` is 0 for the outermost loop.
  Loop(Runtime& runtime, std::shared_ptr<Iterator> items, std::optional<std::size_t> size, std::int64_t level,
       Recurse recurse);
  std::string type_name() const override { return "LoopContext"; }
  std::optional<Value> attribute(Runtime& runtime, std::string_view name) override;
  Value call(Runtime& runtime, Arguments const& arguments) override;
  std::string repr(Runtime& runtime) override;

  /// The next item, which becomes the current one; none at the end.
  std::optional<Value> advance(Runtime& runtime);
  /// Lets go of all items when the loop has ended, so that loops never hold each other.
  void finish();

  Value cycle(Runtime& runtime, std::vector<Value> const& values) const;
  bool changed(Runtime& runtime, std::vector<Value> const& values);

 private:
  std::int64_t size(Runtime& runtime);
  std::optional<Value> const& peek(Runtime& runtime);

  std::shared_ptr<Iterator> items_;
  std::optional<std::int64_t> size_;
  std::int64_t index0_ = -1;
  std::int64_t level_;
  Recurse recurse_;
  std::optional<Value> before_, current_, after_;
  std::optional<Value> last_changed_;
};

}  // namespace grove::text::jinja
