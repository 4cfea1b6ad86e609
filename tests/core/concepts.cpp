// SPDX-License-Identifier: Apache-2.0
// Each concept with models that satisfy it and models that miss one thing.
#include "grove/concepts.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "bandit/bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"
#include "grove/reward/exact_answer.hpp"
#include "grove/solo.hpp"
#include "support/catch.hpp"

using namespace grove;

namespace {

// Trajectories: the packed shape, and what the sampler recorded of each token in the policy's arithmetic.
struct NoVersions : Pulls {
  void policy_versions() const = delete;
};
struct NoEpisodes {
  std::vector<double> rollout_log_probs() const { return {}; }
  std::vector<std::uint64_t> policy_versions() const { return {}; }
};
static_assert(TrajectoriesOf<Pulls, double>);
static_assert(!TrajectoriesOf<Pulls, float>, "log-probs are of another type");
static_assert(!TrajectoriesOf<NoVersions, double>);
static_assert(!TrajectoriesOf<NoEpisodes, double>);
static_assert(!TrajectoriesOf<int, double>);

// OutputConsumer
static_assert(OutputConsumer<decltype([](std::size_t, TokenOutputs<float>, TokenGradients<float>) {}), float>);
static_assert(!OutputConsumer<decltype([](std::size_t, TokenOutputs<float>, TokenGradients<float>) {}), double>);
static_assert(!OutputConsumer<decltype([](std::size_t, TokenOutputs<float>) {}), float>);

// Policy
struct CallsItProvided : SoftmaxBandit {
  using SoftmaxBandit::SoftmaxBandit;
  static constexpr ColumnSet provides = Column::LogProb;
};
struct NoReal : SoftmaxBandit {
  using Real = int;
};
struct OtherReal : SoftmaxBandit {
  using Real = float;
};
struct ProvidesText : SoftmaxBandit {
  static constexpr char const* provides = "log-probs";
};
struct ScoreChangesIt : SoftmaxBandit {
  void score(Pulls const&, Sequences, ColumnSet, TokenOutputs<double>) {}
};
struct NoAccumulate : SoftmaxBandit {
  void accumulate() = delete;
};
struct AccumulateWithoutScope : SoftmaxBandit {
  template <OutputConsumer<double> F>
  void accumulate(Pulls const&, Sequences, ColumnSet, F&&) {}
};
struct NoParameters : SoftmaxBandit {
  int parameters() { return 0; }
};
struct NoVersion : SoftmaxBandit {
  void version() const = delete;
};
struct NoCommit : SoftmaxBandit {
  void commit() = delete;
};
/// A model that cannot be copied is one all the same: a network on a device, say.
struct MoveOnly : SoftmaxBandit {
  using SoftmaxBandit::SoftmaxBandit;
  std::unique_ptr<int> handle;
};
static_assert(Policy<SoftmaxBandit> && Policy<CallsItProvided> && Policy<MoveOnly>);
static_assert(!Policy<NoReal> && !Policy<OtherReal> && !Policy<ProvidesText> && !Policy<ScoreChangesIt>);
static_assert(!Policy<NoAccumulate> && !Policy<AccumulateWithoutScope> && !Policy<NoParameters>);
static_assert(!Policy<NoVersion> && !Policy<NoCommit> && !Policy<Pulls> && !Policy<int>);

// Rollout
struct ConstPolicy {
  Pulls collect(SoftmaxBandit const&) { return {}; }
};
struct CollectsNothing {
  void collect(SoftmaxBandit&) {}
};
static_assert(Rollout<PullArms, SoftmaxBandit> && Rollout<ConstPolicy, SoftmaxBandit>);
static_assert(!Rollout<CollectsNothing, SoftmaxBandit> && !Rollout<PullArms, Pulls>);

// Reward: a number, or none to decline
template <class Score>
struct Scores {
  Score operator()(Problem const&, Completion const&) const { return {}; }
};
struct NotConst {
  double operator()(Problem const&, Completion const&) { return 0; }
};
struct OfCompletion {
  double operator()(Completion const&) const { return 0; }
};
struct ChangesTheProblem {
  double operator()(Problem&, Completion const&) const { return 0; }
};
static_assert(Reward<ExactAnswer> && Reward<Scores<double>> && Reward<Scores<float>> && Reward<Scores<int>>);
static_assert(Reward<Scores<bool>> && Reward<Scores<std::optional<double>>> && Reward<Scores<std::optional<float>>>);
static_assert(!Reward<Scores<std::string>> && !Reward<Scores<void*>> && !Reward<NotConst> && !Reward<OfCompletion>);
static_assert(!Reward<ChangesTheProblem> && !Reward<EnvironmentReward> && !Reward<int>);

// BatchReward
struct Evaluates {
  RewardMatrix evaluate(Pulls const&) const { return {}; }
};
struct EvaluatesToNumbers {
  std::vector<double> evaluate(Pulls const&) const { return {}; }
};
static_assert(BatchReward<EnvironmentReward, Pulls> && BatchReward<Evaluates, Pulls>);
static_assert(!BatchReward<EvaluatesToNumbers, Pulls> && !BatchReward<ExactAnswer, Pulls>);

// AdvantageEstimator
struct RewardItself {
  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = false;
  static std::string describe() { return "RewardItself"; }
  template <class T>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out) const {
    for (std::size_t s = 0; s < in.episodes.sequences(); ++s)
      for (auto t = in.episodes.cu_seqlens[s]; t < in.episodes.cu_seqlens[s + 1]; ++t) out.advantage[t] = in.reward[s];
  }
};
struct Anonymous : RewardItself {
  static int describe() { return 0; }
};
struct SaysNotWhatItNeeds {
  static constexpr bool needs_groups = false;
  static std::string describe() { return ""; }
  template <class T>
  void operator()(EstimatorInput<T> const&, EstimatorOutput<T>) const {}
};
static_assert(!SaysNotWhatItNeeds::needs_groups, "it lacks `needs` only");
struct Learns : RewardItself {
  template <class T>
  void operator()(EstimatorInput<T> const&, EstimatorOutput<T>) {}
};
static_assert(AdvantageEstimator<GroupRelative<>> && AdvantageEstimator<RewardItself>);
static_assert(!AdvantageEstimator<Anonymous> && !AdvantageEstimator<SaysNotWhatItNeeds> && !AdvantageEstimator<Learns>);
static_assert(!AdvantageEstimator<Clip>);

// Objective
struct NoReport : Grpo::objective_type {
  void report() const = delete;
};
struct NeedsText : Grpo::objective_type {
  static constexpr char const* needs = "everything";
};
static_assert(Objective<Grpo::objective_type> && Objective<Terms<TokenMean<>, EntropyBonus<>>>);
static_assert(!Objective<NoReport> && !Objective<NeedsText> && !Objective<Clip> && !Objective<PolicyGradient<>>);

// Its pieces
static_assert(Aggregate<TokenMean<Local>> && Aggregate<ConstantLength<>> && !Aggregate<Window> && !Aggregate<Clip>);
static_assert(RatioLevel<TokenRatio> && RatioLevel<SequenceRatio> && !RatioLevel<Clip>);
static_assert(Surrogate<Clip> && !Surrogate<TokenRatio> && !Surrogate<K3>);
static_assert(KlEstimator<K1> && KlEstimator<K2> && KlEstimator<K3> && !KlEstimator<Clip>);
static_assert(ObjectiveTerm<PolicyGradient<>> && ObjectiveTerm<PolicyGradient<SequenceRatio>>);
static_assert(ObjectiveTerm<KlInLoss<>> && ObjectiveTerm<EntropyBonus<>> && !ObjectiveTerm<Clip>);
struct SequenceTermWithoutStatistic : EntropyBonus<> {
  static constexpr Scope scope = Scope::Sequence;
};
static_assert(!ObjectiveTerm<SequenceTermWithoutStatistic>);

// Communicator
struct Pair : Solo {
  std::size_t size() const { return 2; }
};
struct NoReduce {
  std::size_t rank() const { return 0; }
  std::size_t size() const { return 1; }
};
static_assert(Communicator<Solo> && Communicator<Pair> && !Communicator<NoReduce> && !Communicator<int>);

}  // namespace

TEST_CASE("an estimator of one's own and a policy that cannot be copied train") {
  using Reinforce = Algorithm<RewardItself, Terms<TokenMean<>, PolicyGradient<>>>;
  Trainer trainer(Reinforce{}, MoveOnly(3), PullArms{}, EnvironmentReward{}, {.schedule = {.peak = 0.05}});
  trainer.run(60);
  CHECK(trainer.policy().probabilities()[2] > 0.8);
  CHECK(Reinforce::describe() == "Algorithm<RewardItself, Terms<TokenMean<Window>, PolicyGradient<TokenRatio, Clip>>>");
}
