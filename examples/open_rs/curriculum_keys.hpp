// SPDX-License-Identifier: Apache-2.0
// What a recipe says of a curriculum: which problems are drawn how often.
#pragma once

#include <boost/program_options.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "grove/problem.hpp"
#include "grove/rollout/curriculum.hpp"

namespace open_rs {

struct CurriculumKeys {
  std::string curriculum_column{}, curriculum_mix{}, curriculum_reward{};
  double curriculum_floor = 0, curriculum_memory = 0;

  void add_to(boost::program_options::options_description& options);
  /// Whether problems are drawn by weight rather than in the recipe's order.
  bool wanted() const { return !curriculum_mix.empty() || !curriculum_reward.empty(); }
  /// Throws grove::Error for a mix that does not parse, and a reward that is none of `rewards`.
  void check(std::vector<std::string> const& rewards, std::string const& data_order) const;
  grove::Curriculum source(std::vector<grove::Problem> problems, std::size_t prompts_per_step,
                           std::uint64_t seed) const;
};

/// "Easy=1,Hard=2", or by steps "0:Easy=1,Hard=0;100:Easy=1,Hard=1". Throws grove::Error.
grove::LevelMix parse_mix(std::string const& text);

}  // namespace open_rs
