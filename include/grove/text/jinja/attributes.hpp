// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "grove/text/jinja/value.hpp"

namespace grove::text::jinja {

/// `object.name`: the attribute, else the item, else undefined.
Value get_attribute(Runtime& runtime, Value const& object, std::string_view name);

/// `object[key]`: the item, else the attribute, else undefined.
Value get_item(Runtime& runtime, Value const& object, Value const& key);

/// Python's attribute alone: none if the object has none of this name. What the sandbox forbids is undefined.
std::optional<Value> find_attribute(Runtime& runtime, Value const& object, std::string_view name);

Value call(Runtime& runtime, Value const& callee, Arguments const& arguments);
bool is_callable(Value const& value);

}  // namespace grove::text::jinja
