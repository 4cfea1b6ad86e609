// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "grove/text/jinja/builtin.hpp"

namespace grove::text::jinja {

/// The filter with this name, or null.
Builtin const* find_filter(std::string_view name);
/// Whether jinja2 has a filter of this name that is not supported here.
bool is_missing_filter(std::string_view name);

/// Fails for a filter or test that does not exist or is not supported.
[[noreturn]] void fail_unknown(Runtime& runtime, std::string_view name, bool is_filter);

/// trim, replace, indent, tojson, int, round, ...
std::span<Builtin const> value_filters();
/// first, join, sort, unique, groupby, ...
std::span<Builtin const> sequence_filters();
/// map, select, rejectattr, ...
std::span<Builtin const> selection_filters();

/// What `attribute=` of filters looks up: the parts of "a.b.0", each by get_item.
class AttributeGetter {
 public:
  /// An attribute that is none looks up nothing. `otherwise` stands for undefined parts unless it is none.
  AttributeGetter(Runtime& runtime, Value const& attribute, Value otherwise = {});
  Value operator()(Runtime& runtime, Value const& item) const;

 private:
  std::vector<Value> parts_;
  Value otherwise_;
};

}  // namespace grove::text::jinja
