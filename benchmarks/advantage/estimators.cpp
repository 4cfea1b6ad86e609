// SPDX-License-Identifier: Apache-2.0
// The library's estimators beside each other (see compare.hpp). An estimator of your own joins with one line in `main`.
// gae_peers.py times the loop of verl and TRL.
#include "compare.hpp"
#include "grove/advantage/decoupled_gae.hpp"
#include "grove/advantage/gae.hpp"
#include "grove/advantage/group_relative.hpp"
#include "grove/advantage/leave_one_out.hpp"
#include "grove/advantage/length_adaptive_gae.hpp"
#include "grove/advantage/optimal_token_baseline.hpp"
#include "grove/advantage/whitened_group_relative.hpp"
#include "grove/advantage/whitened_return.hpp"

int main(int argc, char** argv) {
  using grove_benchmark::compare;
  compare("Gae", grove::Gae{.gamma = 0.99, .whiten = false});
  compare("Gae, one thread", grove::Gae{.gamma = 0.99, .whiten = false, .threads = 1});
  compare("Gae, whitened", grove::Gae{.gamma = 0.99});
  compare("DecoupledGae", grove::DecoupledGae{.whiten = false});
  compare("LengthAdaptiveGae", grove::LengthAdaptiveGae{.whiten = false});
  compare("WhitenedReturn", grove::WhitenedReturn{});
  compare("WhitenedGroupRelative", grove::WhitenedGroupRelative{});
  compare("GroupRelative", grove::GroupRelative<>{});
  compare("LeaveOneOut", grove::LeaveOneOut{});
  compare("OptimalTokenBaseline", grove::OptimalTokenBaseline{});
  return grove_benchmark::run(argc, argv);
}
