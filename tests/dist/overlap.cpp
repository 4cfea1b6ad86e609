// SPDX-License-Identifier: Apache-2.0
// Gradients go to the other ranks while the backward pass goes on.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "dist/ranks.hpp"
#include "dist/replayed.hpp"
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

}  // namespace

TEST_CASE("all buckets but the embedding's leave while the backward pass goes on") {
  TemporaryFolder const folder("overlap");
  test::record(folder.path, 1, 4);
  std::vector<Begun> begun(2);
  std::vector<std::size_t> micro_batches(2);
  auto const embedding = tiny::policy().parameters()[0].size;
  auto const errors = test::on_ranks(2, std::chrono::seconds(60), [&](ProcessGroup& group) {
    auto& mine = begun[group.rank()];
    TrainOptions options{.old_log_probs = OldLogProbs::Current,
                         .sharding = {.level = Zero::Gradients, .bucket = embedding},
                         .ratio_check = {.max_difference = HUGE_VAL}};
    options.on_span = [&](std::string_view name, bool begins) {
      if (name == "micro-batch") mine.in_pass = begins;
    };
    Trainer trainer(GrpoTokenMean{}, tiny::policy(), Replay(folder.path, {group.rank(), group.size()}),
                    test::Recorded{}, options, TokenBudget{20}, Watched(group, mine));
    trainer.step();
    micro_batches[group.rank()] = trainer.last().plan[0].size();
  });
  REQUIRE(test::all_went_well(errors));
  for (std::size_t r = 0; r < 2; ++r) {
    CHECK(micro_batches[r] > 0);
    CHECK(begun[r].behind > micro_batches[r]);
    // The embedding's, and every bucket of a micro-batch that only the other rank has.
    auto const buckets = begun[r].behind / micro_batches[r] + 1;
    auto const most = std::max(micro_batches[0], micro_batches[1]);
    CHECK(begun[r].behind + begun[r].after == buckets * most);
    CHECK(begun[r].after == micro_batches[r] + buckets * (most - micro_batches[r]));
  }
}
