// SPDX-License-Identifier: Apache-2.0
// What a recipe says of checkpoints, under TRL's names.
#pragma once

#include <boost/program_options.hpp>
#include <cstddef>
#include <string>

namespace open_rs {

struct CheckpointKeys {
  std::size_t save_steps = 50, save_total_limit = 2, save_best = 0;
  std::string metric_for_best_model = "reward";
  bool greater_is_better = true;
  std::string resume_from_checkpoint{};

  /// Every key with its default and meaning; values land here.
  void add_to(boost::program_options::options_description& options);
};

}  // namespace open_rs
