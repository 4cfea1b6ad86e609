// SPDX-License-Identifier: Apache-2.0
// The pieces behind TRL's options that are numbers there and types here: each chooses at run time, and has TRL's
// defaults.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <variant>

#include "grove/advantage/group_relative.hpp"
#include "grove/advantage/reward_decoupled.hpp"
#include "grove/objective/aggregate.hpp"
#include "grove/objective/capped_weight.hpp"
#include "grove/objective/clip.hpp"
#include "grove/objective/covariance.hpp"
#include "grove/objective/entropy.hpp"
#include "grove/objective/kl.hpp"
#include "grove/objective/policy_gradient.hpp"
#include "grove/objective/rollout_correction.hpp"
#include "grove/objective/soft_gate.hpp"
#include "grove/objective/terms.hpp"
#include "grove/objective/top_entropy.hpp"
#include "grove/objective/vespo.hpp"

namespace open_rs {

/// scale_rewards and multi_objective_aggregation.
struct TrlAdvantage {
  std::variant<grove::GroupRelative<grove::OverGroup>, grove::GroupRelative<grove::OverBatch>,
               grove::GroupRelative<grove::Unscaled>, grove::RewardDecoupled>
      estimator{};

  static constexpr grove::ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "TrlAdvantage"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    std::visit([&](auto& one) { grove::visit_options(one, visit); }, self.estimator);
  }
  void check_group(std::size_t group_size) const {
    std::visit([&](auto const& one) { one.check_group(group_size); }, estimator);
  }
  template <std::floating_point T, grove::Communicator C>
  void operator()(grove::EstimatorInput<T> const& in, grove::EstimatorOutput<T> out, C& ranks) const {
    std::visit(
        [&](auto const& one) {
          if constexpr (requires { one(in, out, ranks); })
            one(in, out, ranks);
          else
            one(in, out);
        },
        estimator);
  }
};

/// What loss_type says of the mean, over the whole optimizer step.
struct TrlMean {
  enum class Kind : unsigned char { Token, Sequence, SequenceSum, ConstantLength };

  Kind kind = Kind::Token;
  grove::ConstantLength<grove::Window> constant{.length = 512};

  using scope = grove::Window;
  static std::string describe() { return "TrlMean"; }
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    if (self.kind == Kind::ConstantLength) grove::visit_options(self.constant, visit);
  }
  double weight(grove::Denominators const& d, double length) const {
    switch (kind) {
      case Kind::Token:
        return grove::TokenMean<grove::Window>{}.weight(d, length);
      case Kind::Sequence:
        return grove::SequenceMean<grove::Window>{}.weight(d, length);
      case Kind::SequenceSum:
        return grove::SequenceSum<grove::Window>{}.weight(d, length);
      case Kind::ConstantLength:
        return constant.weight(d, length);
    }
    return 0;
  }
};

/// `delta` is off unless it is set.
struct TrlTwoSided : grove::TwoSided<grove::Clip> {
  TrlTwoSided() { delta = HUGE_VAL; }
};

/// TRL's epsilon_high is 0.2 for CISPO too, the largest weight.
struct TrlCap : grove::AbsoluteCap {
  TrlCap() { cap = 0.2; }
};

/// top_entropy_quantile, 1 unless it is set.
struct TrlTopEntropy : grove::TopEntropy {
  TrlTopEntropy() { fraction = 1; }
};

/// vllm_importance_sampling_mode.
struct TrlCorrection : grove::detail::LogRhoSum {
  enum class Mode : unsigned char { Off, TokenTruncate, TokenMask, SequenceTruncate, SequenceMask };

  Mode mode = Mode::SequenceMask;
  double low = 0;
  double high = 3;

  static constexpr std::string_view name = "TrlCorrection";
  bool by_sequence() const { return mode == Mode::SequenceTruncate || mode == Mode::SequenceMask; }
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    if (self.mode != Mode::Off) grove::detail::correction_options(self, visit);
  }
  template <std::floating_point T>
  T operator()(grove::Token<T> const& t, Stat<T> sum) const {
    if (mode == Mode::Off) return T(1);
    bool const truncate = mode == Mode::TokenTruncate || mode == Mode::SequenceTruncate;
    T const rho = grove::exponential(by_sequence() ? sum.log_rho : t.log_p_old - t.log_p_rollout);
    T const below = static_cast<T>(low), above = static_cast<T>(high);
    if (truncate) return grove::smaller(grove::larger(rho, below), above);
    return rho >= below && rho <= above ? rho : T(0);
  }
};

/// VESPO inside TRL: p_old / p_sampled of each token is clamped or masked as the mode says before it enters the weight
/// of the sequence, where 0 counts as 1e-8.
struct TrlVespoWeight : grove::VespoWeight {
  TrlCorrection correction{};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    grove::VespoWeight::options(self, visit);
    TrlCorrection::options(self.correction, visit);
  }
  template <std::floating_point T>
  Stat<T> prepare(grove::Token<T> t) const {
    t.log_p_rollout = t.log_p_old - std::log(correction(t, {}));
    return grove::VespoWeight::prepare(t);
  }
};

/// The k3 term with beta 0 by default; with use_bias_correction_kl times the ratio, at the ratio's level.
template <class R>
struct TrlKl {
  double coefficient = 0;
  bool importance_weighted = false;

  static constexpr bool of_sequence = std::same_as<R, grove::SequenceRatio>;
  static constexpr grove::Scope scope = of_sequence ? grove::Scope::Sequence : grove::Scope::Token;
  static constexpr grove::ColumnSet needs = {grove::Column::LogProb, grove::Column::RefLogProb,
                                             grove::Column::OldLogProb};
  static constexpr std::string_view loss_name = "kl_loss";
  static constexpr std::array<std::string_view, 1> metric_names = {"kl"};
  static std::string describe() { return "TrlKl"; }
  grove::ColumnSet wanted() const { return coefficient != 0 ? needs : grove::ColumnSet{}; }
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(
        grove::Option{"beta", "weight of the KL to the reference policy; 0 needs no ref_log_probs", grove::at_least(0)},
        self.coefficient);
  }

  template <std::floating_point T>
  auto operator()(grove::Token<T> const& t) const requires(!of_sequence) {
    T const r = importance_weighted ? grove::exponential(t.log_p - t.log_p_old) : T(1);
    return answer(t, r, importance_weighted ? r : T(0), T(0));
  }

  template <std::floating_point T>
  auto prepare(grove::Token<T> const& t) const {
    return R{}.prepare(t);
  }
  template <class Stat>
  static Stat combine(Stat a, Stat b) {
    return R::combine(a, b);
  }
  template <std::floating_point T>
  T d_prepare(grove::Token<T> const&) const {
    return T(1);
  }
  template <std::floating_point T, class Stat>
  auto operator()(grove::Token<T> const& t, Stat const& sum) const requires(of_sequence) {
    T const s = importance_weighted ? grove::exponential(sum.log_ratio / t.length) : T(1);
    return answer(t, s, T(0), importance_weighted ? s / t.length : T(0));
  }

 private:
  /// weight * k3 and its derivatives, those of the weight by the token's log-prob and by the statistic being given.
  template <std::floating_point T>
  grove::TermValue<T, 1> answer(grove::Token<T> const& t, T weight, T d_weight, T d_stat) const {
    auto const kl = grove::K3{}(t.log_p - t.log_p_ref);
    auto const beta = static_cast<T>(coefficient);
    return {.loss = beta * weight * kl.value,
            .d_log_p = beta * (weight * kl.d_log_p + d_weight * kl.value),
            .d_stat = beta * d_stat * kl.value,
            .metrics = {weight * kl.value}};
  }
};

/// entropy_coef, fixed or adaptive.
struct TrlEntropy {
  bool adaptive = false;
  grove::AdaptiveEntropy control{};

  static constexpr std::string_view name = "TrlEntropy";
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    if (self.adaptive) grove::AdaptiveEntropy::options(self.control, visit);
  }
  bool adapts() const { return adaptive; }
  double applied(double coefficient) const { return adaptive ? control.applied(coefficient) : coefficient; }
  void adapt(double& coefficient, double entropy) {
    if (adaptive) control.adapt(coefficient, entropy);
  }
  void state(grove::State& s) { s("control", control); }
};

}  // namespace open_rs
