// SPDX-License-Identifier: Apache-2.0
// The objective against torch's autograd through TRL's own loss (tests/oracle/objective.py wrote the numbers).
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/objective/nll.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using nlohmann::json;

namespace {

json const& data() {
  static json const all = json::parse(std::ifstream(GROVE_TEST_DATA "/objective/losses.json"));
  return all;
}

test::Columns<double> columns_of(json const& from, json const& advantage) {
  test::Columns<double> c{.lengths = from["lengths"],
                          .counts = {},
                          .log_p = from["log_p"],
                          .log_p_old = from["log_p_old"],
                          .log_p_ref = from["log_p_ref"],
                          .entropy = from["entropy"]};
  for (double const x : from["counts"]) c.counts.push_back(x != 0);
  for (std::size_t s = 0; s < c.lengths.size(); ++s) c.advantage.insert(c.advantage.end(), c.lengths[s], advantage[s]);
  return c;
}

/// Fills in a case's numbers and hands the objective on.
template <class Ratio, class Kl, class Aggregate>
auto build(json const& c, Aggregate aggregate) {
  using Surrogate = grove::PolicyGradient<Ratio, grove::Clip>;
  using Bonus = grove::EntropyBonus<grove::FixedEntropy, Aggregate>;
  grove::Terms<Aggregate, Surrogate, grove::KlInLoss<Kl>, Bonus> objective{.aggregate = aggregate};
  objective.template get<Surrogate>().surrogate = {.low = c["low"], .high = c["high"]};
  objective.template get<grove::KlInLoss<Kl>>().coefficient = c["beta"];
  objective.template get<Bonus>() = {.coefficient = c["entropy"], .aggregate = aggregate};
  return objective;
}

/// Calls f with the composition that a case names.
template <class F>
void with_objective(json const& c, F const& f) {
  using namespace grove;
  std::string const aggregate = c["aggregate"];
  if (c["ratio"] == "sequence") return f(build<SequenceRatio, K3>(c, SequenceMean<Window>{}));
  if (c["kl"] == "K2") return f(build<TokenRatio, K2>(c, SequenceMean<Window>{}));
  if (aggregate == "SequenceMean") return f(build<TokenRatio, K3>(c, SequenceMean<Window>{}));
  if (aggregate == "TokenMean") return f(build<TokenRatio, K3>(c, TokenMean<Window>{}));
  if (aggregate == "SequenceSum") return f(build<TokenRatio, K3>(c, SequenceSum<Window>{}));
  if (aggregate == "LocalTokenMean") return f(build<TokenRatio, K3>(c, TokenMean<Local>{}));
  if (aggregate == "LocalSequenceMean") return f(build<TokenRatio, K3>(c, SequenceMean<Local>{}));
  if (aggregate == "ConstantLength") return f(build<TokenRatio, K3>(c, ConstantLength<Local>{.length = c["length"]}));
  if (aggregate == "nll") return f(Terms<TokenMean<Window>, NegativeLogLikelihood>{});
  FAIL("no composition for " << aggregate);
}

template <class T>
void compare(json const& c, test::Columns<double> const& columns, double tolerance) {
  INFO(c["name"].get<std::string>());
  with_objective(c, [&](auto const& objective) {
    auto const answer = test::evaluate(objective, test::cast<T>(columns), c["micro_batches"].get<test::Split>());
    CHECK(answer.loss == Approx(c["loss"].get<double>()).epsilon(tolerance));
    CHECK(test::relative_difference(answer.d_log_p, c["d_log_p"].get<std::vector<double>>()) < tolerance);
    CHECK(test::relative_difference(answer.d_entropy, c["d_entropy"].get<std::vector<double>>()) < tolerance);
    if (!c.contains("metrics")) return;
    for (auto const& [name, value] : c["metrics"].items())
      CHECK(answer.metrics.find(name).value_or(-1) == Approx(value.template get<double>()).epsilon(tolerance));
  });
}

}  // namespace

TEST_CASE("losses and derivatives in double are TRL's and torch's") {
  REQUIRE(data()["cases"].size() == 13);
  for (auto const& c : data()["cases"]) compare<double>(c, columns_of(data(), data()["advantage"]), 1e-10);
}

TEST_CASE("losses and derivatives in float are TRL's and torch's") {
  for (auto const& c : data()["cases"]) compare<float>(c, columns_of(data(), data()["advantage"]), 1e-5);
}

TEST_CASE("Grpo and GrpoTokenMean are the cases of their names") {
  auto const columns = columns_of(data(), data()["advantage"]);
  std::size_t seen = 0;
  for (auto const& c : data()["cases"]) {
    auto const check = [&](auto const& algorithm) {
      auto const answer = test::evaluate(algorithm.objective, columns, columns.whole());
      CHECK(answer.loss == Approx(c["loss"].get<double>()).epsilon(1e-10));
      CHECK(test::relative_difference(answer.d_log_p, c["d_log_p"].get<std::vector<double>>()) < 1e-10);
      ++seen;
    };
    if (c["name"] == "Grpo") check(grove::Grpo{});
    if (c["name"] == "GrpoTokenMean") check(grove::GrpoTokenMean{});
  }
  CHECK(seen == 2);
}

TEST_CASE("a whole step from rewards to gradient is TRL's") {
  auto const& step = data()["step"];
  auto columns = columns_of(data(), data()["advantage"]);
  auto const n = columns.lengths.size();
  grove::RewardMatrix matrix({"a", "b"}, step["weights"].get<std::vector<double>>(), n);
  for (std::size_t r = 0; r < 2; ++r)
    for (std::size_t s = 0; s < n; ++s)
      if (!step["rewards"][r][s].is_null()) matrix(r, s) = step["rewards"][r][s].get<double>();
  grove::Episodes episodes;
  for (std::size_t s = 0; s < n; ++s) episodes.add(columns.lengths[s], step["group"][s], false);
  std::vector<double> reward(n);
  std::vector<std::uint8_t> valid(n);
  for (std::size_t s = 0; s < n; ++s) {
    auto const combined = matrix.combined(s);
    reward[s] = combined.value_or(0);
    valid[s] = combined.has_value();
  }
  grove::Metrics metrics;
  std::ranges::fill(columns.advantage, 0.0);
  grove::EstimatorInput<double> const in{episodes, matrix, reward, valid, {}, {}, {}};
  grove::GroupRelative<>{}(in, grove::EstimatorOutput<double>{columns.advantage, {}, metrics});
  auto const starts = columns.starts();
  for (std::size_t s = 0; s < n; ++s)
    if (columns.lengths[s] > 0)
      CHECK(columns.advantage[starts[s]] == Approx(step["advantage"][s].get<double>()).epsilon(1e-12).margin(1e-15));
  grove::report_batch(matrix, episodes, metrics);
  CHECK(metrics.find("reward_std").value_or(-1) == Approx(step["reward_std"].get<double>()).epsilon(1e-12));
  compare<double>(step, columns, 1e-10);
}

TEST_CASE("Clip at its kinks takes torch's side") {
  REQUIRE(data()["kinks"].size() == 90);
  for (auto const& row : data()["kinks"]) {
    INFO(row);
    grove::Clip const clip{.low = row[0], .high = row[1]};
    auto const value = clip(row[2].get<double>(), test::advantage(row[3].get<double>()));
    CHECK(value.loss == row[4].get<double>());
    CHECK(value.d_ratio == row[5].get<double>());
  }
}
