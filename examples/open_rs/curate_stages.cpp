// SPDX-License-Identifier: Apache-2.0
#include "open_rs/curate_stages.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/sliding.hpp>
#include <range/v3/view/split.hpp>
#include <range/v3/view/take.hpp>
#include <range/v3/view/transform.hpp>
#include <set>
#include <span>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "grove/error.hpp"
#include "grove/random.hpp"
#include "open_rs/evaluate_samples.hpp"

namespace open_rs {
namespace {

namespace views = ranges::views;
using grove::Error;
using grove::io::Json;
using Keep = std::function<bool(std::size_t)>;

/// Lower case, letters and digits only, single blanks between words.
std::string normalized(std::string const& text) {
  std::string out;
  for (char const letter : text) {
    auto const c = static_cast<unsigned char>(letter);
    if (std::isalnum(c) != 0 || c >= 0x80) {
      out += static_cast<char>(std::tolower(c));
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

bool is_word(char letter) {
  auto const c = static_cast<unsigned char>(letter);
  return std::isalnum(c) != 0 || c >= 0x80;
}

/// A stop of a sentence at `at`, and no decimal point, thousands comma or factorial.
bool ends_phrase(std::string const& text, std::size_t at) {
  if (std::string_view(".,;:?!").find(text[at]) == std::string_view::npos) return false;
  auto const is_letter = [&](std::size_t i) {
    return i < at && is_word(text[i]) && std::isdigit(static_cast<unsigned char>(text[i])) == 0;
  };
  if (text[at] == '!') return at > 1 && is_letter(at - 1) && is_letter(at - 2);
  return at + 1 == text.size() || !is_word(text[at + 1]);
}

std::vector<std::string> words_of(std::string const& text) {
  std::string const plain = normalized(text);
  return plain | views::split(' ') | views::transform([](auto&& word) { return word | ranges::to<std::string>(); }) |
         ranges::to<std::vector>();
}

/// Every run of n words; of a shorter text its whole.
std::vector<std::string> grams_of(std::string const& text, std::size_t n) {
  auto const join = [](auto const& words) {
    std::string gram;
    for (auto const& word : words) gram += (gram.empty() ? "" : " ") + word;
    return gram;
  };
  auto const words = words_of(text);
  if (words.size() <= n) return {join(words)};
  return words | views::sliding(static_cast<std::ptrdiff_t>(n)) |
         views::transform([&](auto&& window) { return join(window); }) | ranges::to<std::vector>();
}

/// Hands over the completions of the rows that are kept, one by one; those of the pool's other rows are passed over.
void for_each_text(std::vector<std::string> const& files, std::vector<PoolRow> const& pool,
                   std::span<std::size_t const> kept,
                   std::function<void(std::size_t row, std::string&& text)> const& take) {
  std::unordered_map<std::string_view, std::size_t> place;
  for (std::size_t i = 0; i < pool.size(); ++i) place[pool[i].id] = i;
  std::vector<bool> wanted(pool.size());
  for (std::size_t const i : kept) wanted[i] = true;
  for (auto const& file : files) {
    grove::data::for_each_row(file, [&](grove::data::Row const& row) {
      auto const id = row.json.find("id");
      if (id == row.json.end()) throw Error(row.where, "has no id", "{\"id\": ..., \"completion\": \"...\"}");
      std::string const name = id->is_string() ? id->get<std::string>() : id->dump();
      auto const at = place.find(name);
      if (at == place.end()) throw Error(row.where, "no row of the data has the id '" + name + "'");
      grove::io::JsonFields const fields(row.json, row.where);
      auto text = fields.required<std::string>(fields.find("completion") != nullptr ? "completion" : "text");
      if (wanted[at->second]) take(at->second, std::move(text));
    });
  }
}

void require_text(bool has_one, PoolRow const& row, char const* option) {
  if (!has_one) throw Error(row.row.where, "row '" + row.id + "' has no completion in " + option);
}

constexpr char const* box = "\\boxed{";

bool has_box(std::string const& solution) { return solution.find(box) != std::string::npos; }

Keep boxed(std::vector<PoolRow> const& pool, StageInputs const& inputs) {
  auto const column = inputs.of("boxed.column");
  if (std::ranges::none_of(pool, [&](PoolRow const& row) { return !row.text(column).empty(); }))
    throw Error("boxed", "no row has a column '" + column + "'", "solutions",
                "name their column: --set boxed.column=NAME");
  return [&pool, column](std::size_t i) { return has_box(pool[i].text(column)); };
}

/// How many completions of a row there are, and how many of them are right.
struct Tally {
  std::size_t right = 0, all = 0;
};

/// Judges completions some thousand at a time, so that a pool's need not be held together.
class Judging {
 public:
  Judging(std::vector<PoolRow> const& pool, StageInputs const& inputs)
      : pool_(pool), inputs_(inputs), tallies_(pool.size()), sets_(1) {}

  void add(std::size_t row, std::string&& text) {
    std::string const gold = inputs_.gold_of(pool_[row]);
    rows_.push_back(row);
    sets_[0].set.problems.push_back({.gold = gold, .gold_answer = gold});
    sets_[0].samples.push_back({Sample{.completion = std::move(text)}});
    if (rows_.size() == 4096) finish();
  }

  std::vector<Tally> const& finish() {
    judge(sets_, inputs_.of("trivial.verifier"), std::thread::hardware_concurrency());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      tallies_[rows_[i]].all += 1;
      tallies_[rows_[i]].right += sets_[0].samples[i][0].chosen.correct ? 1 : 0;
    }
    rows_.clear();
    sets_[0] = {};
    return tallies_;
  }

 private:
  std::vector<PoolRow> const& pool_;
  StageInputs const& inputs_;
  std::vector<Tally> tallies_;
  std::vector<std::size_t> rows_;  // of the completions not yet judged
  std::vector<JudgedSet> sets_;
};

/// The share of right completions of each row that is asked for.
Keep trivial(std::vector<PoolRow> const& pool, std::span<std::size_t const> kept, StageInputs const& inputs) {
  Judging judging(pool, inputs);
  for (std::size_t const i : kept) static_cast<void>(inputs.gold_of(pool[i]));
  for_each_text(inputs.completions, pool, kept,
                [&](std::size_t i, std::string&& text) { judging.add(i, std::move(text)); });
  auto const tallies = judging.finish();
  for (std::size_t const i : kept) require_text(tallies[i].all > 0, pool[i], "--completions");
  return
      [tallies, from = inputs.number("trivial.drop_from"), below = inputs.number("trivial.drop_below")](std::size_t i) {
        double const rate = static_cast<double>(tallies[i].right) / static_cast<double>(tallies[i].all);
        return rate < from && rate >= below;
      };
}

/// The last "yes" or "no" of a judge's text: 1, -1, or 0 where there is none.
int verdict_of(std::string const& text) {
  auto const words = words_of(text);
  auto const last =
      std::find_if(words.rbegin(), words.rend(), [](std::string const& word) { return word == "yes" || word == "no"; });
  return last == words.rend() ? 0 : *last == "yes" ? 1 : -1;
}

Keep judged(std::vector<PoolRow> const& pool, std::span<std::size_t const> kept, StageInputs const& inputs) {
  std::string const& keep_on = inputs.of("judge.keep_on");
  if (keep_on != "yes" && keep_on != "no") throw Error("--set", "judge.keep_on is '" + keep_on + "'", "yes or no");
  int const wanted = keep_on == "no" ? -1 : 1;
  std::vector<int> votes(pool.size());
  std::vector<bool> asked(pool.size());
  for_each_text(inputs.judge_completions, pool, kept, [&](std::size_t i, std::string&& text) {
    asked[i] = true;
    votes[i] += verdict_of(text);
  });
  for (std::size_t const i : kept) require_text(asked[i], pool[i], "--judge-completions");
  return [votes, wanted](std::size_t i) { return votes[i] * wanted > 0; };
}

/// A view may ask its predicate twice, so the first of each text is found beforehand.
Keep dedup(std::vector<PoolRow> const& pool, std::span<std::size_t const> kept, StageInputs const& inputs) {
  std::unordered_set<std::string> seen;
  std::set<std::size_t> first;
  for (std::size_t const i : kept)
    if (seen.insert(dedup_key(inputs.problem_of(pool[i]))).second) first.insert(i);
  return [first](std::size_t i) { return first.contains(i); };
}

Keep decontaminate(std::vector<PoolRow> const& pool, StageInputs const& inputs) {
  if (inputs.against.empty())
    throw Error("decontaminate", "there is nothing to look for", "test sets: --against FILE...");
  std::size_t const n = inputs.count("decontaminate.n");
  if (n == 0) throw Error("--set", "decontaminate.n is 0", "at least 1");
  auto const grams = std::make_shared<std::unordered_set<std::string>>();
  for_each_pool_row(inputs.against, [&](PoolRow&& row) {
    for (auto& gram : grams_of(row.problem(""), n)) grams->insert(std::move(gram));
  });
  return [&pool, &inputs, grams, n](std::size_t i) {
    return std::ranges::none_of(grams_of(inputs.problem_of(pool[i]), n),
                                [&](std::string const& gram) { return grams->contains(gram); });
  };
}

/// The parts of a list with commas between.
std::vector<std::string> names_in(std::string const& text) {
  return text | views::split(',') | views::transform([](auto&& part) { return part | ranges::to<std::string>(); }) |
         ranges::to<std::vector>();
}

/// "value:count,value:count" of mix.counts.
std::vector<std::pair<std::string, std::size_t>> counts_of(std::string const& text) {
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (auto const& part : names_in(text)) {
    auto const colon = part.rfind(':');
    std::size_t count = 0;
    auto const* const end = part.data() + part.size();
    bool const is_number = colon != part.npos && std::from_chars(part.data() + colon + 1, end, count).ptr == end &&
                           colon + 1 < part.size();
    if (!is_number) throw Error("--set", "mix.counts holds '" + part + "'", "VALUE:COUNT with commas between");
    counts.emplace_back(part.substr(0, colon), count);
  }
  return counts;
}

/// What mix.column says of a row: several columns are joined by "/"; `file`, where rows have no such column, is the
/// name of the data file or folder.
std::string kind_of(PoolRow const& row, StageInputs const& inputs) {
  std::string kind;
  for (auto const& column : names_in(inputs.of("mix.column"))) {
    if (!kind.empty()) kind += '/';
    bool const by_file = column == "file" && !row.row.json.contains(column);
    kind += by_file ? grove::data::data_name(inputs.data.at(row.file)) : row.text(column);
  }
  return kind;
}

Keep mix(std::vector<PoolRow> const& pool, std::span<std::size_t const> kept, StageInputs const& inputs) {
  if (inputs.of("mix.counts").empty()) throw Error("mix", "there is no share", "--set mix.counts=VALUE:COUNT,...");
  std::map<std::string, std::vector<std::size_t>> kinds;
  for (std::size_t const i : kept) kinds[kind_of(pool[i], inputs)].push_back(i);
  auto const chosen = std::make_shared<std::set<std::size_t>>();
  std::set<std::string> named;
  std::uint64_t part = 0;
  for (auto const& [value, count] : counts_of(inputs.of("mix.counts"))) {
    if (!named.insert(value).second) throw Error("--set", "mix.counts names '" + value + "' twice", "each once");
    auto rows = kinds[value];
    if (rows.size() < count)
      throw Error("mix", inputs.of("mix.column") + " " + value + " has " + std::to_string(rows.size()) + " rows",
                  std::to_string(count) + " or more");
    grove::RandomSequence random(grove::RandomStream({inputs.count("mix.seed"), grove::Purpose::Data}), part++);
    grove::shuffle(std::span(rows), random);
    for (std::size_t const i : rows | views::take(count)) chosen->insert(i);
  }
  return [chosen](std::size_t i) { return chosen->contains(i); };
}

Keep stage_named(std::string const& stage, std::vector<PoolRow> const& pool, std::span<std::size_t const> kept,
                 StageInputs const& inputs) {
  if (stage == "boxed") return boxed(pool, inputs);
  if (stage == "trivial") return trivial(pool, kept, inputs);
  if (stage == "judge") return judged(pool, kept, inputs);
  if (stage == "dedup") return dedup(pool, kept, inputs);
  if (stage == "decontaminate") return decontaminate(pool, inputs);
  return mix(pool, kept, inputs);
}

}  // namespace

std::string dedup_key(std::string const& text) {
  std::string key;
  bool apart = false;  // a blank since the last letter that was kept
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const c = static_cast<unsigned char>(text[i]);
    if (std::isspace(c) != 0 || text[i] == '$' || text[i] == '"' || text[i] == '\'' || ends_phrase(text, i)) {
      apart = true;
      continue;
    }
    if (apart && !key.empty() && is_word(text[i]) && is_word(key.back())) key += ' ';
    key += static_cast<char>(std::tolower(c));
    apart = false;
  }
  return key;
}

std::string StageInputs::gold_of(PoolRow const& row) const {
  std::string const& column = of("data.gold");
  std::string gold = row.text(column.empty() ? "answer" : column);
  if (gold.empty() && column.empty()) gold = row.text("solution");
  if (gold.empty())
    throw Error(row.row.where, "has no gold answer", column.empty() ? "a column answer or solution" : column,
                "name another column with --set data.gold=NAME");
  return gold;
}

double StageInputs::number(std::string const& key) const {
  double value = 0;
  std::string const& text = of(key);
  auto const* const end = text.data() + text.size();
  if (text.empty() || std::from_chars(text.data(), end, value).ptr != end || !std::isfinite(value))
    throw Error("--set", key + " is '" + text + "'", "a number");
  return value;
}

std::size_t StageInputs::count(std::string const& key) const {
  double const value = number(key);
  if (value < 0 || value != static_cast<double>(static_cast<std::size_t>(value)))
    throw Error("--set", key + " is '" + of(key) + "'", "a whole number");
  return static_cast<std::size_t>(value);
}

PoolRow narrowed(PoolRow&& row, std::vector<std::string> const& stages, StageInputs const& inputs) {
  auto& columns = row.row.json;
  Json left = Json::object();
  bool is_boxed = false;
  for (auto const& stage : stages) {
    std::vector<std::string> wanted;
    if (stage == "trivial") wanted = {inputs.of("data.gold")};
    if (stage == "trivial" && wanted[0].empty()) wanted = {row.text("answer").empty() ? "solution" : "answer"};
    if (stage == "dedup" || stage == "decontaminate") wanted = {inputs.of("data.problem")};
    if (!wanted.empty() && wanted[0].empty()) wanted = {"problem", "question", "prompt"};
    if (stage == "mix") wanted = names_in(inputs.of("mix.column"));
    for (auto const& name : wanted)
      if (auto const at = columns.find(name); at != columns.end()) left[name] = *at;
    is_boxed = is_boxed || stage == "boxed";
  }
  if (std::string const& solution = inputs.of("boxed.column"); is_boxed && !left.contains(solution)) {
    std::string const text = row.text(solution);
    left[solution] = text.empty() ? "" : has_box(text) ? box : "none";
  }
  columns = std::move(left);
  return std::move(row);
}

std::vector<std::string> const& stage_names() {
  static std::vector<std::string> const names{"boxed", "trivial", "judge", "dedup", "decontaminate", "mix"};
  return names;
}

std::map<std::string, std::string> const& stage_defaults() {
  static std::map<std::string, std::string> const defaults{
      {"boxed.column", "solution"},   {"trivial.drop_from", "1"}, {"trivial.drop_below", "0"},
      {"trivial.verifier", "strict"}, {"judge.keep_on", "yes"},   {"decontaminate.n", "8"},
      {"mix.column", "source"},       {"mix.counts", ""},         {"mix.seed", "42"},
      {"data.problem", ""},           {"data.gold", ""}};
  return defaults;
}

std::vector<std::string> files_of(std::string const& stage, StageInputs const& inputs) {
  if (stage == "trivial") return inputs.completions;
  if (stage == "judge") return inputs.judge_completions;
  if (stage == "decontaminate") return inputs.against;
  return {};
}

std::vector<std::size_t> run_stage(std::string const& stage, std::vector<PoolRow> const& pool,
                                   std::vector<std::size_t> const& kept, StageInputs const& inputs) {
  return kept | views::filter(stage_named(stage, pool, kept, inputs)) | ranges::to<std::vector>();
}

}  // namespace open_rs
