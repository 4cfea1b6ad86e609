// SPDX-License-Identifier: Apache-2.0
// Four minibatches in each of two epochs on recorded completions: every update is TRL's own
// (tests/oracle/updates_trl.py wrote the numbers), or for what TRL lacks that of the papers' equations under torch
// (updates_published.py).
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "grove/named/named_algorithm.hpp"
#include "open_rs/algorithm_options.hpp"
#include "support/catch.hpp"
#include "support/tabular.hpp"

using nlohmann::json;

namespace {

using Settings = std::vector<std::string>;

json read(std::string const& name) { return json::parse(std::ifstream(GROVE_TEST_DATA "/objective/" + name)); }

void check_near(std::vector<double> const& got, std::vector<double> const& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(expected[i]).epsilon(1e-8).margin(1e-9));
}

/// Runs a case and compares its eight updates; the table afterwards, and what each update reported.
std::pair<test::Table, test::UpdateLog> replay(json const& data, json const& c, std::vector<double> const& weights) {
  open_rs::ObjectiveOptions run;
  auto algorithm = open_rs::algorithm_of({.name = c["algorithm"], .settings = c["settings"].get<Settings>()}, run);
  test::UpdateLog log;
  auto table = test::run_updates(std::move(algorithm), data, weights, log);
  REQUIRE(log.metrics.size() == 8);
  for (std::size_t u = 0; u < 8; ++u) {
    auto const& expected = c["updates"][u];
    INFO("update " << u);
    CHECK(*log.metrics[u].find("loss") == Approx(expected["loss"].get<double>()).epsilon(1e-9).margin(1e-12));
    CHECK(log.norms[u] == Approx(expected["norm"].get<double>()).epsilon(1e-9).margin(1e-12));
  }
  check_near(table.logits(), c["final"].get<std::vector<double>>());
  return {std::move(table), std::move(log)};
}

}  // namespace

TEST_CASE("eight updates of a batch are TRL's: loss, gradient norm, clip fractions, parameters") {
  auto const data = read("updates_trl.json");
  std::set<std::vector<double>> outcomes;
  double clipped = 0;
  for (auto const& c : data["cases"]) {
    INFO(c["algorithm"] << ' ' << c["settings"]);
    auto const [table, log] = replay(data, c, {1.0, 0.5});
    for (std::size_t u = 0; u < 8; ++u)
      for (auto const& [metric, value] : c["updates"][u]["metrics"].items()) {
        INFO("update " << u << ", " << metric);
        CHECK(log.metrics[u].find(metric).value_or(NAN) == Approx(value.get<double>()).epsilon(1e-6).margin(1e-9));
        if (metric == "clip_ratio/region_mean") clipped += value.get<double>();
      }
    outcomes.insert(table.logits());
  }
  CHECK(clipped > 10);
  CHECK(data["cases"].size() == 25);
  CHECK(outcomes.size() == 25);  // no two of them do the same
}

TEST_CASE("eight updates of the algorithms that TRL lacks are their papers'") {
  auto const data = read("updates_published.json");
  std::set<std::string> const token_clip = {
      "reinforce_plus_plus", "ppo", "vc_ppo", "pass_at_k", "max_rl", "reinforce_plus_plus_baseline", "bnpo_paper"};
  double clipped = 0;
  for (auto const& c : data["cases"]) {
    auto const name = c["algorithm"].get<std::string>();
    INFO(name << ' ' << c["settings"]);
    auto const [table, log] = replay(data, c, {1.0});
    check_near(table.values(), c["values"].get<std::vector<double>>());
    if (!token_clip.contains(name)) continue;
    for (std::size_t u = 0; u < 8; ++u) {
      INFO("update " << u);
      auto const& expected = c["updates"][u];
      CHECK(log.metrics[u].find("clip_ratio/low_mean").value_or(NAN) == Approx(expected["low"].get<double>()));
      CHECK(log.metrics[u].find("clip_ratio/high_mean").value_or(NAN) == Approx(expected["high"].get<double>()));
      clipped += expected["low"].get<double>() + expected["high"].get<double>();
    }
  }
  CHECK(clipped > 5);
  CHECK(data["cases"].size() == 17);
}

TEST_CASE("no two algorithms make the same of a batch, but GSPO and its token form") {
  auto const data = read("updates_published.json");
  std::map<std::string, Settings> const settings = {{"dr_grpo", {"max_completion_length=10"}},
                                                    {"pass_at_k", {"k=2"}},
                                                    {"vapo", {"alpha=0.5"}},
                                                    {"reinforce_plus_plus", {"gamma=0.9"}},
                                                    {"clip_cov", {"clip_cov_ratio=1", "clip_cov_lb=0.1"}},
                                                    {"gmpo", {"epsilon=0.1"}},
                                                    {"dppo", {"epsilon=0.05"}}};
  std::map<std::string, std::vector<double>> outcomes;
  for (auto const& named : grove::named_algorithms()) {
    std::string const name(named.name);
    open_rs::ObjectiveOptions run;
    auto const own = settings.find(name);
    auto algorithm =
        open_rs::algorithm_of({.name = name, .settings = own == settings.end() ? Settings{} : own->second}, run);
    test::UpdateLog log;
    auto const table = test::run_updates(std::move(algorithm), data, {1.0}, log);
    auto& outcome = outcomes[name] = table.logits();
    outcome.insert(outcome.end(), table.values().begin(), table.values().end());
    outcome.insert(outcome.end(), log.norms.begin(), log.norms.end());  // AdamW forgets a gradient's size
  }
  CHECK(outcomes.size() == 30);
  for (auto const& [one, a] : outcomes)
    for (auto const& [other, b] : outcomes) {
      if (one >= other) continue;
      double most = 0;
      for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
      INFO(one << " and " << other << ": " << most);
      if (one == "gspo" && other == "gspo_token")
        CHECK(most < 1e-9);  // one advantage a sequence: the same gradient, told differently
      else
        CHECK(most > 1e-4);
    }
}
