// expect: grove::PolicyGradient: VespoWeight holds the sequence's rollout correction inside; a second one would count it twice.
// SPDX-License-Identifier: Apache-2.0
#include "grove/algorithms.hpp"
#include "grove/objective/rollout_correction.hpp"

grove::PolicyGradient<grove::VespoWeight, grove::LogProbability, grove::SequenceMask> term;
