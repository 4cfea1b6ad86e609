// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"
#include "grove/erased_algorithm.hpp"
#include "grove/named/factories.hpp"

namespace grove::named {

AnyAlgorithm opo() { return erase(Opo{}); }
AnyAlgorithm otb() { return erase(Otb{}); }
AnyAlgorithm gpg() { return erase(Gpg{}); }
AnyAlgorithm pass_at_k() { return erase(PassAtK{}); }
AnyAlgorithm clip_cov() { return erase(ClipCov{}); }
AnyAlgorithm kl_cov() { return erase(KlCov{}); }
AnyAlgorithm dppo() { return erase(Dppo{}); }

}  // namespace grove::named
