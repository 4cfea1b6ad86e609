// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"
#include "grove/erased_algorithm.hpp"
#include "grove/named/factories.hpp"

namespace grove::named {

AnyAlgorithm rloo() { return erase(Rloo{}); }
AnyAlgorithm reinforce_plus_plus() { return erase(ReinforcePlusPlus{}); }
AnyAlgorithm reinforce_plus_plus_baseline() { return erase(ReinforcePlusPlusBaseline{}); }
AnyAlgorithm re_max() { return erase(ReMax{}); }
AnyAlgorithm ppo() { return erase(Ppo{}); }
AnyAlgorithm vc_ppo() { return erase(VcPpo{}); }
AnyAlgorithm vapo() { return erase(Vapo{}); }

}  // namespace grove::named
