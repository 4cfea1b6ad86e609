// SPDX-License-Identifier: Apache-2.0
// What a recipe says of training on completions that other weights sampled: whether it does, and what their log-probs
// are for.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <string_view>

#include "grove/train_options.hpp"

namespace open_rs {

struct OffPolicyKeys {
  bool one_step_ahead = false;
  std::string old_log_probs = "auto";

  /// Every key with its default and meaning; values land here.
  void add_to(boost::program_options::options_description& options);
  /// Throws grove::Error for a value that is none, and for what the placement or two views of a prompt leave without
  /// meaning. A replay of what was sampled a step ahead has no ranks that sample.
  void check(std::string const& placement, bool two_views, bool replays) const;
  /// The options of the trainer that these keys are.
  void put_into(grove::TrainOptions& options) const;
};

/// Which log-probs `old_log_probs` means. Throws grove::Error for another word.
grove::OldLogProbs old_log_probs_of(std::string_view word);

}  // namespace open_rs
