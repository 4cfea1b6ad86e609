// SPDX-License-Identifier: Apache-2.0
// Threads must not show in an objective's numbers.
#include "grove/objective/evaluate.hpp"

#include <vector>

#include "grove/algorithms.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace grove;

namespace {

/// Enough sequences of `some_columns` for several portions.
test::Columns<float> large_columns() {
  auto const small = test::cast<float>(test::some_columns(11));
  test::Columns<float> large;
  for (int i = 0; i < 1500; ++i) {
    large.lengths.insert(large.lengths.end(), small.lengths.begin(), small.lengths.end());
    large.counts.insert(large.counts.end(), small.counts.begin(), small.counts.end());
    for (auto column : test::Columns<float>::all)
      (large.*column).insert((large.*column).end(), (small.*column).begin(), (small.*column).end());
  }
  return large;
}

template <class O>
struct Sums {
  std::vector<float> d_log_p{}, d_entropy{}, d_value{};
  typename O::tally_type tally{};
};

template <class O, class F>
Sums<O> sums_of(O const& objective, test::Gathered<float> const& batch, F const& evaluate) {
  auto const rows = batch.rows(0, batch.tokens.size());
  typename O::counts_type counts{};
  objective.count(rows, counts);
  typename O::denominators_type denominators;
  for (std::size_t i = 0; i < counts.size(); ++i)
    denominators[i] = {.micro_batch = counts[i], .data_parallel = counts[i], .window = counts[i]};
  std::vector<float> const zeros(batch.tokens.size());
  Sums<O> sums{.d_log_p = zeros, .d_entropy = zeros, .d_value = zeros};
  evaluate(rows, denominators, {.log_prob = sums.d_log_p, .entropy = sums.d_entropy, .value = sums.d_value},
           sums.tally);
  return sums;
}

template <class Algorithm>
void check(test::Gathered<float> const& batch) {
  auto const objective = Algorithm{}.objective;
  using O = decltype(Algorithm{}.objective);
  INFO(objective.describe());
  auto const alone = sums_of(objective, batch,
                             [&](Rows<float> const& rows, auto const& denominators, TokenGradients<float> gradients,
                                 auto& tally) { objective.evaluate(rows, denominators, gradients, tally); });
  auto const on = [&](std::size_t threads) {
    WorkerPool pool(threads);
    return sums_of(objective, batch,
                   [&](Rows<float> const& rows, auto const& denominators, TokenGradients<float> gradients,
                       auto& tally) { evaluate(objective, rows, denominators, gradients, tally, pool); });
  };
  Sums<O> const one = on(1), three = on(3);
  CHECK(one.d_log_p == alone.d_log_p);
  CHECK(one.d_entropy == alone.d_entropy);
  CHECK(three.d_log_p == one.d_log_p);
  CHECK(three.d_entropy == one.d_entropy);
  CHECK(three.tally.losses == one.tally.losses);
  CHECK(three.tally.metrics == one.tally.metrics);
  CHECK(three.tally.tokens == alone.tally.tokens);
  for (std::size_t i = 0; i < O::size; ++i) CHECK(one.tally.losses[i] == Approx(alone.tally.losses[i]).epsilon(1e-9));
}

}  // namespace

TEST_CASE("an objective's numbers are the same on one thread, on three and without a pool") {
  auto const columns = large_columns();
  test::Gathered<float> const batch(columns, columns.whole().front());
  REQUIRE(batch.tokens.size() > 3 * (std::size_t{1} << 15U));
  check<Grpo>(batch);
  check<Gspo>(batch);
  check<Dapo>(batch);
}

TEST_CASE("a batch without a row has no sums on threads either") {
  auto const columns = test::cast<float>(test::some_columns(3));
  test::Gathered<float> const batch(columns, {2});  // the empty sequence
  REQUIRE(batch.tokens.empty());
  WorkerPool pool(2);
  auto const objective = Grpo{}.objective;
  auto const sums = sums_of(objective, batch,
                            [&](Rows<float> const& rows, auto const& denominators, TokenGradients<float> gradients,
                                auto& tally) { evaluate(objective, rows, denominators, gradients, tally, pool); });
  CHECK(sums.tally.loss() == 0);
}
