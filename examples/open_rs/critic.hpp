// SPDX-License-Identifier: Apache-2.0
// The policy that an algorithm chosen at run time wants: the model alone, or with a critic.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "grove/any_algorithm.hpp"
#include "grove/error.hpp"
#include "grove/policy/causal_lm.hpp"
#include "grove/policy/separate_critic.hpp"
#include "grove/policy/value_head.hpp"

namespace open_rs {

struct CriticChoice {
  std::string kind = "shared";  ///< shared: a head on the policy; separate: a model of its own
  double rate = 1;              ///< learning rate of head or model, times the policy's
  bool given = false;           ///< whether a user asked for one of the two
};

/// Throws Error where a critic was asked for and none is trained.
inline void refuse_critic(CriticChoice const& choice) {
  if (choice.given)
    throw grove::Error("critic", "does nothing in this algorithm, which has none", "ppo, vc_ppo or vapo");
}

inline bool has_critic(grove::AnyAlgorithm const& algorithm) {
  using grove::Column;
  return algorithm.advantage.needs.contains(Column::Value) || algorithm.objective.wanted().contains(Column::Value);
}

/// Calls f(policy): the model itself, or with a critic where the algorithm reads values. A value head that `folder`
/// holds (for a separate critic, in its folder `critic`, whose model is read, too) goes on learning.
template <class F>
auto with_critic(grove::AnyCausalLm model, std::filesystem::path const& folder, grove::AnyAlgorithm const& algorithm,
                 CriticChoice const& choice, F&& f) {
  if (choice.kind != "shared" && choice.kind != "separate")
    throw grove::Error("critic", "is '" + choice.kind + "'", "shared or separate");
  if (!has_critic(algorithm)) {
    refuse_critic(choice);
    return f(std::move(model));
  }
  if (choice.kind == "shared") {
    grove::WithValueHead policy(std::move(model), {.rate = choice.rate});
    policy.head().load(folder);
    return f(std::move(policy));
  }
  auto const of_critic = folder / "critic";
  if (!std::filesystem::exists(of_critic)) return f(grove::SeparateCritic(std::move(model), {.rate = choice.rate}));
  grove::WithValueHead critic(grove::AnyCausalLm::load(of_critic, model.options()));
  critic.head().load(of_critic);
  return f(grove::SeparateCritic(std::move(model), std::move(critic), {.rate = choice.rate}));
}

}  // namespace open_rs
