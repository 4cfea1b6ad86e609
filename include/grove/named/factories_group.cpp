// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"
#include "grove/erased_algorithm.hpp"
#include "grove/named/factories.hpp"

namespace grove::named {

AnyAlgorithm grpo() { return erase(Grpo{}); }
AnyAlgorithm grpo_token_mean() { return erase(GrpoTokenMean{}); }
AnyAlgorithm dr_grpo() { return erase(DrGrpo{}); }
AnyAlgorithm dapo() { return erase(Dapo{}); }
AnyAlgorithm lite_ppo() { return erase(LitePpo{}); }
AnyAlgorithm gdpo() { return erase(Gdpo{}); }
AnyAlgorithm max_rl() { return erase(MaxRl{}); }
AnyAlgorithm bnpo_paper() { return erase(BnpoPaper{}); }
AnyAlgorithm trl_bnpo() { return erase(TrlBnpo{}); }

}  // namespace grove::named
