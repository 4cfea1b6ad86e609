// SPDX-License-Identifier: Apache-2.0
// Gradients go to the other ranks while the backward pass goes on.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "dist/ranks.hpp"
#include "dist/replayed.hpp"
#include "grove/policy/lora.hpp"
#include "grove/policy/separate_critic.hpp"
#include "grove/policy/value_head.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace grove;

namespace {

/// How many buckets began in a micro-batch's passes, and how many outside of one.
struct Begun {
  bool in_pass = false;
  std::size_t behind = 0, after = 0;
};

/// Ranks that count what begins.
class Watched : public ProcessGroup {
 public:
  Watched(ProcessGroup const& group, Begun& begun) : ProcessGroup(group), begun_(&begun) {}

  std::function<void()> begin_all_to_all(std::span<const std::byte> from, std::span<std::byte> to,
                                         std::shared_ptr<void> const& memory) {
    ++(begun_->in_pass ? begun_->behind : begun_->after);
    return ProcessGroup::begin_all_to_all(from, to, memory);
  }

 private:
  Begun* begun_;
};

/// The policy without telling how far its backward pass has come.
template <class P>
class Silent : public P {
 public:
  using Trajectories = typename P::Trajectories;
  explicit Silent(P policy) : P(std::move(policy)) {}

  template <OutputConsumer<float> F>
  void accumulate(Trajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope, F&& f) {
    P::accumulate(t, sequences, wanted, scope,
                  [&](std::size_t first, TokenOutputs<float> out, TokenGradients<float> d) { f(first, out, d); });
  }
  Silent clone() const { return Silent(P::clone()); }
};

struct Seen {
  Begun begun{};
  std::vector<std::size_t> micro_batches{};  ///< of each step
  test::Tensors values{};
};

/// Two steps of two ranks.
template <class Algorithm, class P>
std::vector<Seen> train(std::filesystem::path const& folder, Algorithm const& algorithm, P const& policy,
                        std::size_t bucket) {
  std::vector<Seen> seen(2);
  auto const errors = test::on_ranks(2, std::chrono::seconds(60), [&](ProcessGroup& group) {
    auto& mine = seen[group.rank()];
    TrainOptions options{.schedule = {.peak = 1e-3},
                         .old_log_probs = OldLogProbs::Current,
                         .sharding = {.level = Zero::Gradients, .bucket = bucket},
                         .ratio_check = {.max_difference = HUGE_VAL}};
    options.on_span = [&](std::string_view name, bool begins) {
      if (name == "micro-batch") mine.begun.in_pass = begins;
    };
    auto trained = policy.clone();
    trained.set_version(0);  // as the recorder's
    Trainer trainer(algorithm, std::move(trained), Replay(folder, {group.rank(), group.size()}), test::Recorded{},
                    options, TokenBudget{20}, Watched(group, mine.begun));
    for (int step = 0; step < 2; ++step) {
      trainer.step();
      mine.micro_batches.push_back(trainer.last().plan[0].size());
    }
    mine.values = test::tensors(trainer.policy().parameters(), false);
  });
  INFO(errors[0] << errors[1]);
  REQUIRE(test::all_went_well(errors));
  return seen;
}

/// In each micro-batch all buckets but the first `late` leave before its pass ends, and the numbers are those of a
/// policy that does not tell.
template <class Algorithm, class P>
void check_overlap(Algorithm const& algorithm, P policy, std::size_t bucket, std::size_t late) {
  TemporaryFolder const folder("overlap");
  test::record(folder.path, 2, 4);
  auto const seen = train(folder.path, algorithm, policy, bucket);
  auto const parameters = policy.parameters();
  auto const buckets = ShardLayout(parameters, 2, bucket).buckets().size();
  REQUIRE(buckets > late + 1);
  for (auto const& rank : seen) {
    std::size_t mine = 0, all = 0;
    for (std::size_t step = 0; step < 2; ++step) {
      mine += rank.micro_batches[step];
      all += std::max(seen[0].micro_batches[step], seen[1].micro_batches[step]);
    }
    CHECK(rank.begun.behind == (buckets - late) * mine);
    CHECK(rank.begun.after == late * mine + buckets * (all - mine));
  }
  auto const silent = train(folder.path, algorithm, Silent<P>(std::move(policy)), bucket);
  CHECK(silent[0].begun.behind == 0);
  CHECK(silent[0].values == seen[0].values);
  CHECK(silent[1].values == seen[1].values);
}

std::size_t embedding() { return tiny::policy().parameters()[0].size; }

}  // namespace

TEST_CASE("all buckets but the embedding's leave while the backward pass goes on") {
  check_overlap(GrpoTokenMean{}, tiny::policy(), embedding(), 1);
}

TEST_CASE("gradients of adapters leave while the backward pass goes on, all of them") {
  check_overlap(GrpoTokenMean{}, Lora(tiny::policy(), {.rank = 4, .targets = {"all-linear"}}), 1000, 0);
}

TEST_CASE("so do those of a trunk that has a value head, but for the embedding's") {
  check_overlap(Ppo{}, WithValueHead(tiny::policy()), embedding(), 1);
}

TEST_CASE("so do those of a policy and of a critic of its own, but for the critic's embedding's") {
  check_overlap(Ppo{}, SeparateCritic(tiny::policy()), embedding(), 1);
}
