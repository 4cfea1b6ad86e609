// SPDX-License-Identifier: Apache-2.0
// --profile and --trace: what a run tells of its speed and memory.
#pragma once

#include <memory>

#include "grove/io/model_config.hpp"
#include "grove/profile/profile.hpp"
#include "grove/train_options.hpp"

namespace open_rs {

struct TrainFlags;
struct Recipe;

/// The run's profile, or none where nobody asked for one. On the CPU it measures what the machine can do, which takes a
/// quarter of a second.
std::unique_ptr<grove::Profile> profile_of(TrainFlags const& flags, Recipe const& recipe,
                                           grove::io::ModelConfig const& model);

/// Lets the trainer's phases reach the profile, and on CUDA the profiler of the device (NVTX).
void attach(grove::Profile& profile, grove::TrainOptions& options);

}  // namespace open_rs
