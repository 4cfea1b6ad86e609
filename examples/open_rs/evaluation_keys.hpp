// SPDX-License-Identifier: Apache-2.0
// What a recipe says of watching a run: evaluations on test sets, a stop on a plateau, and guards. None of these keys
// changes what is trained.
#pragma once

#include <boost/program_options.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "grove/guards.hpp"

namespace open_rs {

struct EvaluationKeys {
  std::string eval_data{}, eval_prompt{}, eval_verifier{};
  std::string eval_problem_column{}, eval_gold_column{};
  std::size_t eval_steps = 0, eval_n = 0, eval_max_completion_length = 0;
  double eval_temperature = 0, eval_top_p = 0;
  bool eval_on_start = false;
  std::string plateau_metric{};
  std::size_t plateau_patience = 0;
  double plateau_least = 0;

  void add_to(boost::program_options::options_description& options);
  bool wanted() const { return eval_steps > 0 || eval_on_start; }
  /// Names of the test sets.
  std::vector<std::string> files() const;
  /// Throws grove::Error for keys that contradict each other, with those of the checkpoints.
  void check(std::string const& best_metric, std::size_t save_best, std::size_t save_steps) const;
};

/// --eval-data, --eval-every and --eval-before: the same keys as options.
struct EvaluationFlags {
  std::vector<std::string> data{};
  std::size_t every = 0;
  bool before = false;

  void add_to(boost::program_options::options_description& options);
  /// Adds the key=value of each option that was given.
  void put_into(std::vector<std::string>& settings) const;
};

struct GuardKeys {
  std::string guard_kl{}, guard_entropy{}, guard_truncated{}, guard_non_latin{}, guard_length{};
  std::size_t guard_steps = 5;
  bool guard_stop = false;

  void add_to(boost::program_options::options_description& options);
  /// The guards that have a bound. Throws grove::Error for one that is no number.
  std::vector<grove::Guard> guards() const;
};

}  // namespace open_rs
