// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <vector>

#include "open_rs/training.hpp"

namespace open_rs {

/// open_rs train --dry-run: what the run would do, without weights: batches, tokens, learning rate and rows of every
/// step, memory and hours. With --data the rows are the file's and with --model their prompts are tokenised; without
/// them the recipe's data.rows stands for the file. A table, or one JSON object.
void dry_run(TrainFlags const& flags, Recipe const& recipe, std::vector<ExtraReward> const& extras, std::ostream& out);

}  // namespace open_rs
