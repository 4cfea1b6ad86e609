// SPDX-License-Identifier: Apache-2.0
// A reward of one's own and the whole open_rs command line with it:
//   ./examples/run custom_reward train --model DIR --data FILE.jsonl --recipe exp3 --set reward_funcs=format,my_reward
#include "grove/concepts.hpp"
#include "grove/reward/exact_answer.hpp"
#include "open_rs/open_rs.hpp"

/// A right answer pays, and the more the shorter it is. A reward is any struct with this operator, which many threads
/// call at once; it answers nothing where it cannot judge, as ExactAnswer does where a problem has no gold answer.
struct MyReward {
  std::size_t budget = 512;  // tokens

  std::optional<double> operator()(grove::Problem const& problem, grove::Completion const& completion) const {
    auto const right = grove::ExactAnswer{}(problem, completion);
    if (!right || *right == 0) return right;
    double const used = static_cast<double>(completion.tokens.size()) / static_cast<double>(budget);
    return std::max(0.0, 1.0 - used);
  }
};
static_assert(grove::Reward<MyReward>);  // checked here, where it is written

int main(int argc, char** argv) { return open_rs::main(argc, argv, grove::Named{"my_reward", MyReward{}}); }
