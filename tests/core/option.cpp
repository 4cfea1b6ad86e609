// SPDX-License-Identifier: Apache-2.0
#include "grove/option.hpp"

#include <cmath>
#include <string>

#include "grove/advantage/beta_normalized.hpp"
#include "grove/objective/clip.hpp"
#include "grove/objective/covariance.hpp"
#include "grove/objective/entropy.hpp"
#include "grove/objective/rollout_correction.hpp"
#include "grove/objective/value_loss.hpp"
#include "support/catch.hpp"

namespace {

template <class P>
std::string problem_of(P const& piece) {
  try {
    grove::check_options(piece);
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a number outside its range is refused with the range") {
  CHECK(problem_of(grove::Clip{}).empty());
  CHECK(problem_of(grove::Clip{.low = -0.5}) == "option epsilon: is -0.500000; expected at least 0");
  CHECK(problem_of(grove::Clip{.low = NAN}).starts_with("option epsilon: is "));
  CHECK(problem_of(grove::TwoSided<>{.delta = 1}) == "option delta: is 1.000000; expected greater than 1");
}

TEST_CASE("a number below the option that is its floor is refused with both names") {
  CHECK(problem_of(grove::TwoSided<>{.delta = 1.25}).empty());
  CHECK(problem_of(grove::TwoSided<>{.delta = 1.1}) ==
        "option delta: is 1.100000; expected greater than 1 + epsilon, which is 1.2");
  CHECK(problem_of(grove::TwoSided<>{.inner = {.low = 0.5, .high = 0.1}, .delta = 1.5}) ==
        "option delta: is 1.500000; expected greater than 1 + epsilon, which is 1.5");
  CHECK(problem_of(grove::RandomHighCovariance{.low = 5, .high = 5}) ==
        "option clip_cov_ub: is 5.000000; expected greater than clip_cov_lb, which is 5");
  CHECK(problem_of(grove::AdaptiveEntropy{.min = 2}) ==
        "option entropy_coef_max: is 1.000000; expected at least entropy_coef_min, which is 2");
  CHECK(problem_of(grove::IcePop{.low = 2, .high = 2}).empty());
  std::string const bounds =
      "option vllm_importance_sampling_clip_max: is 2.000000; expected at least vllm_importance_sampling_clip_min, "
      "which is 2.5";
  CHECK(problem_of(grove::TruncatedImportance{.low = 2.5, .high = 2}) == bounds);
  CHECK(problem_of(grove::IcePop{.low = 2.5, .high = 2}) == bounds);
  CHECK(problem_of(grove::SequenceTruncatedImportance{{}, 2.5, 2}) == bounds);
  CHECK(problem_of(grove::SequenceMask{{}, 2.5, 2}) == bounds);
  CHECK(problem_of(grove::GeometricMask{{}, 2.5, 2}) == bounds);
}

TEST_CASE("infinity takes a bound away, and is no coefficient") {
  CHECK(problem_of(grove::Clip{.low = HUGE_VAL, .high = HUGE_VAL}).empty());
  CHECK(problem_of(grove::TwoSided<>{.delta = HUGE_VAL}).empty());
  CHECK(problem_of(grove::OffPolicySequenceMask{}).empty());
  CHECK(problem_of(grove::ValueLoss<>{.clip = HUGE_VAL}).empty());
  CHECK(problem_of(grove::ValueLoss<>{.coefficient = HUGE_VAL}) ==
        "option vf_coef: is inf; expected finite and at least 0");
  CHECK(problem_of(grove::ValueLoss<>{.coefficient = -HUGE_VAL}) == "option vf_coef: is -inf; expected at least 0");
  CHECK(problem_of(grove::BetaNormalized{.min_reward = -HUGE_VAL}) ==
        "option min_reward: is -inf; expected a finite number");
}
