// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include "grove/text/jinja/ast.hpp"

namespace grove::text::jinja {

/// jinja2 decides where a name lives when it compiles a template, not when it runs it: a name that a scope stores
/// before it reads it (in the order of the text, outside of branches) is a local of that scope from the start, and
/// unset until it is stored, even if a variable of the rendering has the same name. This fills Frame::unset with those
/// names, and fails for unknown filters and tests (those in branches fail when they are reached) and for stores to
/// `loop`.
void resolve_scopes(Runtime& runtime, Template& parsed);

/// Which of these names a body reads before it stores them.
std::set<NameId> unbound_names(Body const& body, std::set<NameId> names);

}  // namespace grove::text::jinja
