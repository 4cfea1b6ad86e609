// expect: grove::Algorithm: the second argument is no objective; use Terms<Aggregate, Term...>, for example Terms<SequenceMean<Window>, PolicyGradient<TokenRatio, Clip>>.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"

grove::Algorithm<grove::GroupRelative<>, grove::PolicyGradient<>> algorithm;
