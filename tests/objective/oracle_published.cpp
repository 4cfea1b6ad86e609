// SPDX-License-Identifier: Apache-2.0
// Surrogates and KLs that TRL does not have against their papers' equations under torch's autograd
// (tests/oracle/objective_published.py wrote the numbers), and every kink on torch's side.
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/objective/dro.hpp"
#include "grove/objective/rollout_correction.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace grove;
using nlohmann::json;

namespace {

json const& data() {
  static json const all = json::parse(std::ifstream(GROVE_TEST_DATA "/objective/published.json"));
  return all;
}

/// `advantage`: the column of that name, one number a token or one a sequence.
test::Columns<double> columns_of(std::string const& advantage) {
  auto const& d = data();
  test::Columns<double> c{.lengths = d["lengths"],
                          .counts = {},
                          .log_p = d["log_p"],
                          .log_p_old = d["log_p_old"],
                          .log_p_ref = d["log_p_ref"],
                          .entropy = d["entropy"],
                          .advantage = d[advantage],
                          .log_p_rollout = d["log_p_rollout"],
                          .value = d["value"],
                          .value_old = d["value_old"],
                          .return_ = d["return_"],
                          .reward = d["reward"],
                          .selected = d["selected"]};
  for (double const x : d["counts"]) c.counts.push_back(x != 0);
  return c;
}

/// Compares one term under aggregate A with the case of its name.
template <class A = TokenMean<Window>, class Term>
void compare(std::string const& name, Term const& term, std::string const& advantage = "advantage") {
  INFO(name);
  auto const& c = data()["cases"].at(name);
  Terms<A, Term> const objective{.aggregate = {}, .terms = {term}};
  auto const check = [&]<class T>(test::Columns<T> const& columns, double tolerance) {
    auto const answer = test::evaluate(objective, columns, columns.whole());
    CHECK(answer.loss == Approx(c["loss"].get<double>()).epsilon(tolerance));
    CHECK(test::relative_difference(answer.d_log_p, c["d_log_p"].get<std::vector<double>>()) < tolerance);
    CHECK(test::relative_difference(answer.d_value, c["d_value"].get<std::vector<double>>()) < tolerance);
  };
  check(columns_of(advantage), 1e-10);
  check(test::cast<float>(columns_of(advantage)), 1e-5);
}

}  // namespace

TEST_CASE("surrogates are their papers'") {
  compare("dual_clip", PolicyGradient<TokenRatio, DualClip<>>{.surrogate = {.c = 1.2}});
  compare("two_sided", PolicyGradient<TokenRatio, TwoSided<>>{.surrogate = {.delta = 1.3}});
  compare("band_cispo",
          PolicyGradient<TokenRatio, CappedWeight<EpsilonBand>>{.surrogate = {.bound = {.low = 0.15, .high = 0.25}}});
  compare("clip_cov", PolicyGradient<TokenRatio, Clip, Dropping<RandomHighCovariance>>{});
  compare("kl_cov", PolicyGradient<TokenRatio, KlCovPenalty>{.surrogate = {.beta = 0.6}});
  compare("gpg", PolicyGradient<NoRatio, LogProbability>{});
  compare("dro", PolicyGradient<TokenRatio, Dro>{.surrogate = {.beta = 0.7}});
  compare("dppo_tv",
          PolicyGradient<RolloutRatio, Plain, DivergenceMask<TotalVariation>>{.weights = {{.low = 0.05, .high = 0.1}}});
  compare("dppo_kl",
          PolicyGradient<RolloutRatio, Plain, DivergenceMask<BinaryKl>>{.weights = {{.low = 0.02, .high = 0.03}}});
  compare<SequenceMean<Window>>("geo_mean", PolicyGradient<GeometricRatio, Plain>{.ratio = {.low = 0.2, .high = 0.3}},
                                "of_sequence");
  compare<SequenceMean<Window>>("gspo_token",
                                PolicyGradient<SequenceTokenRatio, Clip>{.surrogate = {.low = 0.03, .high = 0.02}});
}

TEST_CASE("masks of sequences drop those that their papers drop") {
  compare("opsm", PolicyGradient<TokenRatio, Clip, OffPolicySequenceMask>{.weights = {{.delta = 0.05}}}, "of_sequence");
  GeometricMask mask;
  mask.low = 0.95;
  mask.high = 1.05;
  compare("geometric_mask", PolicyGradient<TokenRatio, Clip, GeometricMask>{.weights = {mask}}, "of_sequence");
}

TEST_CASE("the critic's loss and the likelihood of right answers are their papers'") {
  compare("value_loss", ValueLoss<>{.coefficient = 0.7, .clip = 0.2});
  compare("positive_nll", PositiveExampleNll{.coefficient = 0.1});
}

TEST_CASE("each KL has its own value and its own derivative") {
  compare("kl k2", KlInLoss<K2>{.coefficient = 0.3});
  compare("kl k3", KlInLoss<K3>{.coefficient = 0.3});
  compare("kl k1+", KlInLoss<StraightThrough<K1>>{.coefficient = 0.3});
  compare("kl k3+", KlInLoss<StraightThrough<K3>>{.coefficient = 0.3});
  compare("kl importance k1", KlInLoss<K1, ImportanceWeighted>{.coefficient = 0.3});
  compare("kl importance k2", KlInLoss<K2, ImportanceWeighted>{.coefficient = 0.3});
  compare("kl score k1", KlInLoss<K1, ScoreWeighted>{.coefficient = 0.3});
  compare("kl score k3", KlInLoss<K3, ScoreWeighted>{.coefficient = 0.3});
}

TEST_CASE("DualClip and TwoSided at their kinks take torch's side") {
  auto const check = [](json const& rows, auto const& surrogate) {
    REQUIRE(rows.size() == 45);
    for (auto const& row : rows) {
      INFO(row);
      auto const value = surrogate(row[0].get<double>(), test::advantage(row[1].get<double>()));
      CHECK(value.loss == row[2].get<double>());
      CHECK(value.d_ratio == row[3].get<double>());
    }
  };
  Clip const half{.low = 0.5, .high = 0.5};
  check(data()["kinks"]["dual_clip"], DualClip<>{.inner = half, .c = 2});
  check(data()["kinks"]["two_sided"], TwoSided<>{.inner = half, .delta = 2});
}

TEST_CASE("ValueLoss at its kinks takes torch's side") {
  REQUIRE(data()["kinks"]["value_loss"].size() == 90);
  for (auto const& row : data()["kinks"]["value_loss"]) {
    INFO(row);
    ValueLoss<> const loss{.coefficient = 1, .clip = 0.25};
    auto const value = loss(Token<double>{.value = row[0], .value_old = 0.5, .return_ = row[1]});
    CHECK(value.loss == row[2].get<double>());
    CHECK(value.d_value == row[3].get<double>());
  }
}

TEST_CASE("GeometricRatio at its kinks takes torch's side") {
  REQUIRE(data()["kinks"]["geometric"].size() == 18);
  for (auto const& row : data()["kinks"]["geometric"]) {
    INFO(row);
    GeometricRatio const ratio{.low = 0.5, .high = 0.5};
    Token<double> const token{.log_p = row[0], .advantage = row[1]};
    CHECK(ratio.prepare(token).log_ratio == row[2].get<double>());
    CHECK(ratio.d_prepare(token) == row[3].get<double>());
  }
}

TEST_CASE("masks keep what lies on their bounds") {
  Token<double> const even{.log_p_old = -1, .log_p_rollout = -1, .length = 1};  // rho is 1
  CHECK(IcePop{.low = 1, .high = 2}(even) == 1);
  CHECK(IcePop{.low = 0.5, .high = 1}(even) == 1);
  CHECK(IcePop{.low = 1.0000001, .high = 2}(even) == 0);
  CHECK(IcePop{.low = 0.5, .high = 0.9999999}(even) == 0);
  SequenceMask sequence;
  sequence.low = sequence.high = 1;
  CHECK(sequence(even, {0.0}) == 1);
  CHECK(sequence(even, {1e-6}) == 0);
  CHECK(sequence(even, {-1e-6}) == 0);
  OffPolicySequenceMask const off{.delta = 0.5};
  Token<double> const bad{.advantage = -1, .length = 2};
  CHECK(off(bad, {1.0}) == 1);  // mean 0.5
  CHECK(off(bad, {1.0 + 1e-9}) == 0);
  CHECK(off(Token<double>{.advantage = 0, .length = 2}, {9.0}) == 1);
  // Log-probs whose exponentials are exact: a half and a whole.
  DivergenceMask<TotalVariation> const mask{.low = 0.5, .high = 0.5};
  double const p = 0, q = std::log(0.5);
  CHECK(mask(Token<double>{.log_p_detached = p, .log_p_rollout = q, .advantage = 1}) == 1);
  CHECK(mask(Token<double>{.log_p_detached = p + 1e-9, .log_p_rollout = q, .advantage = 1}) == 0);
  CHECK(mask(Token<double>{.log_p_detached = q - 1e-9, .log_p_rollout = p, .advantage = -1}) == 0);
  CHECK(mask(Token<double>{.log_p_detached = q - 1e-9, .log_p_rollout = p, .advantage = 1}) == 1);
}
