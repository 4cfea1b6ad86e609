// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/text/jinja/value.hpp"

/// Functions written in C++: methods, filters, tests and globals, listed in tables.
namespace grove::text::jinja {

/// The arguments of a call by parameter.
class Bound {
 public:
  explicit Bound(std::size_t parameters) : values(parameters) {}

  Value const& operator[](std::size_t index) const { return values[index].second; }
  bool passed(std::size_t index) const { return values[index].first; }
  /// Passed, and not none.
  bool given(std::size_t index) const { return passed(index) && !(*this)[index].is_none(); }
  bool flag(std::size_t index, bool otherwise) const { return passed(index) ? truth((*this)[index]) : otherwise; }
  /// Fails for what is no integer.
  std::int64_t integer(Runtime& runtime, std::size_t index, std::int64_t otherwise) const;
  /// str() of the argument.
  std::string text(Runtime& runtime, std::size_t index, std::string_view otherwise) const;
  /// Fails for what is no text.
  std::string const& text(Runtime& runtime, std::size_t index) const;

  std::vector<std::pair<bool, Value>> values;
  std::vector<Value> rest;                              ///< of a parameter *
  std::vector<std::pair<std::string, Value>> keywords;  ///< of a parameter **
};

/// `self` is the object of a method, or what stands left of a filter or test.
using Function = Value (*)(Runtime& runtime, Value const& self, Bound const& arguments);

struct Builtin {
  std::string_view name;
  /// Names separated by spaces. `name?` may be left out, `/` says that none is passed by name, `*` takes the further
  /// positional arguments and `**` the further named ones.
  std::string_view parameters;
  Function run;
};

/// Fails for what the parameters do not allow.
Bound bind(Runtime& runtime, Builtin const& function, Arguments const& arguments);

/// The entry with this name, or null.
Builtin const* find_builtin(std::span<Builtin const> table, std::string_view name);

inline Value run(Runtime& runtime, Builtin const& function, Value const& self, Arguments const& arguments) {
  return function.run(runtime, self, bind(runtime, function, arguments));
}

/// A builtin as a value, with the object it is a method of.
class Method final : public Object {
 public:
  static constexpr Kind tag = Kind::callable;
  Method(Runtime& runtime, Builtin const& function, Value self)
      : Object(tag, depth_around(runtime, self)), function_(function), self_(std::move(self)) {}
  std::string type_name() const override { return "builtin_function_or_method"; }
  Value call(Runtime& runtime, Arguments const& arguments) override {
    return run(runtime, function_, self_, arguments);
  }

 private:
  Builtin const& function_;
  Value self_;
};

}  // namespace grove::text::jinja
