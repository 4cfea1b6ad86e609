// SPDX-License-Identifier: Apache-2.0
// A checkpoint of a language model with a critic, which several ranks divide: head, second model and version are in it.
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "dist/replayed.hpp"
#include "grove/checkpoint/checkpoint.hpp"
#include "grove/policy/separate_critic.hpp"
#include "grove/policy/value_head.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace grove;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

template <class P>
P with_critic() {
  return P(tiny::policy());
}

/// Four steps, of which the first two are taken from a checkpoint where there is one.
template <class P>
test::Tensors four_steps(ProcessGroup group, fs::path const& run, bool from_checkpoint) {
  Trainer trainer(Ppo{}, with_critic<P>(),
                  tiny::sampler({.problems = 4, .group = 2, .max_tokens = 8, .share = {group.rank(), group.size()}}),
                  tiny::EvenTokens{}, {.schedule = {.peak = 1e-3}, .sharding = {.level = Zero::Optimizer}},
                  TokenBudget{30}, group);
  if (from_checkpoint) resume(trainer, run / "checkpoint-2");
  CHECK(trainer.policy().version() == (from_checkpoint ? 2U : 0U));
  Checkpoint checkpoint({.folder = run, .every = 2});
  if (from_checkpoint)
    trainer.run(2);
  else
    trainer.run(4, checkpoint);
  CHECK(trainer.policy().version() == 4);
  return test::tensors(trainer.policy().parameters(), false);
}

}  // namespace

TEMPLATE_TEST_CASE("a run with a critic goes on bit for bit", "", WithValueHead<AnyCausalLm>,
                   SeparateCritic<AnyCausalLm>) {
  TemporaryFolder const run("critic");
  std::vector<test::Tensors> whole(2), resumed(2);
  auto const first = test::on_ranks(
      2, 60s, [&](ProcessGroup& group) { whole[group.rank()] = four_steps<TestType>(group, run.path, false); });
  auto const second = test::on_ranks(
      2, 60s, [&](ProcessGroup& group) { resumed[group.rank()] = four_steps<TestType>(group, run.path, true); });
  INFO(first[0] << second[0]);
  REQUIRE(test::all_went_well(first));
  REQUIRE(test::all_went_well(second));
  CHECK(whole[0].size() > tiny::policy().parameters().size());
  for (std::size_t r = 0; r < 2; ++r) CHECK(resumed[r] == whole[0]);
}
