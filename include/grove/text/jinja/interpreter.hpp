// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "grove/text/jinja/ast.hpp"

namespace grove::text::jinja {

/// Renders a template. Of several objects with a variable, the last counts. Fails where jinja2 would, and when the work
/// is spent.
std::string render(Template const& parsed, std::span<nlohmann::ordered_json const* const> variables,
                   std::chrono::system_clock::time_point now, std::uint64_t work);

}  // namespace grove::text::jinja
