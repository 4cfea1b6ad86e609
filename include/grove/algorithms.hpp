// SPDX-License-Identifier: Apache-2.0
// Each published algorithm as one line of types: reading it tells you the algorithm. The numbers that a paper sets
// otherwise than the pieces' defaults follow in the constructor. `beta` is there in each, and 0 (no reference policy is
// loaded) where the paper has no KL; where a peer's default differs, the doc line says so.
//
// The words in the lines:
//   Window, Local           over what a mean is taken: all tokens of one optimizer step, of all its micro-batches and
//                           ranks; one micro-batch
//   TokenMean               over all tokens;  SequenceMean: over a sequence's tokens, then over sequences
//   SequenceSum             a sequence's tokens are added up, then the mean over sequences;  ConstantLength: the sum
//                           over a fixed length
//   OverGroup, OverBatch    whose standard deviation divides the advantage;  Unscaled: none does
//   TokenRatio              pi / pi_old of each token;  SequenceRatio: its geometric mean over the sequence (GSPO's);
//                           SequenceTokenRatio: that, with each token's own gradient;  SequenceLikelihoodRatio: the
//                           product;  GeometricRatio: the mean of clipped log-ratios (GMPO's);  RolloutRatio: each
//                           token's, to what sampled it;  NoRatio: 1
//   LogProbability          the surrogate A log pi (REINFORCE), without clipping
//   K1, K2, K3              estimators of KL(pi || pi_ref): d, d^2 / 2 and e^-d - 1 + d, d = log pi - log pi_ref
//   AsJudged                rewards as the reward functions give them;  KlInReward: with the KL subtracted
//   KeepAllGroups           no group is left out;  DropUniformGroups: those of equal rewards are
//   Clip::low, high         epsilon and epsilon_high;  KlInLoss::coefficient, KlInReward::coefficient: beta
#pragma once

#include "grove/advantage/beta_normalized.hpp"
#include "grove/advantage/decoupled_gae.hpp"
#include "grove/advantage/gae.hpp"
#include "grove/advantage/greedy_baseline.hpp"
#include "grove/advantage/group_relative.hpp"
#include "grove/advantage/leave_one_out.hpp"
#include "grove/advantage/length_adaptive_gae.hpp"
#include "grove/advantage/length_weighted_baseline.hpp"
#include "grove/advantage/mean_relative.hpp"
#include "grove/advantage/optimal_token_baseline.hpp"
#include "grove/advantage/pass_at_k_relative.hpp"
#include "grove/advantage/reward_decoupled.hpp"
#include "grove/advantage/signal_scaled.hpp"
#include "grove/advantage/whitened_group_relative.hpp"
#include "grove/advantage/whitened_return.hpp"
#include "grove/algorithm.hpp"
#include "grove/objective/aggregate.hpp"
#include "grove/objective/capped_weight.hpp"
#include "grove/objective/covariance.hpp"
#include "grove/objective/divergence_mask.hpp"
#include "grove/objective/entropy.hpp"
#include "grove/objective/geometric_ratio.hpp"
#include "grove/objective/kl_in_loss.hpp"
#include "grove/objective/nll.hpp"
#include "grove/objective/policy_gradient.hpp"
#include "grove/objective/soft_gate.hpp"
#include "grove/objective/terms.hpp"
#include "grove/objective/value_loss.hpp"
#include "grove/objective/vespo.hpp"
#include "grove/trainer.hpp"

namespace grove {

/// Estimator, aggregate, policy gradient, and k3 in the loss with a coefficient of 0 unless an alias sets one: most
/// algorithms without a critic. (Those that take the KL out of the reward are written out.)
template <class A, class M, class PG, class S = AsJudged, class F = KeepAllGroups>
struct CriticFree : Algorithm<A, Terms<M, PG, KlInLoss<K3>>, S, F> {
  CriticFree() { this->objective.template get<KlInLoss<K3>>().coefficient = 0; }

  PG& policy_gradient() { return this->objective.template get<PG>(); }
};

/// GRPO (arXiv 2402.03300): group-normalised rewards, clipped token ratios, k3 in the loss, mean over tokens of each
/// sequence and then over sequences. Defaults: epsilon 0.2, beta 0.04. TRL's defaults differ: token mean, beta 0.
using Grpo =
    Algorithm<GroupRelative<OverGroup>, Terms<SequenceMean<Window>, PolicyGradient<TokenRatio, Clip>, KlInLoss<K3>>>;

/// GRPO with DAPO's token mean over the whole optimizer step (arXiv 2503.14476, eq. 8), otherwise as `Grpo`.
using GrpoTokenMean =
    Algorithm<GroupRelative<OverGroup>, Terms<TokenMean<Window>, PolicyGradient<TokenRatio, Clip>, KlInLoss<K3>>>;

/// Dr. GRPO (arXiv 2503.20783): no division by the group's deviation nor by an answer's length;
/// `objective.aggregate.length` must be set (`max_completion_length` on a command line). TRL reaches it with
/// loss_type=dr_grpo and scale_rewards=none.
using DrGrpo = CriticFree<GroupRelative<Unscaled>, ConstantLength<Window>, PolicyGradient<TokenRatio, Clip>>;

/// DAPO (arXiv 2503.14476): token mean, a higher upper bound, no KL; groups whose rewards are all
/// equal are dropped and others collected in their place (dynamic sampling). Its overlong filter is
/// `TrainOptions::mask_truncated_completions`, its soft overlong penalty a reward. TRL's loss_type=dapo is the token
/// mean alone.
struct Dapo : CriticFree<GroupRelative<OverGroup>, TokenMean<Window>, PolicyGradient<TokenRatio, Clip>, AsJudged,
                         DropUniformGroups> {
  Dapo() { policy_gradient().surrogate.high = 0.28; }
};

/// RLOO (arXiv 2402.14740): each answer against the mean of the others, k1 in the reward (0.05). On-policy it is
/// REINFORCE on the sequence's log-prob; for further updates of a batch the ratio of whole sequences is clipped, as in
/// TRL's RLOOTrainer.
using Rloo =
    Algorithm<LeaveOneOut, Terms<SequenceMean<Window>, PolicyGradient<SequenceLikelihoodRatio, Clip>>, KlInReward<K1>>;

/// REINFORCE++ (arXiv 2501.03262): discounted returns with k1 (0.01) at each token, whitened over the batch's tokens.
struct ReinforcePlusPlus
    : Algorithm<WhitenedReturn, Terms<TokenMean<Window>, PolicyGradient<TokenRatio, Clip>>, KlInReward<K1>> {
  ReinforcePlusPlus() { shaping.coefficient = 0.01; }
};

/// REINFORCE++-baseline (arXiv 2501.03262): the group's mean as baseline, whitened over the batch, k2 in the loss
/// (0.01).
struct ReinforcePlusPlusBaseline
    : Algorithm<WhitenedGroupRelative, Terms<TokenMean<Window>, PolicyGradient<TokenRatio, Clip>, KlInLoss<K2>>> {
  ReinforcePlusPlusBaseline() { objective.get<KlInLoss<K2>>().coefficient = 0.01; }
};

/// ReMax (arXiv 2310.10505): REINFORCE on the sequence's log-prob, the greedy answer's reward as baseline, k1 in the
/// reward.
using ReMax =
    Algorithm<GreedyBaseline, Terms<SequenceSum<Window>, PolicyGradient<NoRatio, LogProbability>>, KlInReward<K1>>;

/// An algorithm with a critic: PPO's terms, and k1 in the reward with a coefficient of 0 unless it is set. The
/// coefficient of the value loss is 0.5, as usual for one network with two heads; TRL has 0.1.
template <class A, class... Ts>
struct WithCritic
    : Algorithm<A, Terms<TokenMean<Window>, PolicyGradient<TokenRatio, Clip>, ValueLoss<>, EntropyBonus<>, Ts...>,
                KlInReward<K1>> {
  WithCritic() {
    this->shaping.coefficient = 0;
    this->objective.template get<ValueLoss<>>().coefficient = 0.5;
  }
};

/// PPO (arXiv 1707.06347) with generalised advantages (arXiv 1506.02438). TRL has beta 0.05 in the reward.
using Ppo = WithCritic<Gae>;

/// VC-PPO (arXiv 2503.01491): a lambda of its own for the critic's targets; its pre-training is
/// `TrainOptions::value_warmup_steps`.
using VcPpo = WithCritic<DecoupledGae>;

/// VAPO (arXiv 2504.05118): VC-PPO with a lambda by length, a higher upper bound and likelihood of right answers.
struct Vapo : WithCritic<LengthAdaptiveGae, PositiveExampleNll> {
  Vapo() { objective.get<PolicyGradient<TokenRatio, Clip>>().surrogate.high = 0.28; }
};

/// GSPO (arXiv 2507.18071): the ratio of a sequence is the geometric mean of its tokens'. TRL: loss_type=grpo,
/// importance_sampling_level=sequence, epsilon left at 0.2.
struct Gspo : CriticFree<GroupRelative<OverGroup>, SequenceMean<Window>, PolicyGradient<SequenceRatio, Clip>> {
  Gspo() { policy_gradient().surrogate = {.low = 3e-4, .high = 4e-4}; }
};

/// GSPO-token (arXiv 2507.18071, eq. 13): the same value, differentiated token by token. verl's `gspo`.
struct GspoToken
    : CriticFree<GroupRelative<OverGroup>, SequenceMean<Window>, PolicyGradient<SequenceTokenRatio, Clip>> {
  GspoToken() { policy_gradient().surrogate = {.low = 3e-4, .high = 4e-4}; }
};

/// GMPO (arXiv 2507.20673): the geometric mean of clipped token ratios, epsilon 0.4 in log space.
using Gmpo = CriticFree<GroupRelative<OverGroup>, SequenceMean<Window>, PolicyGradient<GeometricRatio, Plain>>;

/// CISPO (arXiv 2506.13585): a capped ratio as constant weight. The cap of 5 is ScaleRL's (arXiv 2510.13786); TRL's
/// default, epsilon_high = 0.2, caps every weight at 0.2.
using Cispo =
    CriticFree<GroupRelative<OverGroup>, TokenMean<Window>, PolicyGradient<TokenRatio, CappedWeight<AbsoluteCap>>>;

/// SAPO (arXiv 2511.20347): a soft gate in place of the clip.
using Sapo = CriticFree<GroupRelative<OverGroup>, SequenceMean<Window>, PolicyGradient<TokenRatio, SoftGate>>;

/// VESPO (arXiv 2602.10693): a smooth weight of the sequence's whole importance ratio.
using Vespo = CriticFree<GroupRelative<OverGroup>, TokenMean<Window>, PolicyGradient<VespoWeight, LogProbability>>;

/// LUSPO (arXiv 2602.05261): GSPO times the answer's length, which undoes its bias towards short ones.
struct Luspo : CriticFree<GroupRelative<OverGroup>, SequenceSum<Window>, PolicyGradient<SequenceRatio, Clip>> {
  Luspo() { policy_gradient().surrogate = {.low = 2e-3, .high = 2.5e-3}; }
};

/// OPO (arXiv 2505.23585): the length-weighted baseline that is optimal on-policy; REINFORCE on the sequence's
/// log-prob.
using Opo = CriticFree<LengthWeightedBaseline, SequenceSum<Window>, PolicyGradient<NoRatio, LogProbability>>;

/// OTB: the variance-optimal baseline of each token, under REINFORCE.
using Otb = CriticFree<OptimalTokenBaseline, SequenceSum<Window>, PolicyGradient<NoRatio, LogProbability>>;

/// GPG (arXiv 2504.02546): plain policy gradient, scaled up by the share of groups that have a signal.
using Gpg = CriticFree<SignalScaled, TokenMean<Window>, PolicyGradient<NoRatio, LogProbability>>;

/// Training for pass at k in closed form (arXiv 2508.10751).
using PassAtK = CriticFree<PassAtKRelative, TokenMean<Window>, PolicyGradient<TokenRatio, Clip>>;

/// Clip-Cov (arXiv 2505.22617): a few tokens of high covariance lose their gradient.
using ClipCov = CriticFree<GroupRelative<OverGroup>, TokenMean<Window>,
                           PolicyGradient<TokenRatio, Clip, Dropping<RandomHighCovariance>>>;

/// KL-Cov (arXiv 2505.22617): tokens of the highest covariance are held near the old policy; nothing is clipped.
using KlCov = CriticFree<GroupRelative<OverGroup>, TokenMean<Window>, PolicyGradient<TokenRatio, KlCovPenalty>>;

/// DPPO (arXiv 2602.04879): tokens that moved too far in total variation lose their gradient; nothing is clipped.
using Dppo = CriticFree<GroupRelative<OverGroup>, TokenMean<Window>,
                        PolicyGradient<RolloutRatio, Plain, DivergenceMask<TotalVariation>>>;

/// Lite PPO (arXiv 2508.08221): the group's mean, the batch's deviation, token mean.
using LitePpo = CriticFree<GroupRelative<OverBatch>, TokenMean<Window>, PolicyGradient<TokenRatio, Clip>>;

/// GDPO (arXiv 2601.05242): each reward normalised by itself. TRL: multi_objective_aggregation=normalize_then_sum.
using Gdpo = CriticFree<RewardDecoupled, SequenceMean<Window>, PolicyGradient<TokenRatio, Clip>>;

/// MaxRL (arXiv 2602.02710): divided by the group's mean, which maximises the log of the pass rate.
using MaxRl = CriticFree<MeanRelative, TokenMean<Window>, PolicyGradient<TokenRatio, Clip>>;

/// BNPO as its paper has it (arXiv 2506.02864): rewards normalised by a fitted Beta density.
using BnpoPaper = CriticFree<BetaNormalized, SequenceMean<Window>, PolicyGradient<TokenRatio, Clip>>;

/// What TRL calls loss_type=bnpo: GRPO with a token mean over each micro-batch, so that its value depends on the split:
/// give the trainer `SequencesPerMicroBatch`, since a token budget does not compile with it.
using TrlBnpo = CriticFree<GroupRelative<OverGroup>, TokenMean<Local>, PolicyGradient<TokenRatio, Clip>>;

}  // namespace grove
