// SPDX-License-Identifier: Apache-2.0
// What the YAML of open-rs says beyond the numbers of a recipe: keys that mean nothing here, keys that are given
// elsewhere, and the defects of the code that ran, each a switch of its own.
#pragma once

#include <boost/program_options.hpp>
#include <cstddef>
#include <string>
#include <string_view>

namespace open_rs {

/// The switches that tell the runs as they were from their repaired versions.
struct AsRunKeys {
  double logprob_temperature = 0;
  std::string loss_scope = "step", logprob_rounding = "f32", rollout_bos = "once", prompt_over_limit = "drop",
              data_order = "grove", placement = "colocated";

  /// Every key with its default and meaning; values land here.
  void add_to(boost::program_options::options_description& options);
  /// Throws grove::Error for a value that no switch has.
  void check() const;
  /// Whether the trainer's log-probs differ from the sampler's on purpose.
  bool has_two_views(double sampling_temperature) const;
};

/// Why a key of the original YAML has no effect here; empty where it is no such key. Throws grove::Error where the
/// value asks for something that does not happen, or where the key is given in another way.
std::string_view effect_of_original_key(std::string const& key, std::string const& value, std::string const& where);

}  // namespace open_rs
