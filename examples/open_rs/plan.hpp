// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "grove/io/json.hpp"
#include "grove/plan/plan.hpp"
#include "open_rs/recipe.hpp"

namespace open_rs {

/// The plan that `open_rs plan` makes of a recipe on a machine such as "4xA40" where no option says otherwise. `model`
/// is a folder with a config.json, or empty for the original's sizes.
grove::plan::Plan plan_of(std::string const& name, Recipe const& recipe, std::string const& gpus,
                          std::string const& model);

grove::io::Json plan_json(grove::plan::Plan const& plan);

}  // namespace open_rs
