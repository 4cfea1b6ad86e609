// SPDX-License-Identifier: Apache-2.0
// open_rs score: completions against gold answers, line by line, under rewards chosen by name.
#include <algorithm>
#include <exception>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>
#include <utility>

#include "grove/error.hpp"
#include "grove/reward/scorer.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/rewards.hpp"
#include "open_rs/score_lines.hpp"

namespace open_rs {
namespace {

using grove::io::Json;

/// A group reward sees all lines of its group; others are judged part by part.
constexpr std::size_t lines_at_once = 4096;
/// A reward may fail on this share of the lines judged together, a line's score being null or the fallback; where more
/// fail something else is wrong, and the run stops with the cause. `--set reward_max_error_rate=` says otherwise.
constexpr double most_failures = 0.5;
/// As in open-r1's script, where a reward counts down to the longest completion there may be.
constexpr std::size_t script_max_completion_length = 16384;

struct ScoreFlags {
  std::string rewards{};
  std::string verifier{};
  bool explain = false;
  bool statistics = false;
  std::vector<std::string> settings{};
  std::filesystem::path model{};
  std::size_t threads = 0;
};

/// What is asked of every line.
struct Task {
  grove::RewardSet set{};
  std::vector<Explainer> explainers{};
  LineNeeds needs{};
  grove::ScoringOptions scoring{};
  bool grouped = false;  ///< some reward compares lines
};

/// One NAME.key=value (or a key by its whole name) as key and value. Throws where the reward is not asked for.
std::pair<std::string, std::string> setting_of(std::string const& text, std::vector<std::string> const& rewards) {
  auto const equals = text.find('=');
  if (equals == text.npos) throw grove::Error("--set", "'" + text + "'", "NAME.key=value");
  auto const key = text.substr(0, equals);
  auto const dot = key.find('.');
  std::string const value = text.substr(equals + 1);
  if (dot == key.npos) return {key, value};
  auto const reward = key.substr(0, dot);
  if (std::ranges::find(rewards, reward) == rewards.end())
    throw grove::Error("--set", key + ", but " + reward + " is not among --rewards",
                       "keys of rewards that are asked for");
  return {key_of_reward(reward, key.substr(dot + 1)), value};
}

RewardKeys keys_of(ScoreFlags const& flags, std::vector<std::string> const& rewards) {
  RewardKeys keys;
  keys.reward_max_error_rate = most_failures;
  po::options_description options;
  keys.add_to(options);
  po::variables_map values;
  std::vector<std::string> const latest_first(flags.settings.rbegin(), flags.settings.rend());
  for (auto const& setting : latest_first) {
    auto const [key, value] = setting_of(setting, rewards);
    if (options.find_nothrow(key, false) == nullptr)
      throw grove::Error("--set", "there is no key '" + key + "'", "NAME.key=value", "see open_rs score --help");
    po::parsed_options parsed(&options);
    parsed.options.emplace_back(key, std::vector{value});
    refuse_negative_counts(parsed, "--set: ");
    try {
      po::store(parsed, values);
    } catch (po::error const& e) {
      throw grove::Error("--set", key + " = " + value, "a value of another kind", e.what());
    }
  }
  po::store(po::parsed_options(&options), values);
  po::notify(values);
  if (!flags.verifier.empty()) keys.verifier = flags.verifier;
  static_cast<void>(explainer_of("accuracy", keys));  // a verifier that does not exist is refused, used or not
  return keys;
}

Task task_of(ScoreFlags const& flags, std::vector<ExtraReward> const& extras) {
  auto const rewards = comma_list(flags.rewards);
  if (rewards.empty()) throw grove::Error("--rewards", "'" + flags.rewards + "'", reward_names());
  auto const keys = keys_of(flags, rewards);
  Task task{.scoring = keys.scoring()};
  task.scoring.threads = flags.threads > 0 ? flags.threads : std::max(1U, std::thread::hardware_concurrency());
  for (std::size_t r = 0; r < rewards.size(); ++r) {
    add_reward(task.set, rewards[r], 1.0, keys, script_max_completion_length, extras);
    task.explainers.push_back(explainer_of(rewards[r], keys));
    task.grouped |= task.set.judges(r) != grove::Judges::Sample;
    task.needs.take(rewards[r], tokens_read_by(rewards[r], keys));
  }
  task.needs.keep_columns = std::ranges::any_of(rewards, reads_columns);
  if (!extras.empty()) task.needs.keep_tokens = true;
  if (!flags.model.empty()) task.needs.tokenizer = grove::text::Tokenizer::load(flags.model);
  return task;
}

char const* verdict_name(grove::math::Verdict verdict) {
  using grove::math::Verdict;
  if (verdict == Verdict::Equal) return "Equal";
  if (verdict == Verdict::Different) return "Different";
  return verdict == Verdict::Unknown ? "Unknown" : "Unparsed";
}

Json explanation_of(Task const& task, Judged const& line) {
  Json all = Json::object();
  for (std::size_t r = 0; r < task.set.size(); ++r) {
    if (!task.explainers[r]) continue;
    auto const why = task.explainers[r](line.problem, line.completion);
    all[task.set.name(r)] = {{"verdict", verdict_name(why.verdict)},
                             {"gold_extracted", why.gold_text},
                             {"gold", why.gold},
                             {"answer_extracted", why.answer_text},
                             {"answer", why.answer},
                             {"gold_read", why.gold_read},
                             {"reason", why.reason}};
  }
  return all;
}

/// Judges some lines and writes what came of them.
class Judge {
 public:
  Judge(Task task, bool explain)
      : task_(std::move(task)), explain_(explain), pool_(task_.scoring.threads), scorer_(task_.scoring) {}

  /// Parses, judges and writes; where a line is bad, after those before it were written.
  void operator()(std::vector<std::string>& texts, std::size_t first_number) {
    std::vector<std::optional<Judged>> lines(texts.size());
    std::vector<std::exception_ptr> errors(texts.size());
    pool_.for_each(texts.size(), [&](std::size_t i) {
      try {
        lines[i] = read_scored_line(texts[i], first_number + i, task_.needs);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    });
    auto const bad = std::ranges::find_if(errors, [](std::exception_ptr const& error) { return error != nullptr; });
    JudgedLines batch;
    for (std::size_t i = 0; i < static_cast<std::size_t>(bad - errors.begin()); ++i) batch.add(std::move(*lines[i]));
    if (batch.episodes.sequences() > 0) write(batch);
    if (bad != errors.end()) std::rethrow_exception(*bad);
  }

  void print_statistics() const {
    for (auto const& one : scorer_.statistics())
      std::cerr << one.name << ": mean " << one.scores.mean() << ", std " << one.scores.deviation(1) << ", "
                << one.declined << " declined, " << one.unparsed << " unparsed, " << one.errors << " errors, p50 "
                << one.latency(0.5) << " ms, p99 " << one.latency(0.99) << " ms" << cause_of(one) << '\n';
  }
  void forget_statistics() {
    count_failures();
    grove::Metrics unused;
    scorer_.report(unused);
  }
  /// Says which rewards failed, and on how many lines.
  void print_failures() {
    count_failures();
    std::string const score = task_.scoring.fallback ? "reward_fallback" : "null";
    for (auto const& [reward, failures] : failures_)
      if (failures.lines > 0)
        std::cerr << reward << ": failed on " << failures.lines << " of " << lines_ << " lines, whose score is "
                  << score << failures.cause << "; --set reward_max_error_rate=0 stops there\n";
  }

 private:
  /// What a reward's failures came to, and why the first of them failed.
  struct Failures {
    std::size_t lines = 0;
    std::string cause{};
  };

  static std::string cause_of(grove::RewardStatistics const& one) {
    if (one.cause.empty()) return {};
    return "; first failure, line " + std::to_string(one.failed_problem + 1) + ": " + one.cause;
  }
  void count_failures() {
    for (auto const& one : scorer_.statistics()) {
      auto& failures = failures_[one.name];
      failures.lines += one.errors + one.slow;
      if (failures.cause.empty()) failures.cause = cause_of(one);
    }
  }

  void write(JudgedLines const& batch) {
    auto const matrix = scorer_(task_.set, batch);
    lines_ += matrix.samples();
    std::vector<std::string> texts(matrix.samples());
    pool_.for_each(matrix.samples(), [&](std::size_t s) {
      Json line = Json::object();
      for (std::size_t r = 0; r < matrix.rewards(); ++r)
        line[matrix.name(r)] = matrix(r, s) ? Json(*matrix(r, s)) : Json(nullptr);
      if (explain_) line["explain"] = explanation_of(task_, batch.lines[s]);
      texts[s] = line.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
    });
    for (auto const& text : texts) std::cout << text;
    std::cout.flush();
  }

  Task task_;
  bool explain_;
  std::map<std::string, Failures> failures_{};
  std::size_t lines_ = 0;
  grove::WorkerPool pool_;
  grove::Scorer scorer_;
};

bool parse_score(Arguments const& arguments, std::vector<ExtraReward> const& extras, ScoreFlags& flags) {
  std::string names = reward_names();
  for (auto const& extra : extras) names += ", " + extra.name;
  Command command(
      "open_rs score",
      "Lines {\"gold\",\"completion\"} on stdin -> lines of each reward's unweighted value; null: the gold answer has "
      "no "
      "meaning for the verifier, or the reward declines. Rewards that compare lines do so among those of equal "
      "\"group\" (all, where there is none); rewards of tokens need \"tokens\" in each line, or --model. Rewards: " +
          names + ".");
  command.options().add_options()                                                                                 //
      ("rewards", po::value(&flags.rewards)->default_value("accuracy")->value_name("NAME,..."), "what to score")  //
      ("verifier", po::value(&flags.verifier)->value_name("NAME"),
       "what accuracy, cosine and length take for right: strict (the default), compatible, compatible-open-rs, qwen or "
       "lighteval")  //
      ("explain", po::bool_switch(&flags.explain),
       "add what was extracted, how it was read and why it was judged so")                                    //
      ("set", po::value(&flags.settings)->composing()->value_name("NAME.KEY=VALUE"), "a reward's parameter")  //
      ("model", po::value(&flags.model)->value_name("DIR"), "count tokens with its tokenizer.json")           //
      ("statistics", po::bool_switch(&flags.statistics), "sum each reward up on stderr at the end")           //
      ("threads", po::value(&flags.threads)->default_value(0)->value_name("N"), "0: all cores");
  command.show(reward_key_table());
  return command.parse(arguments).has_value();
}

}  // namespace

int score(Arguments const& arguments, std::vector<ExtraReward> const& extras) {
  ScoreFlags flags;
  if (!parse_score(arguments, extras, flags)) return 0;
  auto task = task_of(flags, extras);
  bool const grouped = task.grouped;
  Judge judge(std::move(task), flags.explain);
  std::vector<std::string> texts;
  std::size_t first = 1;
  for (std::string text; std::getline(std::cin, text);) {
    texts.push_back(std::move(text));
    if (grouped || texts.size() < lines_at_once) continue;
    judge(texts, first);
    if (!flags.statistics) judge.forget_statistics();
    first += texts.size();
    texts.clear();
  }
  judge(texts, first);
  if (flags.statistics) judge.print_statistics();
  judge.print_failures();
  return 0;
}

}  // namespace open_rs
