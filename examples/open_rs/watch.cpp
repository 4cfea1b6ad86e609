// SPDX-License-Identifier: Apache-2.0
#include "open_rs/watch.hpp"

#include <cmath>
#include <numeric>
#include <utility>

#include "grove/data/jsonl.hpp"
#include "grove/error.hpp"
#include "grove/eval/majority.hpp"
#include "grove/eval/pass_at_k.hpp"
#include "grove/io/json.hpp"
#include "grove/metrics/statistics.hpp"
#include "open_rs/processes.hpp"

namespace open_rs {
namespace {

namespace fs = std::filesystem;
using grove::Error;

std::string name_of(grove::data::EvaluationSet const& set) { return fs::path(set.file).stem().string(); }

}  // namespace

TrainingEvaluation::TrainingEvaluation(EvaluationKeys const& keys, ModelFlags const& model, std::size_t max_tokens,
                                       std::uint64_t seed)
    : plan_{.model = model,
            .temperature = keys.eval_temperature,
            .top_p = keys.eval_top_p,
            .max_tokens = keys.eval_max_completion_length > 0 ? keys.eval_max_completion_length : max_tokens,
            .n = keys.eval_n,
            .seed = seed,
            .prompt = keys.eval_prompt},
      verifier_(keys.eval_verifier),
      format_(grove::PromptFormat::load(model.folder)) {
  if (!format_->has_template())
    throw Error(model.folder.string(), "the model has no chat template",
                "chat_template.jinja or a chat_template in tokenizer_config.json");
  user_turn(plan_.prompt, "");
  for (auto const& file : keys.files()) {
    sets_.push_back(grove::data::load_evaluation_set(
        file,
        {.problem = keys.eval_problem_column, .gold = keys.eval_gold_column, .sentences = verifier_ == "answer-tag"}));
    require_prompts_fit(plan_, sets_.back(), *format_);
    for (std::size_t s = 0; s + 1 < sets_.size(); ++s)
      if (name_of(sets_[s]) == name_of(sets_.back()))
        throw Error("--eval-data", "two files are called '" + name_of(sets_.back()) + "'", "files of different names");
  }
  std::vector<JudgedSet> nothing(1);
  judge(nothing, verifier_, 1);
}

void TrainingEvaluation::evaluate(grove::AnyCausalLm& policy, grove::ProcessGroup& ranks,
                                  grove::Metrics& metrics) const {
  double sum = 0;
  for (auto const& set : sets_) {
    evaluate(policy, ranks, set, metrics);
    sum += metrics.find("eval/" + name_of(set) + "/pass@1").value_or(0);
  }
  metrics.set("eval/pass@1", sum / static_cast<double>(sets_.size()));
}

void TrainingEvaluation::evaluate(grove::AnyCausalLm& policy, grove::ProcessGroup& ranks,
                                  grove::data::EvaluationSet const& set, grove::Metrics& metrics) const {
  std::vector<JudgedSet> judged(1);
  judged[0].set = set;
  judged[0].samples.resize(set.problems.size());
  for (auto& samples : judged[0].samples) samples.reserve(plan_.n);
  sample_problems(policy, *format_, plan_, set,
                  {.share = {ranks.rank(), ranks.size()},
                   .take = [&](std::size_t p, grove::nn::cpu::GeneratedCompletion&& generated) {
                     auto const& c = generated.completion;
                     judged[0].samples[p].push_back({.completion = c.text,
                                                     .tokens = static_cast<double>(c.tokens.size()),
                                                     .truncated = c.finish == grove::Finish::Length});
                   }});
  judge(judged, verifier_, plan_.model.threads > 0 ? plan_.model.threads : threads_of_rank());
  // Sums of whole numbers, and of numbers that one rank has: the same whatever ranks there are.
  std::vector<double> right(set.problems.size()), majority(set.problems.size()), totals(2);
  for (std::size_t p = 0; p < right.size(); ++p) {
    std::vector<grove::eval::Vote> votes;
    for (Sample const& sample : judged[0].samples[p]) {
      votes.push_back(sample.chosen);
      right[p] += sample.chosen.correct ? 1 : 0;
      totals[0] += *sample.tokens;
      totals[1] += *sample.truncated ? 1 : 0;
    }
    if (!votes.empty()) majority[p] = grove::eval::majority(votes);
  }
  ranks.all_reduce_sum(right);
  ranks.all_reduce_sum(majority);
  ranks.all_reduce_sum(totals);
  write_statistics("eval/" + name_of(set) + "/", right, majority, metrics);
  auto const completions = static_cast<double>(right.size() * plan_.n);
  metrics.set("eval/" + name_of(set) + "/mean_length", totals[0] / completions);
  metrics.set("eval/" + name_of(set) + "/truncated", totals[1] / completions);
}

/// Those of open_rs evaluate, summed up in its order.
void TrainingEvaluation::write_statistics(std::string const& prefix, std::span<double const> right,
                                          std::span<double const> majority, grove::Metrics& metrics) const {
  auto const problems = static_cast<double>(right.size());
  grove::metrics::Statistics rates;
  double sum = 0;
  for (double const count : right) {
    double const rate = count / static_cast<double>(plan_.n);
    rates.add(rate);
    sum += rate;
  }
  metrics.set(prefix + "pass@1", sum / problems);
  if (right.size() > 1) metrics.set(prefix + "se", rates.standard_deviation() / std::sqrt(problems));
  for (std::size_t const k : {4, 8}) {
    if (k > plan_.n) break;
    double chance = 0;
    for (double const count : right) chance += grove::eval::pass_at_k(plan_.n, static_cast<std::size_t>(count), k);
    metrics.set(prefix + "pass@" + std::to_string(k), chance / problems);
  }
  if (plan_.n > 1) metrics.set(prefix + "maj@n", std::accumulate(majority.begin(), majority.end(), 0.0) / problems);
}

std::vector<grove::StepReport> history_of(fs::path const& run) {
  std::vector<grove::StepReport> history;
  auto const file = run / "metrics.jsonl";
  if (!fs::exists(file)) return history;
  grove::data::JsonlReader reader(file.string());
  while (auto const line = reader.next()) {
    grove::io::JsonFields const fields(line->json, line->where);
    grove::StepReport& report = history.emplace_back();
    report.step = fields.required<std::size_t>("step");
    for (auto const& member : line->json.items())
      if (member.key() != "step" && member.value().is_number())
        report.metrics.set(member.key(), member.value().get<double>());
  }
  return history;
}

Watch::Watch(EvaluationKeys const& keys, GuardKeys const& guards, ModelFlags const& model, std::size_t max_tokens,
             std::uint64_t seed, std::function<void(std::string const&)> const& say)
    : every_(keys.eval_steps),
      on_start_(keys.eval_on_start),
      guards_(guards.guards(), {.steps = guards.guard_steps, .stop = guards.guard_stop, .say = say}),
      plateau_(
          {.metric = keys.plateau_metric, .patience = keys.plateau_patience, .least = keys.plateau_least, .say = say}) {
  if (keys.wanted()) evaluation_.emplace(keys, model, max_tokens, seed);
}

void Watch::recall(std::vector<grove::StepReport> history, std::uint64_t last) {
  for (auto& report : history) {
    if (report.step > last) break;
    plateau_.see(report.step, report.metrics, true);
    if (report.step > 0) guards_.see(report.step, report.metrics, true);
  }
}

}  // namespace open_rs
