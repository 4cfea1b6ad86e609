// SPDX-License-Identifier: Apache-2.0
// One function an alias; several files, so that they compile side by side.
#pragma once

#include "grove/any_algorithm.hpp"

namespace grove::named {

AnyAlgorithm grpo();
AnyAlgorithm grpo_token_mean();
AnyAlgorithm dr_grpo();
AnyAlgorithm dapo();
AnyAlgorithm rloo();
AnyAlgorithm reinforce_plus_plus();
AnyAlgorithm reinforce_plus_plus_baseline();
AnyAlgorithm re_max();
AnyAlgorithm ppo();
AnyAlgorithm vc_ppo();
AnyAlgorithm vapo();
AnyAlgorithm gspo();
AnyAlgorithm gspo_token();
AnyAlgorithm gmpo();
AnyAlgorithm cispo();
AnyAlgorithm sapo();
AnyAlgorithm vespo();
AnyAlgorithm luspo();
AnyAlgorithm opo();
AnyAlgorithm otb();
AnyAlgorithm gpg();
AnyAlgorithm pass_at_k();
AnyAlgorithm clip_cov();
AnyAlgorithm kl_cov();
AnyAlgorithm dppo();
AnyAlgorithm lite_ppo();
AnyAlgorithm gdpo();
AnyAlgorithm max_rl();
AnyAlgorithm bnpo_paper();
AnyAlgorithm trl_bnpo();

}  // namespace grove::named
