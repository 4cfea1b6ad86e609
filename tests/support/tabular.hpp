// SPDX-License-Identifier: Apache-2.0
// A table of logits as a policy, in double: a token's distribution is the softmax of the row that its context names,
// and its value a number of the same context. For updates that a few lines of Python repeat to the last digits.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/trainer.hpp"

namespace test {

/// Recorded completions.
struct TableWalks {
  grove::Episodes episodes{};
  std::vector<std::size_t> context{}, token{};  // [tokens]
  std::vector<double> sampled{};                // [tokens] the sampler's log-probs
  std::vector<std::uint64_t> versions{};        // [tokens]
  grove::RewardMatrix rewards{};
  grove::UpdatePlan plan{};

  std::span<const double> rollout_log_probs() const { return sampled; }
  std::span<const std::uint64_t> policy_versions() const { return versions; }

  // A recording with a plan is not filtered.
  TableWalks select(grove::Sequences) const { return *this; }
  void append(TableWalks const&) {}
};

class Table {
 public:
  using Real = double;
  using Trajectories = TableWalks;
  static constexpr grove::ColumnSet provides = {grove::Column::LogProb, grove::Column::Entropy,
                                                grove::Column::SumSquares, grove::Column::Value};

  Table(std::size_t words, std::vector<double> logits, std::vector<double> values)
      : words_(words), logits_(std::move(logits)), values_(std::move(values)) {
    shape_ = {values_.size(), words_};
    d_logits_.resize(logits_.size());
    d_values_.resize(values_.size());
  }

  void score(TableWalks const& t, grove::Sequences sequences, grove::ColumnSet, grove::TokenOutputs<double> out) const {
    std::size_t i = 0;
    for (auto at : tokens_of(t, sequences)) {
      auto const p = distribution(t.context[at]);
      if (!out.log_prob.empty()) out.log_prob[i] = std::log(p[t.token[at]]);
      if (!out.entropy.empty()) out.entropy[i] = entropy(p);
      if (!out.sum_squares.empty()) {
        out.sum_squares[i] = 0;
        for (double x : p) out.sum_squares[i] += x * x;
      }
      if (!out.value.empty()) out.value[i] = values_[t.context[at]];
      ++i;
    }
  }

  template <grove::OutputConsumer<double> F>
  void accumulate(TableWalks const& t, grove::Sequences sequences, grove::ColumnSet wanted, grove::Scope, F&& f) {
    auto const tokens = tokens_of(t, sequences);
    auto const n = tokens.size();
    bool const critic = wanted.contains(grove::Column::Value);
    std::vector<double> log_prob(n), h(n), value(critic ? n : 0), d_log_prob(n), d_entropy(n), d_value(critic ? n : 0);
    score(t, sequences, wanted, {.log_prob = log_prob, .entropy = h, .value = value});
    f(std::size_t{0}, grove::TokenOutputs<double>{.log_prob = log_prob, .entropy = h, .value = value},
      grove::TokenGradients<double>{.log_prob = d_log_prob, .entropy = d_entropy, .value = d_value});
    for (std::size_t i = 0; i < n; ++i) {
      auto const c = t.context[tokens[i]];
      auto const p = distribution(c);
      for (std::size_t w = 0; w < words_; ++w)
        d_logits_[c * words_ + w] +=
            d_log_prob[i] * ((w == t.token[tokens[i]]) - p[w]) - d_entropy[i] * p[w] * (std::log(p[w]) + h[i]);
      if (critic) d_values_[c] += d_value[i];
    }
  }

  std::vector<grove::ParameterView> parameters() {
    return {{.name = "logits",
             .shape = shape_,
             .size = logits_.size(),
             .value = logits_.data(),
             .gradient = d_logits_.data(),
             .dtype = grove::Dtype::F64},
            {.name = "values",
             .shape = std::span(shape_).first(1),
             .size = values_.size(),
             .value = values_.data(),
             .gradient = d_values_.data(),
             .dtype = grove::Dtype::F64,
             .critic = true}};
  }
  Table clone() const { return *this; }
  std::uint64_t version() const { return version_; }
  void commit() { ++version_; }
  std::vector<double> const& logits() const { return logits_; }
  std::vector<double> const& values() const { return values_; }

 private:
  static std::vector<std::size_t> tokens_of(TableWalks const& t, grove::Sequences sequences) {
    std::vector<std::size_t> tokens;
    for (auto s : sequences)
      for (auto i = t.episodes.cu_seqlens[s]; i < t.episodes.cu_seqlens[s + 1]; ++i) tokens.push_back(i);
    return tokens;
  }
  std::vector<double> distribution(std::size_t context) const {
    std::vector<double> p(words_);
    double sum = 0;
    for (std::size_t w = 0; w < words_; ++w) sum += p[w] = std::exp(logits_[context * words_ + w]);
    for (double& x : p) x /= sum;
    return p;
  }
  static double entropy(std::vector<double> const& p) {
    double sum = 0;
    for (double x : p) sum -= x * std::log(x);
    return sum;
  }

  std::size_t words_;
  std::vector<double> logits_, values_, d_logits_, d_values_;
  std::vector<std::size_t> shape_;
  std::uint64_t version_ = 0;
};
static_assert(grove::Policy<Table>);

/// Hands out one batch again and again, and a greedy answer to each of its groups.
struct TableReplay {
  TableWalks recorded, greedy;

  TableWalks collect(Table&) const { return recorded; }
  TableWalks collect_greedy(Table&, TableWalks const&) const { return greedy; }
};

struct TableRewards {
  grove::RewardMatrix evaluate(TableWalks const& t) const { return t.rewards; }
};

/// What each update of a run reported, and its gradient's norm before clipping.
struct UpdateLog {
  std::vector<grove::Metrics> metrics{};
  std::vector<double> norms{};
};

/// An algorithm whose objective writes a line after each update.
template <class Alg>
struct Watched : Alg {
  struct objective_type : Alg::objective_type {
    UpdateLog* log;

    void adapt(typename Alg::objective_type::tally_type const& tally) {
      this->report(tally, log->metrics.emplace_back());
      Alg::objective_type::adapt(tally);
    }
  };
  objective_type objective;

  Watched(Alg algorithm, UpdateLog& log) : Alg(std::move(algorithm)), objective{Alg::objective, &log} {}
};

/// The batch of a fixture, with those of its rewards that `weights` names.
inline TableReplay replay_of(nlohmann::json const& data, std::vector<double> const& weights) {
  TableWalks t;
  auto const lengths = data["lengths"].get<std::vector<std::size_t>>();
  auto const group = data["group"].get<std::size_t>();
  std::vector<std::string> names;
  for (std::size_t r = 0; r < weights.size(); ++r) names.push_back("reward " + std::to_string(r));
  t.rewards = {names, weights, lengths.size()};
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    t.episodes.add(lengths[s], static_cast<std::uint32_t>(s / group), false);
    for (std::size_t r = 0; r < weights.size(); ++r) t.rewards(r, s) = data["rewards"][s][r].get<double>();
  }
  t.context = data["context"].get<std::vector<std::size_t>>();
  t.token = data["token"].get<std::vector<std::size_t>>();
  t.sampled = data["sampled"].get<std::vector<double>>();
  t.versions.assign(t.token.size(), 0);
  for (auto const& minibatch : data["plan"]) t.plan.push_back({minibatch.get<grove::MicroBatch>()});
  TableWalks greedy;
  greedy.rewards = {names, weights, lengths.size() / group};
  for (std::size_t g = 0; g < lengths.size() / group; ++g) {
    greedy.episodes.add(1, static_cast<std::uint32_t>(g), false);
    greedy.context.push_back(0);
    greedy.token.push_back(0);
    greedy.sampled.push_back(0);
    greedy.versions.push_back(0);
    for (std::size_t r = 0; r < weights.size(); ++r)
      greedy.rewards(r, g) = data.contains("greedy") ? data["greedy"][g][r].get<double>() : 0.0;
  }
  return {t, greedy};
}

/// The eight updates of a fixture's plan; the table as it is afterwards.
template <class Alg>
Table run_updates(Alg algorithm, nlohmann::json const& data, std::vector<double> const& weights, UpdateLog& log) {
  grove::TrainOptions options{.schedule = {.peak = data["rate"]},
                              .adamw = {.weight_decay = data["decay"]},
                              .max_grad_norm = data["max_norm"],
                              .epochs = 2,
                              .minibatches = 4,
                              .old_log_probs = grove::OldLogProbs::Recomputed,
                              .ratio_check = {.stop = false}};
  options.on_gradients = [&](std::size_t, auto parameters) { log.norms.push_back(grove::gradient_norm(parameters)); };
  auto const contexts = data["contexts"].get<std::size_t>();
  auto const values =
      data.contains("values") ? data["values"].get<std::vector<double>>() : std::vector<double>(contexts);
  grove::Trainer trainer(Watched<Alg>(std::move(algorithm), log), Table(data["words"], data["start"], values),
                         replay_of(data, weights), TableRewards{}, options, grove::SequencesPerMicroBatch{64});
  trainer.step();
  return trainer.policy();
}

}  // namespace test
