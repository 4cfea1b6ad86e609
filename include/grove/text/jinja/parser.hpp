// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "grove/text/jinja/ast.hpp"

namespace grove::text::jinja {

/// Parses a template with jinja2's grammar. What is no such template, or uses what is not supported (inheritance,
/// inclusion, `autoescape`, unknown tags, filters and tests), throws grove::Error with its line.
std::shared_ptr<Template const> parse(std::string_view source, std::string name);

}  // namespace grove::text::jinja
