// SPDX-License-Identifier: Apache-2.0
// The gradient belongs to the batch: how it is cut, ordered and packed must not show in it.
#include <cmath>
#include <limits>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/random.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace grove;
using test::Split;

namespace {

template <class F>
void for_each_objective(F const& f) {
  f(Grpo{}.objective);
  f(GrpoTokenMean{}.objective);
  f(Terms<SequenceMean<Window>, PolicyGradient<SequenceRatio, Clip>, KlInLoss<K2>>{
      .aggregate = {}, .terms = {PolicyGradient<SequenceRatio, Clip>{.surrogate = {0.03, 0.04}}, KlInLoss<K2>{}}});
  f(Terms<SequenceSum<Window>, PolicyGradient<>, EntropyBonus<>>{.aggregate = {}, .terms = {{}, {.coefficient = 0.1}}});
  f(Terms<ConstantLength<Window>, PolicyGradient<>>{.aggregate = {.length = 30}, .terms = {}});
}

}  // namespace

TEST_CASE("the gradient does not change with the micro-batch split and the order of sequences") {
  auto const columns = test::some_columns(1);
  for_each_objective([&](auto const& objective) {
    INFO(objective.describe());
    auto const whole = test::evaluate(objective, columns, columns.whole());
    CHECK(test::relative_difference(whole.d_log_p, std::vector<double>(whole.d_log_p.size())) > 1e-3);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      auto const answer = test::evaluate(objective, columns, test::random_split(columns.lengths.size(), seed));
      CHECK(answer.d_log_p == whole.d_log_p);
      CHECK(answer.d_entropy == whole.d_entropy);
      CHECK(answer.loss == Approx(whole.loss).epsilon(1e-12));
      for (auto const& [name, value] : whole.metrics)
        CHECK(answer.metrics.find(name).value_or(NAN) == Approx(value).epsilon(1e-12));
    }
  });
}

TEST_CASE("token terms may be cut anywhere") {
  auto const columns = test::some_columns(2);
  for_each_objective([&](auto const& objective) {
    if (objective.scope != Scope::Token) return;
    auto const whole = test::evaluate(objective, columns, columns.whole());
    for (std::size_t const chunk : {1, 2, 7, 33, 74}) {
      auto const answer = test::evaluate(objective, columns, columns.whole(), chunk);
      CHECK(answer.d_log_p == whole.d_log_p);
      CHECK(answer.loss == Approx(whole.loss).epsilon(1e-12));
      CHECK(*answer.metrics.find("policy_loss") == Approx(*whole.metrics.find("policy_loss")).epsilon(1e-12));
    }
  });
}

TEST_CASE("a Local mean does change with the split: what the Window scope is for") {
  auto const columns = test::some_columns(1);
  Terms<TokenMean<Local>, PolicyGradient<>> const objective;
  auto const whole = test::evaluate(objective, columns, columns.whole());
  auto const split = test::evaluate(objective, columns, Split{{0, 1, 2, 3, 4}, {5, 6, 7, 8, 9}});
  CHECK(test::relative_difference(split.d_log_p, whole.d_log_p) > 0.01);
}

TEST_CASE("sequences that do not contribute still count as sequences, and nothing else") {
  // Sequence 2 is empty, of sequence 6 no token counts: both are part of a mean over ten.
  auto const columns = test::some_columns(4);
  auto const starts = columns.starts();
  for_each_objective([&](auto const& objective) {
    auto const answer = test::evaluate(objective, columns, columns.whole());
    for (std::size_t i = 0; i < columns.counts.size(); ++i)
      if (!columns.counts[i]) REQUIRE((answer.d_log_p[i] == 0 && answer.d_entropy[i] == 0));
    for (auto i = starts[6]; i < starts[7]; ++i) REQUIRE(answer.d_log_p[i] == 0);
  });
  auto const only_those = test::evaluate(Grpo{}.objective, columns, Split{{2, 6}});
  CHECK(only_those.loss == 0);
  CHECK(*only_those.metrics.find("kl") == 0);
  CHECK(test::evaluate(GrpoTokenMean{}.objective, columns, Split{{2}, {6}}).loss == 0);
  CHECK(test::evaluate(Grpo{}.objective, columns, Split{}).loss == 0);
}

TEST_CASE("what stands in the columns of tokens that do not count is never read") {
  auto const columns = test::some_columns(5);
  auto poisoned = columns;
  for (std::size_t i = 0; i < columns.counts.size(); ++i)
    if (!columns.counts[i])
      for (auto* column :
           {&poisoned.log_p, &poisoned.log_p_old, &poisoned.log_p_ref, &poisoned.entropy, &poisoned.advantage})
        (*column)[i] = std::numeric_limits<double>::quiet_NaN();
  for_each_objective([&](auto const& objective) {
    auto const want = test::evaluate(objective, columns, columns.whole());
    auto const got = test::evaluate(objective, poisoned, columns.whole());
    CHECK(got.d_log_p == want.d_log_p);
    CHECK(got.d_entropy == want.d_entropy);
    CHECK(got.loss == want.loss);
  });
}

TEST_CASE("huge log-ratios give huge, finite numbers, in float too") {
  auto columns = test::some_columns(6);
  for (std::size_t i = 0; i < columns.log_p.size(); ++i) {
    columns.log_p_old[i] = columns.log_p[i] + (i % 2 ? 1e4 : -1e4);
    columns.log_p_ref[i] = columns.log_p[i] + (i % 3 ? 1e4 : -1e4);
  }
  auto const finite = [](auto const& answer) {
    return std::isfinite(answer.loss) && std::ranges::all_of(answer.d_log_p, [](auto x) { return std::isfinite(x); });
  };
  for_each_objective([&](auto const& objective) {
    CHECK(finite(test::evaluate(objective, columns, columns.whole())));
    CHECK(finite(test::evaluate(objective, test::cast<float>(columns), columns.whole())));
  });
}

TEST_CASE("a number that is none shows in the loss, so that the step is skipped") {
  for (auto column : {&test::Columns<double>::log_p, &test::Columns<double>::log_p_old,
                      &test::Columns<double>::log_p_ref, &test::Columns<double>::advantage}) {
    auto columns = test::some_columns(7);
    (columns.*column)[0] = std::numeric_limits<double>::quiet_NaN();
    columns.counts[0] = 1;
    CHECK(!std::isfinite(test::evaluate(Grpo{}.objective, columns, columns.whole()).loss));
    CHECK(!std::isfinite(test::evaluate(Grpo{}.objective, test::cast<float>(columns), columns.whole()).loss));
  }
}
