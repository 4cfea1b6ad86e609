// SPDX-License-Identifier: Apache-2.0
// Products of TRL's options against TRL's own loss (tests/oracle/trl_products.py wrote the numbers).
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "open_rs/algorithm_options.hpp"
#include "open_rs/objective_batch.hpp"
#include "support/catch.hpp"

namespace {

using nlohmann::json;

double largest(std::vector<double> const& column) {
  double most = 0;
  for (double x : column) most = std::max(most, std::abs(x));
  return most;
}

/// Largest difference, relative to the largest number.
double difference(std::vector<double> const& got, std::vector<double> const& expected) {
  REQUIRE(got.size() == expected.size());
  double most = 0;
  for (std::size_t i = 0; i < got.size(); ++i) most = std::max(most, std::abs(got[i] - expected[i]));
  return most / std::max(largest(expected), 1e-6);
}

std::string joined(std::vector<std::string> const& settings) {
  std::string text;
  for (auto const& setting : settings) text += setting + ' ';
  return text;
}

}  // namespace

TEST_CASE("products of TRL's options have TRL's loss and derivatives") {
  auto const data = json::parse(std::ifstream(GROVE_TEST_DATA "/objective/trl_products.json"));
  std::set<std::vector<double>> different;
  for (auto const& c : data["cases"]) {
    auto const settings = c["settings"].get<std::vector<std::string>>();
    INFO(joined(settings));
    open_rs::ObjectiveOptions options;
    auto const algorithm = open_rs::algorithm_of({.name = "trl", .settings = settings}, options);
    auto const batch = read_batch(open_rs::parse_line(data["line"].dump(), 1), options);
    auto const answer = evaluate(algorithm, batch, options);
    auto const d_log_prob = c["d_log_prob"].get<std::vector<double>>();
    REQUIRE(largest(d_log_prob) > 1e-4);
    CHECK(answer.loss == Approx(c["loss"].get<double>()).epsilon(1e-7).margin(1e-9));
    CHECK(difference(answer.d_log_prob, d_log_prob) < 1e-7);
    if (c.contains("d_entropy"))
      CHECK(difference(answer.d_entropy, c["d_entropy"].get<std::vector<double>>()) < 1e-7);
    else
      CHECK(largest(answer.d_entropy) == 0);
    auto key = d_log_prob;
    key.push_back(c["loss"]);
    different.insert(key);
  }
  CHECK(data["cases"].size() > 300);
  CHECK(different.size() > 260);  // few options do nothing on this batch
}
