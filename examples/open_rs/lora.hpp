// SPDX-License-Identifier: Apache-2.0
// Training adapters in place of all weights: the recipe's keys, under TRL's names, and the run.
#pragma once

#include <boost/program_options.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "grove/policy/lora.hpp"

namespace open_rs {

struct LoraKeys {
  bool use_peft = false, use_rslora = false;
  std::size_t lora_r = 16;
  double lora_alpha = 32, lora_dropout = 0;
  std::string lora_target_modules{};

  void add_to(boost::program_options::options_description& options);
  /// Throws grove::Error for values out of range, and for a key that does nothing because use_peft is false.
  void check() const;
  grove::LoraOptions options(std::uint64_t seed) const;
};

/// What makes a checkpoint of adapters, whose tensors are in model.safetensors, a folder that peft loads as well.
std::function<void(std::filesystem::path const&)> adapter_files(grove::LoraOptions options,
                                                                std::filesystem::path model);

struct TrainFlags;
struct Recipe;
struct ExtraReward;

/// As run_recipe, with use_peft.
std::filesystem::path run_lora(TrainFlags const& flags, Recipe const& recipe, std::vector<ExtraReward> const& extras);

}  // namespace open_rs
