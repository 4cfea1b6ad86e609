// expect: grove::Algorithm: the first argument is no advantage estimator; it needs `needs`, `needs_groups`, `describe()` and `operator()(EstimatorInput<T>, EstimatorOutput<T>)`.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"

grove::Algorithm<grove::Clip, grove::Grpo::objective_type> algorithm;
