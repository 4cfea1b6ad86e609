// SPDX-License-Identifier: Apache-2.0
// Every composition that algorithms.hpp names, and pieces beside them: derivatives, precision, faults, blocks, splits.
#include "compositions.hpp"

#include <limits>
#include <numeric>

#include "support/catch.hpp"

using namespace grove;
using test::Columns;
using test::Split;

namespace {

bool is_finite(std::vector<double> const& values) {
  return std::ranges::all_of(values, [](double x) { return std::isfinite(x); });
}
bool is_finite(std::vector<float> const& values) {
  return std::ranges::all_of(values, [](float x) { return std::isfinite(x); });
}
template <class T>
bool is_finite(test::Answer<T> const& answer) {
  return std::isfinite(answer.loss) && is_finite(answer.d_log_p) && is_finite(answer.d_entropy) &&
         is_finite(answer.d_value);
}

/// sg(r) as it is written: TokenRatio, whose derivative CappedWeight does not ask for.
struct ConstantTokenRatio : TokenRatio {
  template <std::floating_point T>
  constexpr Ratio<T> operator()(Token<T> const& t) const {
    return {.value = exponential(t.log_p_detached - t.log_p_old)};
  }
};

/// sg(s) p / sg(p) as it is written, where SequenceTokenRatio knows that p / sg(p) is 1.
struct WrittenSequenceTokenRatio : SequenceTokenRatio {
  template <std::floating_point T>
  constexpr Stat<T> prepare(Token<T> const& t) const {
    return {t.log_p_detached - t.log_p_old};
  }
  template <std::floating_point T>
  constexpr Ratio<T> operator()(Token<T> const& t, Stat<T> sum) const {
    return {.value = exponential(sum.log_ratio / t.length) * exponential(t.log_p - t.log_p_detached)};
  }
};

/// A term in the form in which a difference with log_p_detached held fixed sees what its equation holds constant.
template <class Term>
Term const& written(Term const& term) {
  return term;
}
template <class B>
auto written(PolicyGradient<TokenRatio, CappedWeight<B>> const& term) {
  return PolicyGradient<ConstantTokenRatio, CappedWeight<B>>{.surrogate = term.surrogate};
}
template <class S>
auto written(PolicyGradient<SequenceTokenRatio, S> const& term) {
  return PolicyGradient<WrittenSequenceTokenRatio, S>{.surrogate = term.surrogate};
}
template <class A, class... Ts>
auto as_written(Terms<A, Ts...> const& objective) {
  return std::apply(
      [&](auto const&... term) {
        return Terms<A, std::decay_t<decltype(written(term))>...>{.aggregate = objective.aggregate,
                                                                  .terms = {written(term)...}};
      },
      objective.terms);
}

/// Largest distance, in units of the larger of the derivatives and of what rounding leaves in a difference.
double distance(std::vector<double> const& got, std::vector<double> const& difference) {
  double scale = 1e-2, most = 0;
  for (double d : difference) scale = std::max(scale, std::abs(d));
  for (std::size_t i = 0; i < got.size(); ++i) most = std::max(most, std::abs(got[i] - difference[i]));
  return most / scale;
}

/// Central differences of the reference's loss with respect to one column, what is detached held fixed.
template <class O>
std::vector<double> differences(O const& objective, Columns<double> const& columns,
                                std::vector<double> Columns<double>::*column) {
  double constexpr h = 1e-6;
  std::vector<double> d;
  for (std::size_t i = 0; i < columns.log_p.size(); ++i) {
    auto up = columns, down = columns;
    (up.*column)[i] += h;
    (down.*column)[i] -= h;
    d.push_back(
        (test::Reference(objective, up)(columns.log_p).loss - test::Reference(objective, down)(columns.log_p).loss) /
        (2 * h));
  }
  return d;
}

}  // namespace

TEST_CASE("each composition's derivatives are differences of its loss, also through the statistic of a sequence") {
  for (bool const per_token : {false, true})
    for (std::uint64_t seed = 0; seed < 3; ++seed)
      test::for_each_composition([&](auto const& objective) {
        INFO(objective.describe() << ", seed " << seed << (per_token ? ", an advantage a token" : ""));
        auto const columns = test::with_selection(objective, test::ragged(seed, per_token));
        auto const answer = test::evaluate(objective, columns, columns.whole());
        CHECK(answer.loss == Approx(test::Reference(objective, columns)(columns.log_p).loss).epsilon(1e-12));
        using C = Columns<double>;
        auto const form = as_written(objective);
        CHECK(distance(answer.d_log_p, differences(form, columns, &C::log_p)) < 2e-8);
        CHECK(distance(answer.d_entropy, differences(form, columns, &C::entropy)) < 2e-8);
        CHECK(distance(answer.d_value, differences(form, columns, &C::value)) < 2e-8);
      });
}

TEST_CASE("each composition has a gradient, and only where a token counts") {
  test::for_each_composition([](auto const& objective) {
    INFO(objective.describe());
    auto const columns = test::with_selection(objective, test::ragged(7, false));
    auto const answer = test::evaluate(objective, columns, columns.whole());
    CHECK(std::ranges::any_of(answer.d_log_p, [](double d) { return std::abs(d) > 1e-4; }));
    for (std::size_t i = 0; i < columns.counts.size(); ++i)
      if (!columns.counts[i]) CHECK((answer.d_log_p[i] == 0 && answer.d_entropy[i] == 0 && answer.d_value[i] == 0));
  });
}

TEST_CASE("blocks give what tokens one by one give, on sequences longer than a block and cut by blocks") {
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    test::for_each_composition([&](auto const& objective) {
      INFO(objective.describe() << ", seed " << seed);
      auto const columns = test::with_selection(
          objective, test::all_columns(seed, seed % 2, {200, 1, 63, 64, 0, 65, 5, 129, 1, 30, 256, 7, 0}));
      auto const answer = test::evaluate(objective, columns, columns.whole());
      auto const want = test::Reference(objective, columns)(columns.log_p);
      CHECK(answer.loss == Approx(want.loss).epsilon(1e-12));
      CHECK(test::relative_difference(answer.d_log_p, want.d_log_p) < 1e-12);
      CHECK(test::relative_difference(answer.d_entropy, want.d_entropy) < 1e-12);
      CHECK(test::relative_difference(answer.d_value, want.d_value) < 1e-12);
    });
}

TEST_CASE("each composition in float is that in double, rounded") {
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    test::for_each_composition([&](auto const& objective) {
      INFO(objective.describe() << ", seed " << seed);
      auto const columns = test::with_selection(objective, test::ragged(seed, seed == 1));
      auto const want = test::evaluate(objective, columns, columns.whole());
      auto const got = test::evaluate(objective, test::cast<float>(columns), columns.whole());
      CHECK(got.loss == Approx(want.loss).epsilon(1e-5).margin(1e-6));
      CHECK(test::relative_difference(got.d_log_p, want.d_log_p) < 1e-5);
      CHECK(test::relative_difference(got.d_entropy, want.d_entropy) < 1e-5);
      CHECK(test::relative_difference(got.d_value, want.d_value) < 1e-5);
    });
}

TEST_CASE("the gradient of each composition is that of the batch, however it is split and ordered") {
  test::for_each_composition([](auto const& objective) {
    if (objective.depends_on_micro_batch) return;
    INFO(objective.describe());
    auto const columns = test::with_selection(objective, test::ragged(1, true));
    auto const whole = test::evaluate(objective, columns, columns.whole());
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      auto const answer = test::evaluate(objective, columns, test::random_split(columns.lengths.size(), seed));
      CHECK(answer.d_log_p == whole.d_log_p);
      CHECK(answer.d_entropy == whole.d_entropy);
      CHECK(answer.d_value == whole.d_value);
      CHECK(answer.loss == Approx(whole.loss).epsilon(1e-12));
      for (auto const& [name, value] : whole.metrics)
        CHECK(answer.metrics.find(name).value_or(NAN) == Approx(value).epsilon(1e-12).margin(1e-15));
    }
    if (objective.scope != Scope::Token) return;
    for (std::size_t const chunk : {1, 7, 33, 73}) {
      auto const answer = test::evaluate(objective, columns, columns.whole(), chunk);
      CHECK(answer.d_log_p == whole.d_log_p);
      CHECK(answer.d_value == whole.d_value);
      CHECK(answer.loss == Approx(whole.loss).epsilon(1e-12));
    }
  });
}

TEST_CASE("huge log-ratios stay finite in each composition, in float too") {
  for (double const huge : {1e3, 1e30})
    for (bool const per_token : {false, true})
      test::for_each_composition([&](auto const& objective) {
        INFO(objective.describe() << ", " << huge);
        auto columns = test::ragged(2, per_token);
        for (std::size_t i = 0; i < columns.log_p.size(); ++i) {
          columns.log_p_old[i] += i % 2 ? huge : -huge;
          columns.log_p_rollout[i] += i % 3 ? huge : -huge;
          columns.log_p_ref[i] += i % 5 < 2 ? huge : -huge;
        }
        auto const selected = test::with_selection(objective, columns);
        CHECK(is_finite(test::evaluate(objective, selected, columns.whole())));
        CHECK(is_finite(test::evaluate(objective, test::cast<float>(selected), columns.whole())));
        for (std::size_t i = 0; i < columns.log_p.size(); ++i) columns.log_p_old[i] = columns.log_p[i] - huge;
        auto const far = test::with_selection(objective, columns);
        CHECK(is_finite(test::evaluate(objective, far, columns.whole())));
        CHECK(is_finite(test::evaluate(objective, test::cast<float>(far), columns.whole())));
      });
}

TEST_CASE("no composition reads the columns of tokens that do not count") {
  test::for_each_composition([](auto const& objective) {
    INFO(objective.describe());
    auto const columns = test::ragged(5, true);
    auto poisoned = columns;
    for (auto column : Columns<double>::all)
      for (std::size_t i = 0; i < columns.counts.size() && !(poisoned.*column).empty(); ++i)
        if (!columns.counts[i]) (poisoned.*column)[i] = std::numeric_limits<double>::quiet_NaN();
    auto const want = test::evaluate(objective, test::with_selection(objective, columns), columns.whole());
    auto const got = test::evaluate(objective, test::with_selection(objective, poisoned), columns.whole());
    CHECK(got.loss == want.loss);
    CHECK(got.d_log_p == want.d_log_p);
    CHECK(got.d_entropy == want.d_entropy);
    CHECK(got.d_value == want.d_value);
    for (auto const& [name, value] : want.metrics) CHECK(got.metrics.find(name) == value);
  });
}

TEST_CASE("sequences without a token that counts give no number but zero") {
  test::for_each_composition([](auto const& objective) {
    INFO(objective.describe());
    auto columns = test::ragged(3, false);
    std::ranges::fill(columns.counts, std::uint8_t{0});
    auto const answer = test::evaluate(objective, test::with_selection(objective, columns), columns.whole());
    CHECK(answer.loss == 0);
    CHECK(answer.d_log_p == std::vector<double>(columns.log_p.size()));
    for (auto const& [name, value] : answer.metrics) CHECK(value == 0);
  });
}
