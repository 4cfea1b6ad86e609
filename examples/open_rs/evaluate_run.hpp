// SPDX-License-Identifier: Apache-2.0
// open_rs evaluate: a model's completions of test problems, in a run folder that a later call goes on with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "grove/dist/share.hpp"
#include "grove/io/json.hpp"
#include "grove/nn/cpu/generation_options.hpp"
#include "grove/policy/causal_lm.hpp"
#include "grove/rollout/prompt_format.hpp"
#include "open_rs/command_line.hpp"
#include "open_rs/evaluate_samples.hpp"

namespace open_rs {

struct SamplingPlan {
  ModelFlags model{};
  double temperature = 0.6, top_p = 0.95;
  std::size_t max_tokens = 32768, n = 1;
  std::uint64_t seed = 0;
  std::string prompt = "open-rs";  ///< open-rs, problem, or a text with {problem} in it
  std::string system{};
};

/// The user's turn: the original's task prompt around the problem, the problem alone, or a text of one's own.
std::string user_turn(std::string const& prompt, std::string const& problem);

/// Which completions of a set are wanted, and who receives them.
struct SampleRequest {
  grove::Share share{};  ///< of the problems: each rank has every size-th
  /// Whether completion `index` of a problem is there already; empty: none is.
  std::function<bool(std::size_t problem, std::size_t index)> known{};
  std::function<void(std::size_t problem, grove::nn::cpu::GeneratedCompletion&&)> take{};
};

/// Samples a set's problems `plan.n` times each. A completion depends on its problem, its number, the seed and the plan
/// alone; its random numbers are an evaluation's own, so that sampling here changes nothing elsewhere.
void sample_problems(grove::AnyCausalLm& policy, grove::PromptFormat const& format, SamplingPlan const& plan,
                     grove::data::EvaluationSet const& set, SampleRequest const& request);

/// Throws grove::Error for a problem whose prompt leaves the model of the plan no room in its context.
void require_prompts_fit(SamplingPlan const& plan, grove::data::EvaluationSet const& set,
                         grove::PromptFormat const& format);

/// What decides a completion, as it is kept in the run folder: another plan there is an error.
grove::io::Json fingerprint(SamplingPlan const& plan);

/// Writes or compares `folder`/options.json. Where the folder holds no completion yet, nothing binds it.
void claim_folder(std::filesystem::path const& folder, grove::io::Json const& wanted);

/// Samples into a run folder what it lacks of this rank's share of the sets' completions. Neither order nor
/// interruption nor the number of ranks changes one. Throws grove::Error, before it samples, for a prompt that does not
/// fit the model, and for completions of a problem that goes by the same id and reads otherwise now.
void sample_into(std::filesystem::path const& folder, SamplingPlan const& plan, std::vector<JudgedSet> const& sets,
                 grove::Share share);

/// Takes the completions out of a run folder. Throws grove::Error where some are missing.
void collect_samples(std::filesystem::path const& folder, SamplingPlan const& plan, std::vector<JudgedSet>& sets);

}  // namespace open_rs
