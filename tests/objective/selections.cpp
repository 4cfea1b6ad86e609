// SPDX-License-Identifier: Apache-2.0
// Rules that pick tokens out of a minibatch: against torch's quantile and topk, their counts and bounds, and that
// ranks and splits do not show in them.
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/objective/top_entropy.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"
#include "support/two_ranks.hpp"

using namespace grove;
using nlohmann::json;

namespace {

json const& data() {
  static json const all = json::parse(std::ifstream(GROVE_TEST_DATA "/objective/published.json"));
  return all;
}

/// Columns of one long sequence; advantage and log-prob have the covariance that the tests speak of.
test::Columns<double> many(std::size_t n) {
  test::Columns<double> c{.lengths = {n}, .counts = std::vector<std::uint8_t>(n, 1)};
  RandomStream const random({.seed = 4});
  for (std::uint32_t i = 0; i < n; ++i) {
    c.log_p.push_back(-std::abs(normal(random, {.index = 0, .token = i})) - 0.1);
    c.log_p_old.push_back(c.log_p.back() + 0.2 * normal(random, {.index = 1, .token = i}));
    c.advantage.push_back(2 * normal(random, {.index = 2, .token = i}));
    c.entropy.push_back(std::abs(normal(random, {.index = 3, .token = i})));
    c.counts[i] = i % 11 != 5;
  }
  return c;
}

template <class S, class C>
std::vector<double> select(S const& rule, test::Columns<double> const& columns, SelectionKey key, C& communicator) {
  test::Gathered<double> const all(columns, columns.whole()[0]);
  std::vector<double> selected(columns.counts.size());
  rule(all.rows(0, selected.size()), key, communicator, std::span(selected));
  return selected;
}

template <class S>
std::vector<double> select(S const& rule, test::Columns<double> const& columns, SelectionKey key = {}) {
  Solo solo;
  return select(rule, columns, key, solo);
}

double count(std::vector<double> const& selected) { return std::accumulate(selected.begin(), selected.end(), 0.0); }

/// Tokens [first, last) of one sequence as a batch of its own.
test::Columns<double> part(test::Columns<double> const& all, std::size_t first, std::size_t last) {
  test::Columns<double> c{.lengths = {last - first}};
  c.counts.assign(all.counts.begin() + first, all.counts.begin() + last);
  for (auto column : test::Columns<double>::all)
    if (!(all.*column).empty()) (c.*column).assign((all.*column).begin() + first, (all.*column).begin() + last);
  return c;
}

/// The choice of two ranks, the first of which holds the tokens before `cut`.
template <class S>
std::vector<double> select_on_two_ranks(S const& rule, test::Columns<double> const& columns, std::size_t cut,
                                        SelectionKey key = {}) {
  std::array<std::vector<double>, 2> selected;
  test::on_two_ranks([&](test::Rank& rank) {
    auto const mine = rank.rank() == 0 ? part(columns, 0, cut) : part(columns, cut, columns.counts.size());
    selected[rank.rank()] = select(rule, mine, key, rank);
  });
  selected[0].insert(selected[0].end(), selected[1].begin(), selected[1].end());
  return selected[0];
}

}  // namespace

TEST_CASE("TopEntropy takes what lies at or above torch's quantile") {
  for (auto const& c : data()["quantiles"]) {
    test::Columns<double> columns{.lengths = {c["values"].size()}, .counts = {}, .log_p = c["values"]};
    columns.counts.assign(columns.log_p.size(), 1);
    columns.entropy = columns.log_p;
    INFO(c["fraction"] << " of " << columns.log_p.size());
    CHECK(select(TopEntropy{.fraction = c["fraction"]}, columns) == c["selected"].get<std::vector<double>>());
  }
  auto const columns = many(50);
  CHECK(select(TopEntropy{.fraction = 1}, columns) == std::vector<double>(50, 1.0));
}

TEST_CASE("LargestCovariance takes torch's topk, at least one token, and none that does not count") {
  auto const& c = data()["covariances"];
  test::Columns<double> columns{.lengths = {data()["log_p"].size()}, .counts = {}, .log_p = data()["log_p"]};
  columns.advantage = data()["advantage"].get<std::vector<double>>();
  for (double const x : data()["counts"]) columns.counts.push_back(x != 0);
  auto const n = static_cast<double>(c["rows"].size());
  for (auto const& [k, rows] : c["top"].items()) {
    std::vector<double> want(columns.counts.size());
    for (std::size_t row : rows) want[row] = 1;
    CHECK(select(LargestCovariance{.ratio = (std::stod(k) + 0.5) / n}, columns) == want);
  }
  CHECK(count(select(LargestCovariance{.ratio = 1e-9}, columns)) == 1);
  Solo solo;
  test::Gathered<double> const all(columns, columns.whole()[0]);
  auto const cov = detail::covariances(all.rows(0, columns.counts.size()), solo);
  for (std::size_t i = 0; i < c["rows"].size(); ++i)
    CHECK(cov[c["rows"][i].get<std::size_t>()] == Approx(c["cov"][i].get<double>()).epsilon(1e-12));
}

TEST_CASE("RandomHighCovariance draws so many tokens from between its bounds, and again by the same key") {
  auto const columns = many(4000);
  Solo solo;
  test::Gathered<double> const all(columns, columns.whole()[0]);
  auto const cov = detail::covariances(all.rows(0, 4000), solo);
  RandomHighCovariance const rule{.ratio = 0.01, .low = 0.2, .high = 2};
  auto const first = select(rule, columns, {.seed = 1, .step = 2, .update = 3});
  double counted = 0;
  for (auto c : columns.counts) counted += c;
  CHECK(count(first) == std::floor(0.01 * counted));
  for (std::size_t i = 0; i < cov.size(); ++i) {
    if (first[i] == 0) continue;
    double const r = std::exp(columns.log_p[i] - columns.log_p_old[i]);
    CHECK(columns.counts[i] == 1);
    CHECK((cov[i] > 0.2 && cov[i] < 2));
    CHECK_FALSE((columns.advantage[i] > 0 ? r > 1.2 : r < 0.8));
  }
  CHECK(select(rule, columns, {.seed = 1, .step = 2, .update = 3}) == first);
  for (SelectionKey const key : {SelectionKey{2, 2, 3}, SelectionKey{1, 3, 3}, SelectionKey{1, 2, 4}})
    CHECK(select(rule, columns, key) != first);
  CHECK(count(select(RandomHighCovariance{.ratio = 0, .low = 0.2, .high = 2}, columns)) == 1);
  CHECK(count(select(RandomHighCovariance{.ratio = 1, .low = 100, .high = 200}, columns)) == 0);
}

TEST_CASE("every candidate is drawn as often as another") {
  auto const columns = many(300);
  RandomHighCovariance const rule{.ratio = 0.02, .low = 0.2, .high = 2};
  std::vector<double> drawn(300);
  double most = 0, least = 1e9, candidates = 0;
  auto const all = select(RandomHighCovariance{.ratio = 1, .low = 0.2, .high = 2}, columns);
  for (std::uint64_t step = 0; step < 4000; ++step) {
    auto const selected = select(rule, columns, {.step = step});
    for (std::size_t i = 0; i < drawn.size(); ++i) drawn[i] += selected[i];
  }
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    if (all[i] == 0) {
      CHECK(drawn[i] == 0);
      continue;
    }
    ++candidates;
    most = std::max(most, drawn[i]);
    least = std::min(least, drawn[i]);
  }
  double const expected = 4000 * 5 / candidates;  // 2 % of 273 tokens, rounded down
  CHECK(most < expected + 5 * std::sqrt(expected));
  CHECK(least > expected - 5 * std::sqrt(expected));
}

TEST_CASE("two ranks choose what one rank chooses, wherever the batch is cut") {
  auto const columns = many(500);
  for (std::size_t const cut : {0, 1, 77, 250, 499, 500}) {
    INFO(cut);
    CHECK(select_on_two_ranks(TopEntropy{}, columns, cut) == select(TopEntropy{}, columns));
    CHECK(select_on_two_ranks(LargestCovariance{.ratio = 0.05}, columns, cut) ==
          select(LargestCovariance{.ratio = 0.05}, columns));
    RandomHighCovariance const rule{.ratio = 0.05, .low = 0.2, .high = 2};
    CHECK(select_on_two_ranks(rule, columns, cut, {.seed = 5}) == select(rule, columns, {.seed = 5}));
  }
}

TEST_CASE("the k-th largest of numbers of both signs, equal ones and infinities") {
  Solo solo;
  std::vector<double> const numbers = {3, -1, 0, -HUGE_VAL, 3, 1e-300, -1e300, 7};
  std::vector<double> const sorted = {7, 3, 3, 1e-300, 0, -1, -1e300};
  for (std::size_t k = 1; k <= sorted.size(); ++k)
    CHECK(detail::kth_largest(numbers, static_cast<double>(k), solo) == sorted[k - 1]);
  CHECK(detail::kth_largest(numbers, 8, solo) == -HUGE_VAL);
  std::vector<double> selected(numbers.size());
  detail::select_largest(numbers, 2, solo, std::span(selected));
  CHECK(selected == std::vector<double>{1, 0, 0, 0, 1, 0, 0, 1});  // both that equal the second
  detail::select_largest(numbers, 100, solo, std::span(selected));
  CHECK(count(selected) == 7);
}
