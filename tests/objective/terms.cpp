// SPDX-License-Identifier: Apache-2.0
// Each piece of an objective by hand.
#include "grove/objective/terms.hpp"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/objective/nll.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using grove::Clip;
using grove::Column;
using grove::ColumnSet;
using grove::EntropyBonus;
using grove::K2;
using grove::K3;
using grove::KlInLoss;
using grove::NegativeLogLikelihood;
using grove::PolicyGradient;
using grove::SequenceMean;
using grove::SequenceRatio;
using grove::Terms;
using grove::TokenMean;
using grove::TokenRatio;
using grove::Window;
using test::advantage;

static_assert(Clip{}(1.5, advantage(2.0)).d_ratio == 0 && Clip{}(1.0, advantage(2.0)).d_ratio == -2,
              "terms work at compile time");
static_assert(KlInLoss<K2>{.coefficient = 1}(grove::Token<double>{.log_p = 0.5}).d_log_p == 0.5);

static_assert(Terms<TokenMean<Window>, PolicyGradient<>>::scope == grove::Scope::Token);
static_assert(Terms<SequenceMean<Window>, PolicyGradient<SequenceRatio>, KlInLoss<K3>>::scope ==
              grove::Scope::Sequence);
static_assert(Terms<TokenMean<Window>, NegativeLogLikelihood>::needs == ColumnSet(Column::LogProb));
static_assert(grove::Grpo::objective_type::needs == ColumnSet{Column::LogProb, Column::OldLogProb, Column::RefLogProb});

TEST_CASE("Clip is the smaller of the plain and the clipped surrogate, with a sign") {
  struct Case {
    double ratio, advantage, loss, d_ratio, low, high;
  };
  for (auto const& c : {Case{1.0, 2, -2, -2, 0, 0}, Case{1.1, 2, -2.2, -2, 0, 0}, Case{1.5, 2, -2.4, 0, 0, 1},
                        Case{1.5, -1, 1.5, 1, 0, 0}, Case{0.5, 1, -0.5, -1, 0, 0}, Case{0.5, -1, 0.8, 0, 1, 0},
                        Case{1.5, 0, 0, 0, 0, 0}, Case{0.5, 0, 0, 0, 0, 0}}) {
    auto const value = Clip{}(c.ratio, advantage(c.advantage));
    INFO(c.ratio << " " << c.advantage);
    CHECK(value.loss == Approx(c.loss));
    CHECK(value.d_ratio == c.d_ratio);
    CHECK(value.metrics == std::array<double, 3>{c.low, c.high, c.low + c.high});
  }
}

TEST_CASE("Clip has a bound of its own above and below") {
  Clip const clip{.low = 0.5, .high = 0.25};
  CHECK(clip(1.25, advantage(1.0)).d_ratio == -1);  // on the bound is inside
  CHECK(clip(1.26, advantage(1.0)).d_ratio == 0);
  CHECK(clip(0.5, advantage(-1.0)).d_ratio == 1);
  CHECK(clip(0.49, advantage(-1.0)).d_ratio == 0);
  CHECK(clip(0.49, advantage(-1.0)).loss == 0.5);
}

TEST_CASE("bounds in float are rounded once") {
  // 1 - 0.2f and 1 + 0.28f differ from these; torch clamps at the rounded sum.
  CHECK(Clip{.high = 0.28}(1e9f, advantage(1.0f)).loss == -static_cast<float>(1.28));
  CHECK(Clip{.low = 0.9}(1e-9f, advantage(-1.0f)).loss == static_cast<float>(1 - 0.9));
}

TEST_CASE("the KL estimators and their derivatives") {
  CHECK(grove::K1{}(0.5).value == 0.5);
  CHECK(grove::K1{}(0.5).d_log_p == 1);
  CHECK(K2{}(0.5).value == 0.125);
  CHECK(K2{}(-0.5).d_log_p == -0.5);
  CHECK(K3{}(std::log(2.0)).value == Approx(0.5 - 1 + std::log(2.0)).epsilon(1e-14));
  CHECK(K3{}(std::log(2.0)).d_log_p == Approx(0.5).epsilon(1e-14));
  CHECK(K3{}(-std::log(2.0)).value == Approx(2 - 1 - std::log(2.0)).epsilon(1e-14));
  CHECK(K3{}(0.0).value == 0);
  CHECK(K3{}(0.0).d_log_p == 0);
}

TEST_CASE("k3 of almost equal log-probs is tiny, right and never negative, also in float") {
  for (float const delta : {1e-7f, -1e-6f, 3e-5f, -1e-4f, 1e-3f, -1e-2f}) {
    auto const kl = K3{}(delta);
    double const d = delta;
    CHECK(static_cast<double>(kl.value) == Approx(std::expm1(-d) + d).epsilon(d * d > 1e-8 ? 1e-5 : 1e-4));
    CHECK(kl.value > 0);
    CHECK(static_cast<double>(kl.d_log_p) == Approx(-std::expm1(-d)).epsilon(1e-6));
  }
}

TEST_CASE("entropy is rewarded and likelihood is maximised") {
  grove::Token<double> const token{.log_p = -2, .entropy = 1.5};
  auto const bonus = EntropyBonus<>{.coefficient = 0.1}(token);
  CHECK(bonus.loss == Approx(-0.15));
  CHECK(bonus.d_entropy == -0.1);
  CHECK(bonus.d_log_p == 0);
  auto const nll = NegativeLogLikelihood{.coefficient = 3}(token);
  CHECK(nll.loss == 6);
  CHECK(nll.d_log_p == -3);
  CHECK(nll.d_entropy == 0);
}

TEST_CASE("the ratio is exp of the difference, of a token or of a sequence's mean") {
  grove::Token<double> const token{.log_p = -1, .log_p_old = -1.5, .length = 4};
  CHECK(TokenRatio{}(token).value == Approx(std::exp(0.5)));
  CHECK(TokenRatio{}(token).d_log_p == Approx(std::exp(0.5)));
  auto const sum = SequenceRatio::combine(SequenceRatio{}.prepare(token), SequenceRatio::Stat<double>{1.5});
  CHECK(SequenceRatio{}(token, sum).value == Approx(std::exp(2.0 / 4)));
}

TEST_CASE("two sequences under a sequence mean, by hand") {
  // Lengths 2 and 1; the second token of the first sequence does not count.
  test::Columns<double> const columns{.lengths = {3, 1},
                                      .counts = {1, 0, 1, 1},
                                      .log_p = {-1, -1, -1, -2},
                                      .log_p_old = {-1, -1, -1, -2 - std::log(1.5)},
                                      .log_p_ref = {-1, -1, -1, -2 + std::log(2.0)},
                                      .entropy = {1, 1, 1, 1},
                                      .advantage = {0.5, 0.5, 0.5, -1}};
  auto const answer = test::evaluate(grove::Grpo{}.objective, columns, columns.whole());
  // The first sequence's mean is -0.5; the second's is 1.5 (unclipped, for its advantage is negative) and 0.04 k3.
  double const kl = 2 - 1 - std::log(2.0);
  CHECK(answer.loss == Approx((-0.5 + 1.5 + 0.04 * kl) / 2));
  CHECK(answer.d_log_p[0] == Approx(-0.5 / 2 / 2));
  CHECK(answer.d_log_p[1] == 0);
  CHECK(answer.d_log_p[2] == Approx(-0.5 / 2 / 2));
  CHECK(answer.d_log_p[3] == Approx((1.5 + 0.04 * (1 - 2.0)) / 2));
  CHECK(answer.metrics.find("policy_loss").value() == Approx(0.5));
  CHECK(answer.metrics.find("kl_loss").value() == Approx(0.04 * kl / 2));
  CHECK(answer.metrics.find("kl").value() == Approx(kl / 3));  // a mean over the tokens that count
  CHECK(answer.metrics.find("clip_ratio/region_mean").value() == 0);

  auto const token_mean = test::evaluate(grove::GrpoTokenMean{}.objective, columns, columns.whole());
  CHECK(token_mean.loss == Approx((-0.5 - 0.5 + 1.5 + 0.04 * kl) / 3));
  CHECK(token_mean.d_log_p[3] == Approx((1.5 + 0.04 * (1 - 2.0)) / 3));
}

TEST_CASE("a coefficient of zero asks for nothing, changes nothing and is not reported") {
  using O = Terms<TokenMean<Window>, PolicyGradient<>, KlInLoss<K3>, EntropyBonus<>>;
  O off;
  off.get<KlInLoss<K3>>().coefficient = 0;
  CHECK(off.wanted() == ColumnSet{Column::LogProb, Column::OldLogProb});
  O on;
  on.get<EntropyBonus<>>().coefficient = 0.1;
  CHECK(on.wanted() == ColumnSet{Column::LogProb, Column::OldLogProb, Column::RefLogProb, Column::Entropy});
  auto const columns = test::some_columns(3);
  auto const a = test::evaluate(off, columns, columns.whole());
  auto const b = test::evaluate(Terms<TokenMean<Window>, PolicyGradient<>>{}, columns, columns.whole());
  CHECK(a.d_log_p == b.d_log_p);
  CHECK(a.loss == b.loss);
  CHECK(!a.metrics.find("kl"));
  CHECK(!a.metrics.find("entropy_loss"));
}

TEST_CASE("an objective is called by its pieces") {
  CHECK(grove::Grpo::describe() ==
        "Algorithm<GroupRelative<OverGroup>, Terms<SequenceMean<Window>, PolicyGradient<TokenRatio, Clip>, "
        "KlInLoss<K3>>>");
  CHECK(Terms<grove::ConstantLength<grove::Local>, NegativeLogLikelihood, EntropyBonus<>>::describe() ==
        "Terms<ConstantLength<Local>, NegativeLogLikelihood, EntropyBonus<>>");
}
