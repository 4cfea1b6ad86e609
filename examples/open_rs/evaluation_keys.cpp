// SPDX-License-Identifier: Apache-2.0
#include "open_rs/evaluation_keys.hpp"

#include <charconv>
#include <sstream>

#include "grove/error.hpp"

namespace open_rs {

namespace po = boost::program_options;

void EvaluationKeys::add_to(po::options_description& options) {
  options.add_options()  //
      ("eval_data", po::value(&eval_data)->default_value(""),
       "test sets with commas between, for evaluation while training; as --eval-data")  //
      ("eval_steps", po::value(&eval_steps)->default_value(0),
       "steps between evaluations; as --eval-every; 0: none")  //
      ("eval_on_start", po::value(&eval_on_start)->default_value(false),
       "evaluate before the first step; as --eval-before")                                                //
      ("eval_n", po::value(&eval_n)->default_value(1), "completions of each test problem")                //
      ("eval_temperature", po::value(&eval_temperature)->default_value(0.6), "of evaluation; 0: greedy")  //
      ("eval_top_p", po::value(&eval_top_p)->default_value(0.95), "of evaluation")                        //
      ("eval_max_completion_length", po::value(&eval_max_completion_length)->default_value(0),
       "tokens; 0: as max_completion_length")  //
      ("eval_prompt", po::value(&eval_prompt)->default_value("open-rs"),
       "open-rs (the original's task prompt), problem (alone), or a text with {problem} in it")  //
      ("eval_verifier", po::value(&eval_verifier)->default_value("lighteval"),
       "lighteval, strict, compatible, compatible-open-rs, qwen or answer-tag")                                  //
      ("eval_problem_column", po::value(&eval_problem_column)->default_value(""), "default: found in the file")  //
      ("eval_gold_column", po::value(&eval_gold_column)->default_value(""), "default: found in the file")        //
      ("plateau_metric", po::value(&plateau_metric)->default_value("eval/pass@1"),
       "a name in metrics.jsonl, for plateau_patience")  //
      ("plateau_patience", po::value(&plateau_patience)->default_value(0),
       "end the run after so many reports of the metric without a gain; 0: never")  //
      ("plateau_least", po::value(&plateau_least)->default_value(0.0), "a smaller gain is none");
}

std::vector<std::string> EvaluationKeys::files() const {
  std::vector<std::string> files;
  std::istringstream text(eval_data);
  for (std::string file; std::getline(text, file, ',');)
    if (!file.empty()) files.push_back(file);
  return files;
}

void EvaluationKeys::check(std::string const& best_metric, std::size_t save_best, std::size_t save_steps) const {
  auto const recipe_error = [](std::string const& what, std::string const& expected) {
    throw grove::Error("recipe", what, expected);
  };
  if (wanted() && files().empty()) recipe_error("there is nothing to evaluate on", "test sets: --eval-data FILE...");
  if (!wanted() && !eval_data.empty())
    recipe_error("eval_data is never used", "--eval-every N (eval_steps) or --eval-before (eval_on_start)");
  if (eval_n == 0) recipe_error("eval_n is 0", "at least 1");
  if (eval_temperature < 0) recipe_error("eval_temperature is negative", "0 (greedy) or more");
  if (eval_top_p <= 0 || eval_top_p > 1) recipe_error("eval_top_p is out of range", "above 0, at most 1");
  if (plateau_least < 0) recipe_error("plateau_least is negative", "0 or more");
  auto const is_evaluation = [](std::string const& metric) { return metric.starts_with("eval/"); };
  if (plateau_patience > 0 && is_evaluation(plateau_metric) && eval_steps == 0)
    recipe_error("plateau_patience waits for " + plateau_metric + ", which is never computed", "--eval-every N");
  if (save_best > 0 && is_evaluation(best_metric) && (eval_steps == 0 || save_steps % eval_steps != 0))
    recipe_error("save_best chooses by " + best_metric + ", which is not computed at every checkpoint",
                 "save_steps = " + std::to_string(save_steps) + " as a multiple of eval_steps");
}

void EvaluationFlags::add_to(po::options_description& options) {
  options.add_options()  //
      ("eval-data", po::value(&data)->multitoken()->value_name("FILE..."),
       "test sets to evaluate on while training")                                          //
      ("eval-every", po::value(&every)->value_name("N"), "evaluate after each N-th step")  //
      ("eval-before", po::bool_switch(&before), "evaluate before the first step");
}

void EvaluationFlags::put_into(std::vector<std::string>& settings) const {
  std::string files;
  for (auto const& file : data) files += (files.empty() ? "" : ",") + file;
  if (!files.empty()) settings.push_back("eval_data=" + files);
  if (every > 0) settings.push_back("eval_steps=" + std::to_string(every));
  if (before) settings.emplace_back("eval_on_start=true");
}

void GuardKeys::add_to(po::options_description& options) {
  options.add_options()                                                                                          //
      ("guard_kl", po::value(&guard_kl)->default_value(""), "largest kl of a healthy step; empty: not watched")  //
      ("guard_entropy", po::value(&guard_entropy)->default_value(""), "smallest entropy")                        //
      ("guard_truncated", po::value(&guard_truncated)->default_value(""), "largest share of truncated completions")(
          "guard_non_latin", po::value(&guard_non_latin)->default_value(""),
          "largest share of letters that are neither Latin nor Greek")                                //
      ("guard_length", po::value(&guard_length)->default_value(""), "largest mean length in tokens")  //
      ("guard_steps", po::value(&guard_steps)->default_value(5),
       "steps beyond its bound in a row before a guard speaks")(
          "guard_stop", po::value(&guard_stop)->default_value(false), "and ends the run");
}

std::vector<grove::Guard> GuardKeys::guards() const {
  using Bad = grove::Guard::Bad;
  std::vector<grove::Guard> guards;
  auto const add = [&](std::string const& name, std::string const& text, char const* metric, Bad bad) {
    if (text.empty()) return;
    double bound = 0;
    auto const* const end = text.data() + text.size();
    if (auto const [at, error] = std::from_chars(text.data(), end, bound); error != std::errc{} || at != end)
      throw grove::Error("recipe", "guard_" + name + " is '" + text + "'", "a number, or nothing");
    guards.push_back({.name = name, .metric = metric, .bound = bound, .bad = bad});
  };
  add("kl", guard_kl, "kl", Bad::Above);
  add("entropy", guard_entropy, "entropy", Bad::Below);
  add("truncated", guard_truncated, "completions/clipped_ratio", Bad::Above);
  add("non_latin", guard_non_latin, "completions/non_latin", Bad::Above);
  add("length", guard_length, "completions/mean_length", Bad::Above);
  if (guard_steps == 0) throw grove::Error("recipe", "guard_steps is 0", "at least 1");
  return guards;
}

}  // namespace open_rs
