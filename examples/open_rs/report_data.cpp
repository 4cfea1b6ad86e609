// SPDX-License-Identifier: Apache-2.0
#include "open_rs/report_data.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "grove/data/rows.hpp"
#include "grove/error.hpp"
#include "grove/text/tokenizer.hpp"
#include "grove/token_id.hpp"

namespace open_rs {
namespace {

namespace fs = std::filesystem;
using grove::Error;
using grove::io::Json;

bool has_lines(fs::path const& file) { return fs::is_regular_file(file) && fs::file_size(file) > 0; }

/// A run that was begun again in the same folder, or resumed, says anew what happened from that step on.
void forget_from(std::size_t step, Json& series) {
  for (auto& points : series)
    while (!points.empty() && points.back()[0].get<std::size_t>() >= step) points.erase(points.size() - 1);
}

/// Every number of metrics.jsonl by name, and the completion tokens of a second, which two of them
/// make.
Json read_metrics(fs::path const& file) {
  Json series = Json::object();
  std::size_t last = 0;
  grove::data::for_each_row(file, [&](grove::data::Row const& row) {
    grove::io::JsonFields const fields(row.json, row.where);
    auto const step = fields.required<std::size_t>("step");
    if (step <= last) forget_from(step, series);
    last = step;
    for (auto const& member : row.json.items())
      if (member.key() != "step" && member.value().is_number()) series[member.key()].push_back({step, member.value()});
    auto const tokens = fields.optional<double>("num_tokens");
    auto const seconds = fields.optional<double>("step_time");
    if (tokens && seconds && *seconds > 0 && !row.json.contains("tokens_per_second"))
      series["tokens_per_second"].push_back({step, *tokens / *seconds});
  });
  return series;
}

/// A text without its end where it is long; at a character's border.
std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  auto const left_out = text.size() - most;
  text.resize(most);
  return text + "\n[" + std::to_string(left_out) + " more bytes are left out]";
}

/// Where a run keeps its recorded batches: the folder named, or one inside the run.
std::optional<fs::path> recording_of(fs::path const& run, fs::path const& named) {
  for (fs::path const& folder : {named, run / "record", run / "recording", run / "rollouts"}) {
    if (folder.empty() || !fs::is_directory(folder)) continue;
    for (auto const& entry : fs::directory_iterator(folder))
      if (entry.path().filename().string().starts_with("step-")) return folder;
  }
  return std::nullopt;
}

/// The tokens of recorded sequences as text, each with its log-prob.
class TokenView {
 public:
  TokenView(fs::path const& run, fs::path const& recording) : recording_(recording_of(run, recording)) {
    fs::path const folder = run / "final";
    if (recording_ && fs::exists(folder / "tokenizer.json")) tokenizer_ = grove::text::Tokenizer::load(folder);
  }

  /// [[piece, log-prob], ...] of the sequence at `place` within its step; null where nothing was recorded.
  Json tokens(std::size_t step, std::size_t place, std::size_t most) {
    if (!recording_ || !tokenizer_) return nullptr;
    if (step != step_) load(step);
    if (place >= rows_.size()) return nullptr;
    grove::io::JsonFields const fields(rows_[place].json, rows_[place].where);
    Json const* const ids = fields.find("ids");
    Json const* const log_probs = fields.find("log_probs");
    if (ids == nullptr || log_probs == nullptr || ids->size() != log_probs->size()) return nullptr;
    grove::text::StreamDecoder decoder(*tokenizer_, {.skip_special_tokens = false});
    Json list = Json::array();
    for (std::size_t i = 0; i < ids->size() && i < most; ++i)
      list.push_back({decoder.push((*ids)[i].get<grove::TokenId>()), rounded((*log_probs)[i].get<double>())});
    if (!list.empty()) list.back()[0] = list.back()[0].get<std::string>() + decoder.finish();
    return list;
  }

 private:
  /// Four decimals are all that a colour and a tooltip show.
  static double rounded(double value) { return static_cast<double>(static_cast<long long>(value * 1e4 - 0.5)) / 1e4; }

  void load(std::size_t step) {
    char name[32];
    std::snprintf(name, sizeof name, "step-%06zu.jsonl", step);
    step_ = step;
    rows_ =
        has_lines(*recording_ / name) ? grove::data::read_rows(*recording_ / name) : std::vector<grove::data::Row>{};
  }

  std::optional<fs::path> recording_;
  std::optional<grove::text::Tokenizer> tokenizer_;
  std::size_t step_ = 0;
  std::vector<grove::data::Row> rows_;
};

Json completion_of(grove::data::Row const& row, Json tokens, ReportLimits const& limits) {
  grove::io::JsonFields const fields(row.json, row.where);
  Json entry;
  entry["step"] = fields.required<std::size_t>("step");
  for (char const* const key : {"problem", "rewards", "advantage", "tokens", "finish"})
    if (Json const* const value = fields.find(key)) entry[key] = *value;
  entry["prompt"] = cut(fields.value_or<std::string>("prompt", ""), limits.characters);
  entry["gold"] = cut(fields.value_or<std::string>("gold", ""), 2000);
  entry["completion"] = cut(fields.value_or<std::string>("completion", ""), limits.characters);
  if (!tokens.is_null()) entry["pieces"] = std::move(tokens);
  return entry;
}

/// Whole groups from the beginnings of steps that lie evenly over the run.
Json read_completions(fs::path const& run, fs::path const& recording, ReportLimits const& limits) {
  constexpr std::size_t of_a_step = 12;
  Json list = Json::array();
  auto const file = run / "completions.jsonl";
  std::map<std::size_t, std::vector<std::size_t>> steps;  // the first rows of each
  std::size_t last = 0, rows = 0;
  grove::data::for_each_row(file, [&](grove::data::Row const& row) {
    auto const step = grove::io::JsonFields(row.json, row.where).required<std::size_t>("step");
    if (step < last) steps.erase(steps.lower_bound(step), steps.end());  // begun again or resumed
    last = step;
    if (steps[step].size() < of_a_step) steps[step].push_back(rows);
    ++rows;
  });
  std::size_t const wanted = std::max<std::size_t>(1, limits.completions / of_a_step);
  std::set<std::size_t> chosen;
  for (std::size_t i = 0; i < wanted; ++i) chosen.insert(wanted < 2 ? 0 : i * (steps.size() - 1) / (wanted - 1));
  std::map<std::size_t, std::size_t> place_of;  // of each row that is shown, in its step
  std::size_t number = 0;
  for (auto const& [step, places] : steps) {
    if (!chosen.contains(number++)) continue;
    for (std::size_t place = 0; place < places.size(); ++place) place_of[places[place]] = place;
  }
  TokenView view(run, recording);
  rows = 0;
  grove::data::for_each_row(file, [&](grove::data::Row const& row) {
    auto const at = place_of.find(rows++);
    if (at == place_of.end()) return;
    auto const step = grove::io::JsonFields(row.json, row.where).required<std::size_t>("step");
    list.push_back(completion_of(row, view.tokens(step, at->second, limits.characters / 4), limits));
  });
  return list;
}

void add_evaluation(fs::path const& folder, std::string const& name, Json& evaluations) {
  Json const all = grove::io::read_json_file((folder / "results.json").string());
  if (!all.contains("results"))
    throw Error((folder / "results.json").string(), "has no results", "open_rs evaluate --out");
  for (auto const& entry : all["results"].items()) {
    Json result = entry.value();
    result["run"] = name;
    fs::path const file = (fs::path(entry.key()) / "").parent_path();  // a folder may end with a slash
    result["file"] = file.filename().string();
    result["folder"] = file.parent_path().filename().string();
    evaluations.push_back(std::move(result));
  }
}

}  // namespace

Json read_run(fs::path const& folder, std::string const& name, fs::path const& recording, ReportLimits const& limits) {
  Json run;
  run["name"] = name;
  run["metrics"] = Json::object();
  run["completions"] = Json::array();
  run["evaluations"] = Json::array();
  bool const trained = has_lines(folder / "metrics.jsonl");
  if (trained) run["metrics"] = read_metrics(folder / "metrics.jsonl");
  if (has_lines(folder / "completions.jsonl")) run["completions"] = read_completions(folder, recording, limits);
  bool evaluated = fs::exists(folder / "results.json");
  if (evaluated) add_evaluation(folder, name, run["evaluations"]);
  if (fs::is_directory(folder)) {
    std::vector<fs::path> inside;
    for (auto const& entry : fs::directory_iterator(folder))
      if (fs::exists(entry.path() / "results.json")) inside.push_back(entry.path());
    std::ranges::sort(inside);
    for (auto const& path : inside) add_evaluation(path, name + " / " + path.filename().string(), run["evaluations"]);
    evaluated = evaluated || !inside.empty();
  }
  if (!trained && !evaluated)
    throw Error(folder.string(), "holds neither metrics.jsonl nor results.json",
                "a folder that open_rs train or open_rs evaluate wrote");
  return run;
}

}  // namespace open_rs
