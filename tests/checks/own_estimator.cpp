// SPDX-License-Identifier: Apache-2.0
// An estimator of one's own in the comparison: what docs/extending.md shows, and benchmarks.sh runs.
#include <concepts>
#include <string>

#include "advantage/compare.hpp"
#include "grove/advantage/gae.hpp"

struct RewardItself {
  static constexpr grove::ColumnSet needs = {};
  static constexpr bool needs_groups = false;
  static std::string describe() { return "RewardItself"; }

  template <std::floating_point T>
  void operator()(grove::EstimatorInput<T> const& in, grove::EstimatorOutput<T> out) const {
    for (std::size_t s = 0; s < in.episodes.sequences(); ++s) out.spread(in.episodes, s, in.total(s));
  }
};

int main(int argc, char** argv) {
  grove_benchmark::compare("Gae", grove::Gae{.whiten = false});
  grove_benchmark::compare("RewardItself", RewardItself{});
  return grove_benchmark::run(argc, argv);
}
