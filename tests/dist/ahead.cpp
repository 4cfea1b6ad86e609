// SPDX-License-Identifier: Apache-2.0
// Sampling one step ahead of training on ranks of its own: which weights sampled what, and what is refused.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dist/replayed.hpp"
#include "grove/checkpoint/checkpoint.hpp"
#include "grove/error.hpp"
#include "grove/objective/divergence_mask.hpp"
#include "grove/objective/rollout_correction.hpp"
#include "grove/policy/lora.hpp"
#include "grove/rollout/any_token_rollout.hpp"
#include "grove/staleness.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace grove;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

template <class... Corrections>
using Corrected =
    Algorithm<GroupRelative<>, Terms<TokenMean<Window>, PolicyGradient<TokenRatio, Clip, Corrections...>>>;

constexpr std::size_t problems = 4, group_size = 3;

GroupSamplerOptions sampling(Share share = {}) {
  return {.problems = problems, .group = group_size, .max_tokens = 10, .seed = 9, .share = share};
}

TrainOptions options(std::size_t staleness = 1, std::size_t epochs = 1) {
  return {.schedule = {.peak = 1e-3}, .epochs = epochs, .ratio_check = {.staleness = staleness}};
}

/// Samples in this process with the weights that the policy had `lag` collections ago.
template <class P>
class Lagging {
 public:
  Lagging(GroupSampler sampler, std::size_t lag) : sampler_(std::move(sampler)), lag_(lag) {}

  TokenTrajectories collect(P& policy) {
    seen_.push_back(policy.clone());
    return sampler_.collect(seen_[seen_.size() - 1 - std::min(lag_, seen_.size() - 1)]);
  }
  std::size_t group_size() const { return sampler_.group_size(); }
  void state(State&) {}

 private:
  GroupSampler sampler_;
  std::size_t lag_;
  std::vector<P> seen_;
};

struct Ahead {
  test::Tensors values{};
  std::vector<std::uint64_t> behind{};  ///< versions between sampling and the beginning of each step's updates
};

struct Job {
  std::size_t ranks = 2, samplers = 1, steps = 5;
  TrainOptions options = ::options();
  fs::path from{};
  std::optional<CheckpointOptions> save{};
  fs::path record{};
};

/// The whole model, and adapters on it; other seeds are other values of what is trained.
AnyCausalLm whole(std::uint64_t seed) { return tiny::policy({.threads = 1}, seed); }
Lora<AnyCausalLm> adapted(std::uint64_t seed) {
  return Lora(tiny::policy(), {.rank = 3, .alpha = 6, .targets = {"all-linear"}, .seed = seed});
}

/// What a sampling rank and one that trains do.
template <class A, class M>
void part(A algorithm, Job const& job, ProcessGroup const& group, Ahead& out, M const& model) {
  auto const split = std::make_shared<Split>(group, Placement{.samplers = job.samplers, .one_step_ahead = true});
  if (split->samples()) {
    auto policy = model(99);  // other weights: those that count come from rank 0
    AnyTokenRollout rollout = tiny::sampler(sampling(split->share()));
    rollout.check_by({RatioCheck{}, 1.0F});
    return split->serve(policy, [&](AnyCausalLm& model, std::uint64_t collection) {
      rollout.set_collections(collection);
      return rollout.collect(model);
    });
  }
  Trainer trainer(std::move(algorithm), model(5), AnyTokenRollout(RemoteSampler(split, group_size)), tiny::EvenTokens{},
                  job.options, TokenBudget{20}, split->trainers());
  if (!job.from.empty()) resume(trainer, job.from);
  std::uint64_t before = trainer.policy().version();
  auto const watch = [&](auto& t, StepReport const& report) {
    auto const versions = t.last().trajectories.policy_versions();
    if (!versions.empty()) out.behind.push_back(before - versions[0]);
    for (auto const version : versions) CHECK(version == versions[0]);
    bool const earlier = !versions.empty() && versions[0] != before;
    CHECK(report.metrics.find("sampling/earlier_tokens").value() ==
          (earlier ? static_cast<double>(versions.size()) : 0.0));
    CHECK(report.metrics.find("sampling/stale_tokens").value() == 0);
    before = t.policy().version();
    if (!job.record.empty()) Recorder{job.record}(t, report);
  };
  if (job.save)
    trainer.run(job.steps, watch, Checkpoint(*job.save));
  else
    trainer.run(job.steps, watch);
  out.values = test::tensors(trainer.policy().parameters(), false);
  split->stop();
}

template <class A, class M = decltype(&whole)>
std::vector<Ahead> run(A const& algorithm, Job const& job, M const& model = &whole) {
  std::vector<Ahead> out(job.ranks);
  auto const errors =
      test::on_ranks(job.ranks, 60s, [&](ProcessGroup& g) { part(algorithm, job, g, out[g.rank()], model); });
  for (auto const& error : errors) {
    INFO(error);
    REQUIRE(error.empty());
  }
  return out;
}

template <class A, class M = decltype(&whole)>
test::Tensors lagging(A algorithm, TrainOptions options, std::size_t steps, std::size_t lag = 1,
                      M const& model = &whole) {
  using P = decltype(model(5));
  Trainer trainer(std::move(algorithm), model(5), Lagging<P>(tiny::sampler(sampling()), lag), tiny::EvenTokens{},
                  std::move(options), TokenBudget{20});
  trainer.run(steps);
  return test::tensors(trainer.policy().parameters(), false);
}

}  // namespace

TEST_CASE("ranks sample one step ahead by the weights before, bit for bit as a lagging sampler does") {
  Corrected<TruncatedImportance> const algorithm;
  auto const one = run(algorithm, {});
  CHECK(one[0].behind == std::vector<std::uint64_t>{0, 1, 1, 1, 1});
  CHECK(one[0].values == lagging(algorithm, options(), 5));
  CHECK(one[0].values != lagging(algorithm, options(), 5, 0));
  CHECK(run(algorithm, {})[0].values == one[0].values);
  CHECK(run(algorithm, {.ranks = 3, .samplers = 2})[0].values == one[0].values);
  auto const two = run(algorithm, {.ranks = 3});
  CHECK(two[0].values == two[1].values);
  CHECK(two[0].behind == one[0].behind);
  CHECK(run(algorithm, {.ranks = 3})[1].values == two[1].values);
}

TEST_CASE("a recording of a run one step ahead is played back bit for bit, where that staleness is declared") {
  Corrected<TruncatedImportance> const algorithm;
  TemporaryFolder const folder("recorded");
  auto const out = run(algorithm, {.record = folder.path});
  auto const replay = [&](TrainOptions options) {
    Trainer trainer(algorithm, tiny::policy(), Replay(folder.path), test::Recorded{}, std::move(options),
                    TokenBudget{20});
    std::vector<double> earlier;
    trainer.run(5, [&](auto&, StepReport const& report) {
      earlier.push_back(report.metrics.find("sampling/earlier_tokens").value_or(-1));
    });
    CHECK(earlier[0] == 0);
    CHECK(earlier[4] > 0);
    return test::tensors(trainer.policy().parameters(), false);
  };
  CHECK(replay(options()) == out[0].values);
  CHECK_THROWS_AS(replay(options(0)), RatioAlarm);
}

TEST_CASE("with two updates a step, weights one step behind are two versions behind") {
  auto const job = Job{.options = options(1, 2)};
  auto const out = run(Corrected<IcePop>{}, job);
  CHECK(out[0].behind == std::vector<std::uint64_t>{0, 2, 2, 2, 2});
  CHECK(out[0].values == lagging(Corrected<IcePop>{}, options(1, 2), 5));
}

TEST_CASE("the ratio to the sampler's log-probs is a correction, too, also under a filter") {
  auto with_ratio = options();
  with_ratio.old_log_probs = OldLogProbs::Sampled;
  CHECK(run(GrpoTokenMean{}, {.options = with_ratio})[0].values == lagging(GrpoTokenMean{}, with_ratio, 5));
  // A filter collects more than once a step: what was sampled in this step is of this step's weights.
  auto const filtered = [&](std::size_t ranks) {
    std::vector<test::Tensors> values(ranks);
    auto const errors = test::on_ranks(ranks, 60s, [&](ProcessGroup& group) {
      auto const split = std::make_shared<Split>(group, Placement{.samplers = 1, .one_step_ahead = true});
      if (split->samples()) {
        auto policy = tiny::policy();
        auto sampler = tiny::sampler(sampling());
        return split->serve(policy, [&](AnyCausalLm& model, std::uint64_t collection) {
          sampler.set_collections(collection);
          return sampler.collect(model);
        });
      }
      Trainer trainer(Dapo{}, tiny::policy(), RemoteSampler(split, group_size), tiny::EvenTokens{}, with_ratio,
                      TokenBudget{20}, split->trainers());
      trainer.run(4);
      values[group.rank()] = test::tensors(trainer.policy().parameters(), false);
      split->stop();
    });
    INFO(errors[0]);
    REQUIRE(test::all_went_well(errors));
    return values;
  };
  auto const first = filtered(3);
  CHECK(first[0] == first[1]);
  CHECK(filtered(3)[1] == first[0]);
}

TEST_CASE("a run ahead goes on from a checkpoint with what was under way") {
  Corrected<SequenceMask> const algorithm;
  for (auto const zero : {Zero::Nothing, Zero::Gradients}) {
    TemporaryFolder const folder("ahead");
    auto with_shards = options();
    with_shards.sharding = {.level = zero, .bucket = 1000};
    Job job{.ranks = 3, .steps = 6, .options = with_shards};
    auto const whole = run(algorithm, job);
    job.save = CheckpointOptions{.folder = folder.path, .every = 2, .keep = {.last = 9}};
    CHECK(run(algorithm, job)[0].values == whole[0].values);  // writing one changes nothing
    job.save.reset();
    for (std::uint64_t const step : {2, 4, 6}) {
      job.from = checkpoint_path(folder.path, step);
      job.steps = 6 - step;
      auto const rest = run(algorithm, job);
      CHECK(rest[0].values == whole[0].values);
      CHECK(rest[0].behind == std::vector<std::uint64_t>(6 - step, 1));
    }
  }
}

TEST_CASE("adapters are sampled with one step ahead, and go on from a checkpoint with what was under way") {
  Corrected<TruncatedImportance> const algorithm;
  auto const with = [](Zero zero) {
    auto o = options();
    o.schedule.peak = 0.02;
    o.sharding = {.level = zero, .bucket = 100};
    return o;
  };
  for (auto const zero : {Zero::Nothing, Zero::Gradients}) {
    TemporaryFolder const folder("adapters");
    Job job{.steps = 6, .options = with(zero)};
    CHECK(run(algorithm, job, &adapted)[0].values == lagging(algorithm, job.options, job.steps, 1, &adapted));
    job.ranks = 4;
    job.samplers = 2;
    auto const whole_run = run(algorithm, job, &adapted);
    CHECK(whole_run[0].behind == std::vector<std::uint64_t>{0, 1, 1, 1, 1, 1});
    job.save = CheckpointOptions{.folder = folder.path, .every = 2, .keep = {.last = 9}};
    CHECK(run(algorithm, job, &adapted)[0].values == whole_run[0].values);
    job.save.reset();
    job.from = checkpoint_path(folder.path, 4);
    job.steps = 2;
    auto const rest = run(algorithm, job, &adapted);
    CHECK(rest[0].values == whole_run[0].values);
    CHECK(rest[1].values == whole_run[0].values);
  }
}

TEST_CASE("a state without what is under way is refused, and so is a checkpoint that has none") {
  TemporaryFolder const folder("behind");
  auto const with = [&](bool ahead, auto const& f) {
    auto const errors = test::on_ranks(2, 60s, [&](ProcessGroup& group) {
      auto const split = std::make_shared<Split>(group, Placement{.samplers = 1, .one_step_ahead = ahead});
      if (split->samples()) {
        auto policy = tiny::policy();
        auto sampler = tiny::sampler(sampling());
        return split->serve(policy, [&](AnyCausalLm& model, std::uint64_t) { return sampler.collect(model); });
      }
      Trainer trainer(Corrected<TruncatedImportance>{}, tiny::policy(), RemoteSampler(split, group_size),
                      tiny::EvenTokens{}, options(ahead ? 1 : 0), TokenBudget{20}, split->trainers());
      f(trainer);
      split->stop();
    });
    INFO(errors[0] << errors[1]);
    CHECK(test::all_went_well(errors));
  };
  with(false, [&](auto& trainer) { trainer.run(1, Checkpoint({.folder = folder.path, .every = 1})); });
  with(true, [&](auto& trainer) {
    CHECK_THROWS_AS(resume(trainer, checkpoint_path(folder.path, 1)), Error);
    trainer.step();
    State early, whole;
    CHECK_THROWS_AS(trainer.state(early), Error);
    trainer.rollout().await_ahead();
    CHECK_NOTHROW(trainer.state(whole));
  });
}

TEST_CASE("the alarm knows the staleness that is declared, and rings for more") {
  Corrected<TruncatedImportance> const algorithm;
  CHECK_NOTHROW(lagging(algorithm, options(1), 4, 1));
  CHECK_NOTHROW(lagging(algorithm, options(2), 5, 2));
  CHECK_THROWS_AS(lagging(algorithm, options(0), 4, 1), RatioAlarm);
  CHECK_THROWS_AS(lagging(algorithm, options(1), 4, 2), RatioAlarm);
  CHECK_NOTHROW(lagging(algorithm, options(1), 2, 2));  // the first two steps have nothing older
}

TEST_CASE("a sampler whose log-probs are not its weights' rings where it samples") {
  auto const errors = test::on_ranks(2, 20s, [&](ProcessGroup& group) {
    auto const split = std::make_shared<Split>(group, Placement{.samplers = 1, .one_step_ahead = true});
    if (split->samples()) {
      auto policy = tiny::policy();
      auto const collect = [&](AnyCausalLm& model, std::uint64_t) {
        auto other = sampling();
        other.sampling.temperature = 0.8;
        AnyTokenRollout rollout = tiny::sampler(other);
        rollout.check_by({RatioCheck{}, 1.0F});
        return rollout.collect(model);
      };
      try {
        split->serve(policy, collect);
      } catch (std::exception const& e) {
        group.fail(e.what());
        throw;
      }
      return;
    }
    Trainer trainer(Corrected<TruncatedImportance>{}, tiny::policy(), RemoteSampler(split, group_size),
                    tiny::EvenTokens{}, options(), TokenBudget{20}, split->trainers());
    trainer.run(2);
  });
  CHECK(errors[1].find("sampler and trainer disagree") != std::string::npos);
  CHECK(errors[0].find("rank 1 stopped in phase sample, collection 0") != std::string::npos);
}

TEST_CASE("a composition that does not read the sampler's log-probs takes no older weights") {
  auto const reads = [](auto const& algorithm, OldLogProbs old = OldLogProbs::Auto) {
    return reads_sampler<float>(algorithm.objective, old) && reads_sampler<double>(algorithm.objective, old);
  };
  CHECK(reads(Corrected<TruncatedImportance>{}));
  CHECK(reads(Corrected<IcePop>{}));
  CHECK(reads(Corrected<SequenceMask>{}));
  CHECK(reads(Corrected<SequenceTruncatedImportance>{}));
  CHECK(reads(Corrected<DivergenceMask<>>{}));
  CHECK_FALSE(reads(Corrected<>{}));
  CHECK_FALSE(reads(Corrected<OffPolicySequenceMask>{}));  // off until it has a threshold
  Corrected<OffPolicySequenceMask> masked;
  std::get<OffPolicySequenceMask>(std::get<0>(masked.objective.terms).weights).delta = 0.5;
  CHECK(reads(masked));
  CHECK_FALSE(reads(Corrected<>{}, OldLogProbs::Recomputed));
  CHECK_FALSE(reads(Corrected<>{}, OldLogProbs::Current));
  CHECK(reads(Corrected<>{}, OldLogProbs::Sampled));
  CHECK_FALSE(reads(Opo{}, OldLogProbs::Sampled));  // it has no ratio

  auto const make = [](TrainOptions options) {
    Trainer trainer(GrpoTokenMean{}, tiny::policy(), tiny::sampler(), tiny::EvenTokens{}, std::move(options));
  };
  CHECK_NOTHROW(make({}));
  try {
    make(options());
    FAIL("it was not refused");
  } catch (Error const& e) {
    std::string const text = e.what();
    CHECK(text.find("does not read the sampler's log-probs") != std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
  }
  CHECK_NOTHROW(make({.old_log_probs = OldLogProbs::Sampled, .ratio_check = {.staleness = 1}}));
}
