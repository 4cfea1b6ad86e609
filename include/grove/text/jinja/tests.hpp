// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "grove/text/jinja/builtin.hpp"

namespace grove::text::jinja {

/// jinja2's tests: what may stand behind `is`.
std::span<Builtin const> tests();

}  // namespace grove::text::jinja
