// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "grove/text/jinja/value.hpp"

namespace grove::text::jinja {

/// A JSON value as Python's json.loads() gives it. Fails for integers beyond 64 bits and too deep nesting.
Value from_json(Runtime& runtime, nlohmann::ordered_json const& json);

/// What json.dumps() takes. `indent` is what one level is indented by.
struct DumpOptions {
  bool ensure_ascii = false;
  std::optional<std::string> indent = std::nullopt;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

/// json.dumps(): fails for values that JSON has not.
std::string to_json(Runtime& runtime, Value const& value, DumpOptions const& options);

}  // namespace grove::text::jinja
