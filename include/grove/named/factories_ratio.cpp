// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"
#include "grove/erased_algorithm.hpp"
#include "grove/named/factories.hpp"

namespace grove::named {

AnyAlgorithm gspo() { return erase(Gspo{}); }
AnyAlgorithm gspo_token() { return erase(GspoToken{}); }
AnyAlgorithm gmpo() { return erase(Gmpo{}); }
AnyAlgorithm cispo() { return erase(Cispo{}); }
AnyAlgorithm sapo() { return erase(Sapo{}); }
AnyAlgorithm vespo() { return erase(Vespo{}); }
AnyAlgorithm luspo() { return erase(Luspo{}); }

}  // namespace grove::named
