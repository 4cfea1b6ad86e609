// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "grove/text/jinja/value.hpp"

namespace grove::text::jinja {

/// escape(): &, <, >, ' and " as HTML entities, unless the value is marked safe already.
std::string escaped(Runtime& runtime, Value const& value);

/// The same, of what is marked safe too.
std::string force_escaped(Runtime& runtime, Value const& value);

}  // namespace grove::text::jinja
