// SPDX-License-Identifier: Apache-2.0
// open_rs plan --cpu: what a step of a recipe holds in memory on the CPU engine.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "grove/io/json.hpp"
#include "grove/plan/cpu_memory.hpp"
#include "open_rs/recipe.hpp"

namespace open_rs {

struct CpuPlanFlags {
  std::string model{};        ///< folder with a config.json; empty: the original's sizes
  std::string dtype = "f32";  ///< of the parameters: f32 or bf16
  std::size_t threads = 0;    ///< 0: all cores
  double prompt_length = 200, longest_length = 0;
  double kv_cache_bytes = 0;  ///< 0: no bound
  double memory = 0;          ///< bytes; 0: this machine's
};

struct CpuPlan {
  std::vector<grove::plan::Phase> phases{};
  double memory = 0;  ///< bytes that there are

  double peak() const;
  /// A tenth is left to what is no part of the plan.
  bool fits() const { return peak() <= 0.9 * memory; }
};

/// One process, every prompt and completion as long as the flags say.
grove::plan::CpuWorkload cpu_workload(Recipe const& recipe, grove::plan::ModelShape const& shape,
                                      CpuPlanFlags const& flags);
CpuPlan cpu_plan(Recipe const& recipe, CpuPlanFlags const& flags);

grove::io::Json plan_json(CpuPlan const& plan);
void print_cpu_plan(CpuPlan const& plan, Recipe const& recipe, std::string const& name, CpuPlanFlags const& flags);

/// Adapters of the projections that are named, or all seven of a layer where one name is all-linear.
std::size_t adapter_parameters(grove::plan::ModelShape const& shape, grove::LoraOptions const& options);

}  // namespace open_rs
