// SPDX-License-Identifier: Apache-2.0
// The estimators against TRL's own lines and independent scripts (tests/oracle/advantage.py wrote the numbers).
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "grove/advantage/beta_normalized.hpp"
#include "grove/advantage/decoupled_gae.hpp"
#include "grove/advantage/gae.hpp"
#include "grove/advantage/greedy_baseline.hpp"
#include "grove/advantage/group_relative.hpp"
#include "grove/advantage/leave_one_out.hpp"
#include "grove/advantage/length_adaptive_gae.hpp"
#include "grove/advantage/length_weighted_baseline.hpp"
#include "grove/advantage/max_minus_second.hpp"
#include "grove/advantage/mean_relative.hpp"
#include "grove/advantage/optimal_token_baseline.hpp"
#include "grove/advantage/pass_at_k_relative.hpp"
#include "grove/advantage/reward_decoupled.hpp"
#include "grove/advantage/signal_scaled.hpp"
#include "grove/advantage/whitened_group_relative.hpp"
#include "grove/advantage/whitened_return.hpp"
#include "helpers.hpp"

using namespace grove;
using nlohmann::json;

namespace {

json const& data() {
  static json const all = json::parse(std::ifstream(GROVE_TEST_DATA "/advantage/estimates.json"));
  return all;
}

/// The fixture's batch; tokens that are not counted are the environment's.
template <class T>
test::Batch<T> batch_of(json const& from, std::string const& reward) {
  test::Batch<T> batch;
  for (std::size_t s = 0; s < from["lengths"].size(); ++s)
    batch.add(from["lengths"][s], from["groups"][s], from[reward][s].get<double>());
  batch.counts = from["counts"].get<std::vector<std::uint8_t>>();
  for (std::size_t t = 0; t < batch.counts.size(); ++t) {
    if (batch.counts[t]) continue;
    auto& ranges = batch.episodes.environment;
    if (ranges.empty() || ranges.back().end != t) ranges.push_back({t, t});
    ++ranges.back().end;
  }
  if (reward == "reward") {
    batch.token_reward = from["token_reward"].get<std::vector<T>>();
    batch.greedy_reward = from["greedy_reward"].get<std::vector<T>>();
    batch.value = from["value"].get<std::vector<T>>();
    batch.bootstrap = from["bootstrap"].get<std::vector<T>>();
    batch.log_prob = from["log_prob"].get<std::vector<T>>();
    batch.sum_squares = from["sum_squares"].get<std::vector<T>>();
  }
  return batch;
}

/// Sets a piece's numbers from a case's options of the same name.
template <class P>
P configured(P piece, json const& options) {
  visit_options(piece, [&](Option const& option, auto& member) {
    auto const at = options.find(std::string(option.name));
    if (at != options.end()) member = at->template get<std::remove_cvref_t<decltype(member)>>();
  });
  return piece;
}

/// Calls f with the estimator that a case names.
template <class F>
void with_estimator(json const& c, F const& f) {
  std::string const name = c["estimator"];
  json const& options = c["options"];
  auto const is = [&](auto piece) {
    if (piece.describe() != name) return false;
    f(configured(piece, options));
    return true;
  };
  if (name == "MaxMinusSecond" && options["scaled"]) return f(MaxMinusSecond<OverGroup>{.eps = 1e-6});
  if (name == "MaxMinusSecond") return f(MaxMinusSecond<Unscaled>{});
  bool const found = is(LeaveOneOut{}) || is(LengthWeightedBaseline{}) || is(GreedyBaseline{}) ||
                     is(WhitenedGroupRelative{}) || is(WhitenedReturn{}) || is(OptimalTokenBaseline{}) || is(Gae{}) ||
                     is(DecoupledGae{}) || is(LengthAdaptiveGae{}) || is(SignalScaled{}) || is(PassAtKRelative{}) ||
                     is(BetaNormalized{}) || is(MeanRelative{});
  if (!found) FAIL("no estimator " << name);
}

/// Compares at the tokens that count.
template <class T>
void compare(std::vector<T> const& got, json const& want, std::vector<std::uint8_t> const& counts, double margin) {
  REQUIRE(got.size() == want.size());
  for (std::size_t t = 0; t < got.size(); ++t) {
    if (!counts[t]) continue;
    double const x = want[t];
    INFO("token " << t);
    CHECK(static_cast<double>(got[t]) == Approx(x).epsilon(margin).margin(margin));
  }
}

template <class T>
void check_cases(std::string const& list, std::string const& reward, double margin) {
  auto const batch = batch_of<T>(data(), reward);
  std::size_t seen = 0;
  for (auto const& c : data()[list]) {
    INFO(c["estimator"] << " " << c["options"]);
    with_estimator(c, [&](auto const& estimator) {
      auto const got = test::estimate(estimator, batch);
      compare(got.advantage, c["advantage"], batch.counts, margin);
      if (!c["target"].is_null()) compare(got.target, c["target"], batch.counts, margin);
    });
    ++seen;
  }
  CHECK(seen >= 6);
}

}  // namespace

TEST_CASE("estimators agree with published definitions, shaped rewards and environment tokens among them") {
  check_cases<double>("cases", "reward", 1e-12);
  check_cases<float>("cases", "reward", 2e-5);
}

TEST_CASE("estimators for right and wrong answers agree with published definitions") {
  check_cases<double>("binary", "solved", 1e-12);
  check_cases<float>("binary", "solved", 1e-6);
}

TEST_CASE("group advantages of several rewards, some declined, agree with TRL's") {
  json const& trl = data()["trl"];
  std::vector<std::string> const names = {"a", "b", "c"};
  test::Batch<double> batch;
  batch.rewards = RewardMatrix(names, trl["weights"].get<std::vector<double>>(), trl["rewards"].size());
  for (std::size_t s = 0; s < trl["rewards"].size(); ++s) {
    for (std::size_t r = 0; r < names.size(); ++r)
      if (auto const& x = trl["rewards"][s][r]; !x.is_null()) batch.rewards(r, s) = x.get<double>();
    batch.add(1, static_cast<std::uint32_t>(s / 4), batch.rewards.combined(s));
  }
  REQUIRE(trl["cases"].size() == 4);
  for (auto const& c : trl["cases"]) {
    INFO(c["aggregation"] << " " << c["scale"]);
    std::vector<double> const want = c["advantage"];
    if (c["aggregation"] == "normalize_then_sum")
      test::check_close(test::of_sequences(RewardDecoupled{}, batch), want, 1e-13);
    else if (c["scale"] == "group")
      test::check_close(test::of_sequences(GroupRelative<OverGroup>{}, batch), want, 1e-13);
    else if (c["scale"] == "batch")
      test::check_close(test::of_sequences(GroupRelative<OverBatch>{}, batch), want, 1e-13);
    else
      test::check_close(test::of_sequences(GroupRelative<Unscaled>{}, batch), want, 1e-13);
  }
}
