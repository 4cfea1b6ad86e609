// SPDX-License-Identifier: Apache-2.0
#include "open_rs/checkpoint_keys.hpp"

namespace open_rs {

namespace po = boost::program_options;

void CheckpointKeys::add_to(po::options_description& options) {
  options.add_options()                                                                                           //
      ("save_steps", po::value(&save_steps)->default_value(50), "steps between checkpoints; 0: only at the end")  //
      ("save_total_limit", po::value(&save_total_limit)->default_value(2),
       "newest checkpoints that are kept; 0: all")  //
      ("save_best", po::value(&save_best)->default_value(0),
       "best checkpoints that are kept besides, by metric_for_best_model")  //
      ("metric_for_best_model", po::value(&metric_for_best_model)->default_value("reward"),
       "a name in metrics.jsonl")                                                                  //
      ("greater_is_better", po::value(&greater_is_better)->default_value(true), "of that metric")  //
      ("resume_from_checkpoint", po::value(&resume_from_checkpoint)->default_value(""),
       "as --resume: true (auto), false (off) or a folder");
}

}  // namespace open_rs
