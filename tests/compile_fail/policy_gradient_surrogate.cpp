// expect: grove::PolicyGradient: the second argument is no surrogate; use Clip, or give yours `name`, `metric_names` and `operator()(T ratio, Token<T>)` that returns a SurrogateValue.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"

grove::PolicyGradient<grove::TokenRatio, grove::K3> term;
