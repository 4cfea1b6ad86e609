// SPDX-License-Identifier: Apache-2.0
// Every option of TRL's loss against TRL's own code (tests/oracle/objective_trl.py wrote the numbers).
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/objective/rollout_correction.hpp"
#include "grove/objective/top_entropy.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace grove;
using nlohmann::json;

namespace {

json const& data() {
  static json const all = json::parse(std::ifstream(GROVE_TEST_DATA "/objective/trl.json"));
  return all;
}

test::Columns<double> columns_of(bool truncated) {
  auto const& d = data();
  test::Columns<double> c{.lengths = d["lengths"],
                          .counts = {},
                          .log_p = d["log_p"],
                          .log_p_old = d["log_p_old"],
                          .log_p_ref = d["log_p_ref"],
                          .entropy = d["entropy"],
                          .advantage = {},
                          .log_p_rollout = d["log_p_rollout"]};
  for (double const x : d["counts"]) c.counts.push_back(x != 0);
  auto const starts = c.starts();
  for (std::size_t s = 0; s < c.lengths.size(); ++s) {
    c.advantage.insert(c.advantage.end(), c.lengths[s], d["advantage"][s].get<double>());
    if (truncated && d["is_truncated"][s] == 1)
      for (auto i = starts[s]; i < starts[s + 1]; ++i) c.counts[i] = 0;
  }
  return c;
}

template <class T, class O>
void compare(json const& c, O const& objective, double tolerance) {
  auto columns = test::cast<T>(columns_of(c["truncated"]));
  columns.selected.resize(columns.counts.size());
  test::Gathered<T> const all(columns, columns.whole()[0]);
  Solo solo;
  if (!objective.selection.wanted().empty())
    objective.selection(all.rows(0, columns.counts.size()), {}, solo, std::span(columns.selected));
  auto const answer = test::evaluate(objective, columns, c["micro_batches"].get<test::Split>());
  CHECK(answer.loss == Approx(c["loss"].get<double>()).epsilon(tolerance));
  CHECK(test::relative_difference(answer.d_log_p, c["d_log_p"].get<std::vector<double>>()) < tolerance);
  CHECK(test::relative_difference(answer.d_entropy, c["d_entropy"].get<std::vector<double>>()) < tolerance);
  if (!c.contains("metrics")) return;
  for (auto const& [name, value] : c["metrics"].items()) {
    INFO(name);
    CHECK(answer.metrics.find(name).value_or(-1) == Approx(value.template get<double>()).epsilon(tolerance));
  }
}

constexpr Clip usual{.low = 0.2, .high = 0.2};
constexpr Clip narrow{.low = 0.02, .high = 0.03};

/// An objective of these terms under one aggregate.
template <class A, class... Ts>
Terms<A, Ts...> sum(A aggregate, Ts... terms) {
  return {.aggregate = aggregate, .terms = {terms...}};
}

/// The clipped surrogate at some level with some weights.
template <class R = TokenRatio, class... Ws>
PolicyGradient<R, Clip, Ws...> clipped(Clip clip = usual, Ws... weights) {
  return {.ratio = {}, .surrogate = clip, .weights = {weights...}};
}

template <class W>
W bounded() {
  W weight;
  weight.low = 0.8;
  weight.high = 1.3;
  return weight;
}

/// f(name, objective) for each case of the script.
template <class F>
void for_each_case(F const& f) {
  using Sequences = SequenceMean<Window>;
  using Tokens = TokenMean<Window>;
  KlInLoss<K3> const kl{.coefficient = 0.04};
  PolicyGradient<TokenRatio, CappedWeight<AbsoluteCap>> const capped{.surrogate = {.bound = {.cap = 1.1}}};
  f("grpo", sum(Sequences{}, clipped(), kl));
  f("grpo local", sum(SequenceMean<Local>{}, clipped()));
  f("bnpo", sum(TokenMean<Local>{}, clipped()));
  f("dr_grpo", sum(ConstantLength<Window>{.length = 20}, clipped()));
  f("dapo", sum(Tokens{}, clipped({.low = 0.2, .high = 0.28})));
  f("cispo", sum(Tokens{}, capped));
  f("sapo", sum(Sequences{}, PolicyGradient<TokenRatio, SoftGate>{}, kl));
  f("luspo", sum(SequenceSum<Window>{}, clipped<SequenceRatio>(narrow)));
  f("luspo token", sum(SequenceSum<Window>{}, clipped()));
  f("vespo with sampler", sum(Tokens{}, PolicyGradient<VespoWeight, LogProbability>{}));
  f("gspo", sum(Sequences{}, clipped<SequenceRatio>(narrow), kl));
  f("delta",
    sum(Sequences{}, PolicyGradient<TokenRatio, TwoSided<>>{.surrogate = {.inner = usual, .delta = 1.35}}, kl));
  f("delta sequence",
    sum(Sequences{}, PolicyGradient<SequenceRatio, TwoSided<>>{.surrogate = {.inner = narrow, .delta = 1.1}}));
  f("bias correction", sum(Sequences{}, clipped(), KlInLoss<K3, ImportanceWeighted>{.coefficient = 0.3}));
  f("entropy bonus", sum(Sequences{}, clipped(), EntropyBonus<>{.coefficient = 0.02}));
  f("off-policy mask", sum(Sequences{}, clipped<TokenRatio>(usual, OffPolicySequenceMask{.delta = 0.02}), kl));
  f("token_truncate", sum(Sequences{}, clipped<TokenRatio>(usual, bounded<TruncatedImportance>())));
  f("token_mask", sum(Sequences{}, clipped<TokenRatio>(usual, bounded<IcePop>()), kl));
  f("sequence_truncate", sum(Sequences{}, clipped<TokenRatio>(usual, bounded<SequenceTruncatedImportance>())));
  f("sequence_mask", sum(Sequences{}, clipped<TokenRatio>(usual, bounded<SequenceMask>())));
  f("sequence_mask of gspo", sum(Sequences{}, clipped<SequenceRatio>(narrow, bounded<SequenceMask>())));
  f("token_truncate of cispo",
    sum(Tokens{}, PolicyGradient<TokenRatio, CappedWeight<AbsoluteCap>, TruncatedImportance>{
                      .surrogate = capped.surrogate, .weights = {bounded<TruncatedImportance>()}}));
  f("truncated", sum(Sequences{}, clipped(), kl));
  f("truncated dapo", sum(Tokens{}, clipped()));
  f("rloo", sum(Sequences{}, clipped<SequenceLikelihoodRatio>({.low = 0.3, .high = 0.4})));
  auto top = sum(Tokens{}, clipped<TokenRatio>(usual, Keeping<TopEntropy>{}));
  top.selection.fraction = 0.3;
  f("top entropy", top);
  auto bonus = sum(Tokens{}, clipped<TokenRatio>(usual, Keeping<TopEntropy>{}),
                   EntropyBonus<FixedEntropy, Tokens, TopEntropy>{.coefficient = 0.02});
  bonus.selection.fraction = 0.3;
  f("top entropy with bonus", bonus);
}

json const& case_of(std::string const& name) {
  for (auto const& c : data()["cases"])
    if (c["name"] == name) return c;
  FAIL("no case " << name);
  return data();
}

}  // namespace

TEST_CASE("every option of TRL's loss, in double and in float") {
  std::size_t seen = 0;
  for_each_case([&](std::string const& name, auto const& objective) {
    INFO(name);
    compare<double>(case_of(name), objective, 1e-10);
    compare<float>(case_of(name), objective, 1e-5);
    ++seen;
  });
  // Compared below: without a sampler VESPO's second ratio is 1.
  CHECK(seen + 1 == data()["cases"].size());
}

TEST_CASE("VESPO without a sampler's log-probs is TRL's") {
  auto columns = columns_of(false);
  columns.log_p_rollout = columns.log_p_old;
  auto const& c = case_of("vespo");
  auto const objective = sum(TokenMean<Window>{}, PolicyGradient<VespoWeight, LogProbability>{});
  auto const answer = test::evaluate(objective, columns, c["micro_batches"].get<test::Split>());
  CHECK(answer.loss == Approx(c["loss"].get<double>()).epsilon(1e-10));
  CHECK(test::relative_difference(answer.d_log_p, c["d_log_p"].get<std::vector<double>>()) < 1e-10);
}

TEST_CASE("options that should differ do differ on these columns") {
  std::map<double, std::string> losses;
  for (auto const& c : data()["cases"]) {
    INFO(c["name"] << " and " << losses[c["loss"]]);
    CHECK(losses[c["loss"]].empty());
    losses[c["loss"]] = c["name"];
  }
}

TEST_CASE("the adaptive entropy coefficient follows TRL's over several steps") {
  auto objective = sum(TokenMean<Window>{}, clipped(),
                       EntropyBonus<AdaptiveEntropy>{.coefficient = 0.01, .control = {.target = 1.4, .max = 0.02}});
  for (auto const& step : data()["adaptive"]) {
    auto columns = columns_of(false);
    for (auto& entropy : columns.entropy) entropy *= step["factor"].get<double>();
    auto const answer = test::evaluate(objective, columns, columns.whole());
    CHECK(answer.loss == Approx(step["loss"].get<double>()).epsilon(1e-10));
    CHECK(test::relative_difference(answer.d_entropy, step["d_entropy"].get<std::vector<double>>()) < 1e-10);
    typename decltype(objective)::tally_type tally;
    tally.tokens.fill(1);
    tally.metrics.back() = *answer.metrics.find("bonus_entropy");
    objective.adapt(tally);
    CHECK(objective.get<EntropyBonus<AdaptiveEntropy>>().coefficient ==
          Approx(step["coefficient"].get<double>()).epsilon(1e-12));
  }
}
