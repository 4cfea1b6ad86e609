// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "grove/text/jinja/value.hpp"

namespace grove::text::jinja {

/// range, dict, namespace, cycler, joiner of jinja2, and raise_exception, strftime_now of transformers.
std::optional<Value> find_global(Runtime& runtime, std::string_view name);

}  // namespace grove::text::jinja
