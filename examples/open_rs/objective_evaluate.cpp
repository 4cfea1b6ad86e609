// SPDX-License-Identifier: Apache-2.0
// The phases of Trainer::step on given columns: shape, estimate, count, select, evaluate.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "grove/batch_report.hpp"
#include "grove/error.hpp"
#include "grove/solo.hpp"
#include "open_rs/objective_batch.hpp"

namespace open_rs {

namespace {

using grove::Column;

void require(bool given, char const* column, ObjectiveBatch const& batch) {
  if (!given)
    throw grove::Error(batch.where, std::string(column) + " is missing", "one number a token: the algorithm reads it");
}

/// Names the first sequence of a group that the algorithm cannot do with.
void check_groups(grove::AnyAlgorithm const& algorithm, ObjectiveBatch const& batch) {
  auto const& group = batch.episodes.group;
  std::map<std::uint32_t, std::size_t> sizes;
  for (auto g : group) ++sizes[g];
  for (std::size_t s = 0; s < group.size(); ++s) {
    auto const size = sizes[group[s]];
    try {
      algorithm.advantage.check_group(size);
    } catch (grove::Error const& e) {
      auto const where = batch.where + ", groups[" + std::to_string(s) + "]";
      if (e.where != "option num_generations") throw grove::Error(where + ", " + e.where, e.problem, e.expected, e.fix);
      throw grove::Error(where, "is a group of " + std::to_string(size), e.expected + " sequences", e.fix);
    }
  }
}

void check_columns(grove::AnyAlgorithm const& algorithm, ObjectiveBatch const& batch) {
  auto const wanted = algorithm.objective.wanted() | algorithm.shaping.wanted() | algorithm.advantage.needs;
  bool const empty = batch.episodes.tokens() == 0;
  auto const given = [&](std::vector<double> const& column) { return empty || !column.empty(); };
  if (wanted.contains(Column::RefLogProb)) require(given(batch.ref_log_probs), "ref_log_probs", batch);
  if (wanted.contains(Column::Entropy)) require(given(batch.entropies), "entropies", batch);
  if (wanted.contains(Column::Value)) require(given(batch.values), "values", batch);
  if (wanted.contains(Column::SumSquares)) require(given(batch.sum_squares), "sum_squares", batch);
  if (algorithm.advantage.needs_groups && !batch.has_groups)
    throw grove::Error(batch.where, "groups is missing",
                       "one id a sequence: the algorithm compares answers of a group");
  if (algorithm.advantage.needs_greedy && batch.greedy_rewards.empty() && batch.episodes.sequences() > 0)
    throw grove::Error(batch.where, "greedy_rewards is missing", "one number a group: the algorithm's baseline");
  if (algorithm.advantage.needs_groups) check_groups(algorithm, batch);
}

/// Rewards of single tokens, where the algorithm has the KL in the reward.
std::vector<double> shaped(grove::AnyAlgorithm const& algorithm, ObjectiveBatch const& batch,
                           std::vector<double> const& old, grove::Metrics& metrics) {
  if (algorithm.shaping.wanted().empty()) return {};
  std::vector<double> token_reward(batch.episodes.tokens());
  algorithm.shaping(grove::ShapingInput<double>{batch.episodes, batch.counts, old, batch.ref_log_probs},
                    std::span(token_reward), metrics);
  return token_reward;
}

/// Each input is finite, and still a product of them may not be.
void refuse_overflow(ObjectiveAnswer const& answer, ObjectiveBatch const& batch) {
  auto const check = [&](std::string const& name, double x) {
    if (!std::isfinite(x))
      throw grove::Error(batch.where, name + " comes out as " + std::to_string(x), "a finite number",
                         "give smaller rewards, values, weights or coefficients");
  };
  auto const check_column = [&](std::string const& name, std::vector<double> const& column) {
    for (std::size_t s = 0; s < batch.episodes.sequences(); ++s)
      for (auto t = batch.episodes.cu_seqlens[s]; t < batch.episodes.cu_seqlens[s + 1]; ++t)
        if (!std::isfinite(column[t])) check(name + "[" + std::to_string(s) + "]", column[t]);
  };
  check_column("advantages", answer.advantages);
  check("loss", answer.loss);
  check_column("d_log_prob", answer.d_log_prob);
  check_column("d_entropy", answer.d_entropy);
  check_column("d_value", answer.d_value);
  for (auto const& [name, value] : answer.metrics) check("metric " + std::string(name), value);
}

ObjectiveAnswer evaluated(grove::AnyAlgorithm const& algorithm, ObjectiveBatch const& batch,
                          ObjectiveOptions const& options) {
  check_columns(algorithm, batch);
  auto const& episodes = batch.episodes;
  auto const tokens = episodes.tokens(), sequences = episodes.sequences();
  auto const& old = batch.old_log_probs.empty() ? batch.log_probs : batch.old_log_probs;
  auto const& old_values = batch.old_values.empty() ? batch.values : batch.old_values;
  ObjectiveAnswer answer{.advantages = std::vector<double>(tokens),
                         .d_log_prob = std::vector<double>(tokens),
                         .d_entropy = std::vector<double>(tokens),
                         .d_value = std::vector<double>(tokens)};
  grove::report_batch(batch.rewards, episodes, answer.metrics);

  std::vector<double> reward(sequences), token_sequence_reward, returns, bootstrap(sequences);
  std::vector<std::uint8_t> valid(sequences);
  for (std::size_t s = 0; s < sequences; ++s) {
    auto const combined = batch.rewards.combined(s);
    reward[s] = combined.value_or(0);
    valid[s] = combined.has_value();
    token_sequence_reward.insert(token_sequence_reward.end(), episodes.length(s), reward[s]);
  }
  auto const token_reward = shaped(algorithm, batch, old, answer.metrics);
  if (algorithm.objective.wanted().contains(Column::Value)) returns.resize(tokens);
  grove::Solo solo;
  algorithm.advantage(grove::EstimatorInput<double>{.episodes = episodes,
                                                    .rewards = batch.rewards,
                                                    .reward = reward,
                                                    .valid = valid,
                                                    .counts = batch.counts,
                                                    .token_reward = token_reward,
                                                    .greedy_reward = batch.greedy_rewards,
                                                    .value = old_values,
                                                    .bootstrap = bootstrap,
                                                    .log_prob = old,
                                                    .sum_squares = batch.sum_squares},
                      grove::EstimatorOutput<double>{answer.advantages, returns, answer.metrics}, solo);
  if (!returns.empty()) grove::report_critic<double>(old_values, returns, batch.counts, answer.metrics);

  std::vector<std::uint32_t> lengths;
  for (std::size_t s = 0; s < sequences; ++s) {
    std::uint32_t counted = 0;
    for (auto t = episodes.cu_seqlens[s]; t < episodes.cu_seqlens[s + 1]; ++t) counted += batch.counts[t];
    lengths.push_back(counted);
  }
  std::vector<double> selected;
  grove::Rows<double> rows{.cu_seqlens = episodes.cu_seqlens,
                           .lengths = lengths,
                           .counts = batch.counts,
                           .log_p = batch.log_probs,
                           .log_p_old = old,
                           .log_p_rollout = batch.sampled_log_probs.empty() ? old : batch.sampled_log_probs,
                           .log_p_ref = batch.ref_log_probs,
                           .entropy = batch.entropies,
                           .advantage = answer.advantages,
                           .value = batch.values,
                           .value_old = old_values,
                           .return_ = returns,
                           .reward = token_sequence_reward};
  if (!algorithm.objective.selection.wanted().empty()) {
    selected.resize(tokens);
    algorithm.objective.selection(rows, {.seed = options.seed}, solo, std::span(selected));
    rows.selected = selected;
  }
  grove::AnyAlgorithm::objective_type::counts_type counts{};
  algorithm.objective.count(rows, counts);
  grove::AnyAlgorithm::objective_type::denominators_type denominators;
  for (std::size_t i = 0; i < counts.size(); ++i)
    denominators[i] = {.micro_batch = counts[i], .data_parallel = counts[i], .window = counts[i]};
  grove::AnyAlgorithm::objective_type::tally_type tally;
  tally.sequences = static_cast<double>(sequences);
  algorithm.objective.evaluate(rows, denominators,
                               grove::TokenGradients<double>{
                                   .log_prob = answer.d_log_prob, .entropy = answer.d_entropy, .value = answer.d_value},
                               tally);
  answer.loss = tally.loss();
  algorithm.objective.report(tally, answer.metrics);
  refuse_overflow(answer, batch);
  return answer;
}

}  // namespace

ObjectiveAnswer evaluate(grove::AnyAlgorithm const& algorithm, ObjectiveBatch const& batch,
                         ObjectiveOptions const& options) {
  try {
    return evaluated(algorithm, batch, options);
  } catch (grove::Error const& e) {
    if (e.where.starts_with(batch.where)) throw;
    throw grove::Error(batch.where + ", " + e.where, e.problem, e.expected, e.fix);
  }
}

}  // namespace open_rs
