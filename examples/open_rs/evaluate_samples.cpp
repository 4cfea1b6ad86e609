// SPDX-License-Identifier: Apache-2.0
#include "open_rs/evaluate_samples.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "grove/data/rows.hpp"
#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"
#include "grove/reward/unicode.hpp"
#include "grove/worker_pool.hpp"

namespace open_rs {
namespace {

namespace fs = std::filesystem;
namespace math = grove::math;
using grove::Error;
using grove::io::Json;

std::vector<std::string> const& known_fields() {
  static std::vector<std::string> const names{"id",  "completion", "text",   "file",      "index",  "sample",
                                              "ids", "log_probs",  "tokens", "truncated", "finish", "problem_key"};
  return names;
}

/// What completions may call a problem: the name it goes by, the data's unique_id beside an id, or the line's number.
enum class Names : std::uint8_t { Own, Unique, Number };

/// Where an id stands: set and problem.
using Places = std::map<std::string, std::vector<std::pair<std::size_t, std::size_t>>>;

Places places_of(std::span<JudgedSet const> sets, Names names) {
  Places places;
  for (std::size_t s = 0; s < sets.size(); ++s)
    for (std::size_t p = 0; p < sets[s].set.problems.size(); ++p) {
      auto const& problem = sets[s].set.problems[p];
      places[names == Names::Own      ? problem.id
             : names == Names::Unique ? problem.unique_id
                                      : std::to_string(problem.number)]
          .emplace_back(s, p);
    }
  return places;
}

void check_fields(grove::data::Row const& row) {
  for (auto const& member : row.json.items())
    if (std::ranges::find(known_fields(), member.key()) == known_fields().end())
      throw Error(row.where, "there is no field '" + member.key() + "' of a completion", {},
                  "did you mean '" + grove::data::nearest(member.key(), known_fields()) + "'?");
}

std::string id_of(grove::data::Row const& row) {
  auto const id = row.json.find("id");
  if (id == row.json.end() || !(id->is_string() || id->is_number_integer()))
    throw Error(row.where, "has no id", "the problem's id, unique_id or line number (from 0)");
  return id->is_string() ? id->get<std::string>() : id->dump();
}

bool is_called(std::string const& file, std::string const& given) {
  fs::path const path(file);
  return given == file || given == path.filename().string() || given == grove::data::data_name(path);
}

/// A line of a completions file.
struct Named {
  std::string where{}, id{}, file{};
  Sample sample{};
};

Places::mapped_type candidates(Named const& line, Places const& places, std::span<JudgedSet const> sets) {
  auto const found = places.find(line.id);
  auto here = found == places.end() ? Places::mapped_type{} : found->second;
  if (!line.file.empty())
    std::erase_if(here, [&](auto const& at) { return !is_called(sets[at.first].set.file, line.file); });
  return here;
}

/// The names that every line of the file goes by; the problems' own where none are.
Names names_in(std::vector<Named> const& lines, std::span<JudgedSet const> sets) {
  for (Names const names : {Names::Own, Names::Unique, Names::Number}) {
    Places const places = places_of(sets, names);
    if (std::ranges::all_of(lines, [&](Named const& line) { return candidates(line, places, sets).size() == 1; }))
      return names;
  }
  return Names::Own;
}

std::pair<std::size_t, std::size_t> place_of(Named const& line, Places const& places, std::span<JudgedSet const> sets) {
  auto const here = candidates(line, places, sets);
  if (here.empty())
    throw Error(line.where, "no problem has the id '" + line.id + "'" + (line.file.empty() ? "" : " in " + line.file),
                "an id or unique_id of the data, or a line's number from 0, the same kind in all lines");
  if (here.size() > 1)
    throw Error(line.where, "the id '" + line.id + "' is in " + std::to_string(here.size()) + " of the data files",
                "\"file\" in each completion, or a completions file for each data file, in their order");
  return here.front();
}

Sample sample_of(grove::data::Row const& row) {
  grove::io::JsonFields const fields(row.json, row.where);
  Sample sample;
  if (fields.find("completion") == nullptr && fields.find("text") == nullptr)
    throw Error(row.where, "has no completion", "{\"id\": ..., \"completion\": \"...\"}");
  sample.completion = fields.required<std::string>(fields.find("completion") != nullptr ? "completion" : "text");
  auto const* const tokens = fields.find("tokens");
  auto const* const ids = fields.find("ids");
  if (tokens != nullptr && tokens->is_number()) sample.tokens = tokens->get<double>();
  if (ids != nullptr && ids->is_array()) sample.tokens = static_cast<double>(ids->size());
  if (auto const finish = fields.optional<std::string>("finish")) sample.truncated = *finish == "length";
  if (auto const truncated = fields.optional<bool>("truncated")) sample.truncated = truncated;
  return sample;
}

/// One check; workspaces are kept by the caller.
template <math::Policy P>
grove::eval::Vote vote(P const& policy, std::string const& gold, std::string const& completion,
                       math::Workspace& workspace) {
  auto const outcome = policy.judge(workspace, gold, completion);
  bool const correct = outcome.verdict == math::Verdict::Equal;
  if (correct || !workspace.answer.any()) return {{}, correct};
  return {math::detail::explain(workspace, outcome).answer, false};
}

/// The text of the last <answer>, letter by letter.
struct AnswerTag {
  static constexpr std::string_view name = "answer-tag";

  static math::Outcome judge(math::Workspace& workspace, std::string_view gold, std::string_view text) {
    workspace.reset();
    workspace.answer = {};
    constexpr std::string_view open = "<answer>", close = "</answer>";
    auto const begin = text.rfind(open);
    auto const end = begin == text.npos ? begin : text.find(close, begin);
    if (end == text.npos) return {math::Verdict::Unparsed, "the text has no answer"};
    workspace.answer.found = true;
    workspace.answer.text = text.substr(begin + open.size(), end - begin - open.size());
    bool const same = workspace.answer.text == gold;
    return {same ? math::Verdict::Equal : math::Verdict::Different, "texts are compared"};
  }
};

/// Calls f with the policy of that name for golds of this form.
template <class F>
void with_policy(std::string const& verifier, grove::data::GoldForm form, F const& f) {
  if (verifier == "strict") return f(math::Strict{});
  if (verifier == "compatible") return f(math::Compatible{});
  if (verifier == "compatible-open-rs") return f(math::CompatibleOpenRs{});
  if (verifier == "answer-tag") return f(AnswerTag{});
  if (verifier == "qwen") return f(math::QwenGrader{});
  if (verifier == "lighteval")
    return f(math::Lighteval(form == grove::data::GoldForm::Latex ? math::Lighteval::Gold::Latex
                                                                  : math::Lighteval::Gold::Expression));
  throw Error("--verifier", "there is no '" + verifier + "'",
              "lighteval, strict, compatible, compatible-open-rs, qwen or answer-tag");
}

}  // namespace

std::vector<std::string> short_names(std::vector<std::string> const& files) {
  std::vector<fs::path> rest;  // the folders not yet in the names
  std::vector<std::string> names;
  auto const is_shared = [](auto const& all, auto const& one) { return std::ranges::count(all, one) > 1; };
  for (auto const& file : files) {
    fs::path const path = fs::weakly_canonical(fs::absolute(file)) / "";  // a folder's name may end with a slash
    rest.push_back(path.parent_path());
    names.push_back(grove::data::data_name(file));
  }
  for (std::size_t i = 0; i < files.size(); ++i)
    if (is_shared(rest, rest[i])) throw Error("--data", "names " + files[i] + " twice", "each file once");
  while (std::ranges::any_of(names, [&](auto const& name) { return is_shared(names, name); })) {
    auto const before = names;
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (!is_shared(before, before[i])) continue;
      rest[i] = rest[i].parent_path();
      if (!rest[i].has_filename())
        throw Error("--data", "two files are called '" + grove::data::data_name(files[i]) + "'",
                    "files whose names differ in more than their endings");
      names[i] = rest[i].filename().string() + "-" + names[i];
    }
  }
  return names;
}

std::string_view deal_completions(fs::path const& file, std::span<JudgedSet> sets) {
  std::vector<Named> lines;
  grove::data::for_each_row(file, [&](grove::data::Row const& row) {
    check_fields(row);
    std::string const of = grove::io::JsonFields(row.json, row.where).value_or<std::string>("file", "");
    lines.push_back({.where = row.where, .id = id_of(row), .file = of, .sample = sample_of(row)});
  });
  Names const names = names_in(lines, sets);
  Places const places = places_of(sets, names);
  for (Named& line : lines) {
    auto const [s, p] = place_of(line, places, sets);
    sets[s].samples[p].push_back(std::move(line.sample));
  }
  return names == Names::Own ? "" : names == Names::Unique ? "unique_id" : "line number";
}

std::pair<std::size_t, std::string> fewest_completions(JudgedSet const& set) {
  auto const at = std::ranges::min_element(set.samples, {}, [](auto const& samples) { return samples.size(); });
  return {at->size(), set.set.problems[static_cast<std::size_t>(at - set.samples.begin())].id};
}

std::size_t require_all(std::vector<JudgedSet>& sets, std::size_t n, bool allow_missing) {
  std::size_t left_out = 0;
  for (JudgedSet& judged : sets) {
    auto const& problems = judged.set.problems;
    std::size_t missing = 0;
    std::string first;
    for (std::size_t p = 0; p < problems.size(); ++p) {
      auto& samples = judged.samples[p];
      if (samples.size() >= std::max<std::size_t>(n, 1)) {
        if (n > 0) samples.resize(n);
        continue;
      }
      if (missing++ == 0) first = problems[p].id;
    }
    std::string const wanted = std::to_string(std::max<std::size_t>(n, 1));
    if (missing > 0 && !allow_missing)
      throw Error(judged.set.file,
                  std::to_string(missing) + " of " + std::to_string(problems.size()) + " problems have " +
                      (n > 1 ? "fewer than " + wanted + " completions" : "no completion") + ", the first is '" + first +
                      "'",
                  wanted + " or more of each", "or leave those problems out with --allow-missing");
    if (missing == problems.size()) throw Error(judged.set.file, "no problem has " + wanted + " completions");
    left_out += missing;
    std::size_t kept = 0;
    for (std::size_t p = 0; p < problems.size() && missing > 0; ++p) {
      if (judged.samples[p].size() < std::max<std::size_t>(n, 1)) continue;
      if (kept != p) {
        judged.set.problems[kept] = std::move(judged.set.problems[p]);
        judged.samples[kept] = std::move(judged.samples[p]);
      }
      ++kept;
    }
    if (missing > 0) {
      judged.set.problems.resize(kept);
      judged.samples.resize(kept);
    }
  }
  return left_out;
}

void judge(std::vector<JudgedSet>& sets, std::string const& verifier, std::size_t threads) {
  grove::WorkerPool pool(threads);
  for (JudgedSet& judged : sets) {
    with_policy(verifier, judged.set.form, [&](auto const& policy) {
      pool.for_each(judged.samples.size(), [&](std::size_t p) {
        math::Workspace workspace;
        auto const& problem = judged.set.problems[p];
        for (Sample& sample : judged.samples[p]) {
          sample.chosen = vote(policy, problem.gold, sample.completion, workspace);
          sample.strict = vote(math::Strict{}, problem.gold_answer, sample.completion, workspace);
        }
      });
    });
  }
}

bool counts_tokens(JudgedSet const& set) {
  return std::ranges::all_of(set.samples, [](auto const& samples) {
    return std::ranges::all_of(samples, [](Sample const& sample) { return sample.tokens.has_value(); });
  });
}

grove::eval::Evaluation summary(JudgedSet const& set, std::vector<std::size_t> const& ks, std::uint64_t seed,
                                bool strict) {
  std::vector<grove::eval::Attempts> problems;
  bool const tokens = counts_tokens(set);
  for (auto const& samples : set.samples) {
    auto& attempts = problems.emplace_back().attempts;
    for (Sample const& sample : samples)
      attempts.push_back(
          {.vote = strict ? sample.strict : sample.chosen,
           .length = tokens ? *sample.tokens : static_cast<double>(grove::count_code_points(sample.completion)),
           .truncated = sample.truncated});
  }
  return grove::eval::evaluate(problems, ks, {.seed = seed});
}

}  // namespace open_rs
