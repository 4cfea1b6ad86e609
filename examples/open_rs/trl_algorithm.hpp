// SPDX-License-Identifier: Apache-2.0
// TRL's GRPOConfig as a composition: its options choose types at run time.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/any_algorithm.hpp"

namespace open_rs {

/// Takes the options that choose types (loss_type, importance_sampling_level, scale_rewards,
/// multi_objective_aggregation, use_adaptive_entropy, use_bias_correction_kl, vllm_importance_sampling_mode) out of
/// `settings`; the numbers that are left are options of the algorithm. Defaults are those of TRL 1.16. Throws Error for
/// a product that TRL warns of or computes against its paper.
grove::AnyAlgorithm trl_algorithm(std::vector<std::pair<std::string, std::string>>& settings);

/// The keys of the options that choose types.
std::span<std::string_view const> trl_choices();

/// The choosing options as `settings` has them, else with their defaults, for --help.
std::string trl_table(std::vector<std::pair<std::string, std::string>> const& settings);

}  // namespace open_rs
