// SPDX-License-Identifier: Apache-2.0
// The original's defects as training meets them: its loss, its two views of a prompt, its data order. Each is a switch
// of a recipe (recipe_original.hpp); without them nothing of this is used.
#pragma once

#include <concepts>
#include <cstddef>
#include <ostream>
#include <string_view>
#include <vector>

#include "grove/any_algorithm.hpp"
#include "grove/io/bf16.hpp"
#include "grove/objective/kl.hpp"
#include "grove/problem.hpp"
#include "grove/rollout/group_sampler.hpp"
#include "grove/rollout/problem_source.hpp"
#include "grove/scalar.hpp"
#include "open_rs/recipe.hpp"

namespace open_rs {

/// k3 in bf16 arithmetic, as TRL 69ad852e computed it from bf16 log-probs: each operation is rounded, so a difference
/// below about 0.06 gives 0 or a multiple of 2^-8 (2^-7 above), of either sign.
struct K3InBf16 {
  static constexpr std::string_view name = "K3InBf16";
  template <std::floating_point T>
  constexpr grove::KlValue<T> operator()(T delta) const {
    float const toward = rounded(static_cast<float>(-delta));
    float const ratio = rounded(static_cast<float>(grove::exponential(static_cast<double>(toward))));
    float const value = rounded(rounded(ratio - toward) - 1.0F);
    return {static_cast<T>(value), static_cast<T>(rounded(1.0F - ratio))};
  }

 private:
  static constexpr float rounded(float x) { return grove::io::bf16_to_f32(grove::io::f32_to_bf16(x)); }
};

/// Whether the recipe's loss is the original's: token means of single micro-batches, or bf16 arithmetic.
bool has_original_loss(Recipe const& recipe);

/// The loss of such a recipe.
grove::AnyAlgorithm original_loss(Recipe const& recipe);

/// Of so many processes those that train; the others only sample.
std::size_t training_ranks(Recipe const& recipe, std::size_t processes);

/// Throws grove::Error where the mean of each rank's micro-batch would be taken over other micro-batches than the
/// recipe means: on another number of training ranks, or by an algorithm of one's own (`algorithm` is not empty).
void check_loss_scope(Recipe const& recipe, std::size_t training_ranks, std::string_view algorithm);

/// The problems whose prompts are not too long, in their order; what is dropped is counted on `log`. Throws
/// grove::Error for a model without a chat template, and for a prompt that is too long where the recipe says so.
std::vector<grove::Problem> within_limit(std::vector<grove::Problem> problems, grove::PromptFormat const& format,
                                         Recipe const& recipe, std::ostream& log);

/// The problems in the recipe's order.
grove::ProblemSource in_order(std::vector<grove::Problem> problems, Recipe const& recipe);

/// How the sampler's prompts differ from the trainer's.
grove::PromptViews prompt_views(Recipe const& recipe);

}  // namespace open_rs
