// SPDX-License-Identifier: Apache-2.0
// open_rs curate: the pipeline that made the paper's data, stage by stage, each kept on disk when it is done.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <numeric>
#include <sstream>
#include <utility>

#include "grove/data/parquet.hpp"
#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"
#include "grove/io/json.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/curate_stages.hpp"

namespace open_rs {
namespace {

namespace fs = std::filesystem;
using grove::Error;
using grove::io::Json;

struct CurateFlags {
  std::vector<std::string> settings{};
  StageInputs inputs{};
  std::string stages = "boxed,dedup";
  fs::path out{};
  bool json = false;
};

/// FNV-1a, carried from text to text.
class Hash {
 public:
  Hash& add(std::string_view text) {
    mix(text);
    mix(end);
    return *this;
  }
  /// What a file holds, a piece at a time.
  Hash& add_file(fs::path const& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw Error(path.string(), "cannot be opened", "a readable file");
    std::vector<char> piece(std::size_t{1} << 20U);
    while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0)
      mix({piece.data(), static_cast<std::size_t>(file.gcount())});
    mix(end);
    return *this;
  }
  std::string text() const {
    std::ostringstream out;
    out << std::hex << value_;
    return out.str();
  }

 private:
  static constexpr std::string_view end = "\xff";

  void mix(std::string_view text) {
    for (char const letter : text) value_ = (value_ ^ static_cast<unsigned char>(letter)) * 0x100000001b3ULL;
  }

  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

std::vector<std::string> parts_of(std::string const& text) {
  std::vector<std::string> parts;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

void take_settings(CurateFlags& flags) {
  auto& all = flags.inputs.settings;
  all = stage_defaults();
  std::vector<std::string> known;
  for (auto const& [key, value] : all) known.push_back(key);
  for (auto const& setting : flags.settings) {
    auto const equals = setting.find('=');
    std::string const key = setting.substr(0, equals);
    if (equals == setting.npos || !all.contains(key))
      throw Error("--set", "there is no key '" + key + "'", {},
                  "did you mean '" + grove::data::nearest(key, known) + "'?");
    all[key] = setting.substr(equals + 1);
  }
}

std::vector<std::string> checked_stages(CurateFlags const& flags) {
  auto stages = parts_of(flags.stages);
  if (stages.empty())
    throw Error("--stages", "names no stage", "one or more of boxed, trivial, judge, dedup, decontaminate, mix");
  for (auto const& stage : stages) {
    if (std::ranges::find(stage_names(), stage) == stage_names().end())
      throw Error("--stages", "there is no stage '" + stage + "'", {},
                  "did you mean '" + grove::data::nearest(stage, stage_names()) + "'?");
    if (stage != "boxed" && stage != "dedup" && stage != "mix" && files_of(stage, flags.inputs).empty())
      throw Error("--stages", stage + " needs a file",
                  stage == "trivial" ? "--completions"
                  : stage == "judge" ? "--judge-completions"
                                     : "--against");
  }
  return stages;
}

/// What a stage's outcome depends on.
std::string fingerprint(std::string const& before, std::string const& stage, StageInputs const& inputs) {
  Hash hash;
  hash.add(before).add(stage);
  for (auto const& [key, value] : inputs.settings)
    if (key.starts_with(stage + ".") || key.starts_with("data.")) hash.add(key).add(value);
  if (stage == "mix")
    for (auto const& file : inputs.data) hash.add(grove::data::data_name(file));
  for (auto const& file : files_of(stage, inputs))
    for (auto const& part : grove::data::data_files(file)) hash.add_file(part);
  return hash.text();
}

/// The stage's outcome, from disk where the same stage on the same input is done already.
std::vector<std::size_t> outcome(fs::path const& file, std::string const& mark, std::string const& stage,
                                 std::vector<PoolRow> const& pool, std::vector<std::size_t> const& kept,
                                 StageInputs const& inputs) {
  if (fs::exists(file)) {
    Json const done = grove::io::read_json_file(file.string());
    if (done.value("fingerprint", "") == mark) return done["kept"].get<std::vector<std::size_t>>();
  }
  auto out = run_stage(stage, pool, kept, inputs);
  grove::io::write_file(file, Json{{"fingerprint", mark}, {"stage", stage}, {"kept", out}}.dump() + "\n");
  return out;
}

Json entry_of(std::string const& stage, std::vector<PoolRow> const& pool, std::vector<std::size_t> const& in,
              std::vector<std::size_t> const& out) {
  Json entry{{"stage", stage}, {"in", in.size()}, {"out", out.size()}, {"dropped_ids", Json::array()}};
  std::vector<std::size_t> dropped;
  std::ranges::set_difference(in, out, std::back_inserter(dropped));
  for (std::size_t const i : dropped) entry["dropped_ids"].push_back(pool[i].name);
  return entry;
}

std::string card(CurateFlags const& flags, Json const& funnel) {
  std::ostringstream text;
  text << "# A curated data set\n\nMade by `open_rs curate`. The counts of this run are computed:\n\n"
          "| stage | rows in | rows out | dropped |\n|---|---|---|---|\n";
  for (auto const& entry : funnel)
    text << "| " << entry["stage"].get<std::string>() << " | " << entry["in"] << " | " << entry["out"] << " | "
         << entry["dropped_ids"].size() << " |\n";
  text << "\nSources:\n\n";
  for (auto const& file : flags.inputs.data)
    text << "- " << (fs::path(file) / "").parent_path().filename().string() << "\n";
  text << "\nSettings of the stages that ran:\n\n";
  auto parts = parts_of(flags.stages);
  parts.insert(parts.begin(), "data");
  for (auto const& stage : parts)
    for (auto const& [key, value] : flags.inputs.settings)
      if (key.starts_with(stage + ".") && !(value.empty() && stage == "data"))
        text << "- `" << key << " = " << value << "`\n";
  text
      << "\nThe paper's own counts (arXiv 2503.16219, section 2), which are not those of this run: the s1 pool 59,029, "
         "with a box\n31,323, without what DeepSeek-R1-Distill-Qwen-1.5B solves 21,533, without what "
         "Qwen2.5-7B-Instruct "
         "finds noisy 18,615\n(open-s1); DeepScaleR 40,315, without what Qwen2.5-Math-7B-Instruct solves 21,044; the "
         "mix "
         "3,000 + 3,000 + 1,000 = 7,000\n(open-rs). Thresholds, seeds and the judge's prompt were not published; the "
         "paper describes no decontamination.\n";
  return text.str();
}

/// The rows of these numbers and ids, read again and whole; each has the id that it had in all stages.
std::vector<Json> rows_of(std::vector<std::string> const& files,
                          std::vector<std::pair<std::size_t, std::string>> const& kept) {
  std::vector<Json> rows;
  rows.reserve(kept.size());
  std::size_t number = 0;
  for_each_pool_row(files, [&](PoolRow&& entry) {
    if (rows.size() == kept.size() || number++ != kept[rows.size()].first) return;
    if (entry.id != kept[rows.size()].second)
      throw Error(entry.row.where, "the data have changed since the stages saw them", {}, "start again");
    Json& row = rows.emplace_back(std::move(entry.row.json));
    char const* const column = row.contains("unique_id") && !row.contains("id") ? "unique_id" : "id";
    auto const own = row.find(column);
    if (own == row.end() || *own != entry.name) row[column] = entry.name;
  });
  if (rows.size() != kept.size())
    throw Error(files.back(), "the data have changed since the stages saw them", {}, "start again");
  return rows;
}

/// data.parquet, and the same rows as data.jsonl.
void write_data(fs::path const& folder, std::vector<Json> const& rows) {
  if (grove::data::has_parquet())
    grove::data::write_parquet(folder / "data.parquet", rows);
  else
    std::cerr << "data.parquet is not written, since this build has no Arrow; data.jsonl has the same rows\n";
  grove::io::AtomicFile lines(folder / "data.jsonl");
  for (Json const& row : rows) lines.write(row.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  lines.commit();
}

void add_options(Command& command, CurateFlags& flags) {
  std::string keys = "stage.key=value; keys and defaults:";
  for (auto const& [key, value] : stage_defaults()) keys.append(" ").append(key).append("=").append(value);
  command.options().add_options()  //
      ("data", po::value(&flags.inputs.data)->multitoken()->value_name("FILE..."),
       "the pool: Parquet, JSON lines, JSON or folders of them")(
          "stages", po::value(&flags.stages)->default_value("boxed,dedup")->value_name("NAME,..."),
          "of boxed, trivial, judge, dedup, decontaminate, mix, in any order")(
          "out", po::value(&flags.out)->value_name("DIR"),
          "data.parquet, data.jsonl, funnel.json and README.md; the next call goes on")(
          "completions", po::value(&flags.inputs.completions)->multitoken()->value_name("FILE..."),
          "for trivial: lines {\"id\",\"completion\"}, several an id")(
          "judge-completions", po::value(&flags.inputs.judge_completions)->multitoken()->value_name("FILE..."),
          "for judge: lines {\"id\",\"completion\"} whose last yes or no counts")(
          "against", po::value(&flags.inputs.against)->multitoken()->value_name("FILE..."),
          "for decontaminate: test sets, whose word n-grams no row may share")(
          "set", po::value(&flags.settings)->composing()->value_name("KEY=VALUE"), keys.c_str())(
          "json", po::bool_switch(&flags.json), "the funnel as JSON on stdout");
}

void print_funnel(Json const& funnel) {
  for (auto const& entry : funnel)
    std::cout << std::left << std::setw(16) << entry["stage"].get<std::string>() << std::right << std::setw(8)
              << entry["in"].get<std::size_t>() << " ->" << std::setw(8) << entry["out"].get<std::size_t>() << '\n';
}

}  // namespace

int curate(Arguments const& arguments) {
  CurateFlags flags;
  Command command("open_rs curate", "Filters a pool of problems stage by stage, as the paper's data was made.");
  add_options(command, flags);
  if (!command.parse(arguments)) return 0;
  if (flags.inputs.data.empty())
    throw Error("open_rs curate", "no --data", "the pool's files", "see open_rs curate --help");
  if (flags.out.empty()) throw Error("open_rs curate", "no --out", "a folder", "see open_rs curate --help");
  take_settings(flags);
  auto const stages = checked_stages(flags);
  Hash hash;
  std::vector<PoolRow> pool;
  for_each_pool_row(flags.inputs.data, [&](PoolRow&& row) {
    hash.add(row.id).add(row.row.json.dump(-1, ' ', false, Json::error_handler_t::replace));
    pool.push_back(narrowed(std::move(row), stages, flags.inputs));
  });
  std::vector<std::size_t> kept(pool.size());
  std::iota(kept.begin(), kept.end(), std::size_t{0});
  std::string mark = hash.text();
  fs::create_directories(flags.out / "stages");
  for (auto const& folder : {flags.out, flags.out / "stages"}) grove::io::remove_leftovers(folder);
  Json funnel = Json::array();
  for (std::size_t s = 0; s < stages.size(); ++s) {
    mark = fingerprint(mark, stages[s], flags.inputs);
    auto const file = flags.out / "stages" / (std::to_string(s + 1) + "-" + stages[s] + ".json");
    auto out = outcome(file, mark, stages[s], pool, kept, flags.inputs);
    funnel.push_back(entry_of(stages[s], pool, kept, out));
    if (out.empty() && !kept.empty()) std::cerr << stages[s] << " left no row\n";
    kept = std::move(out);
  }
  std::vector<std::pair<std::size_t, std::string>> left;
  for (std::size_t const i : kept) left.emplace_back(i, pool[i].id);
  std::vector<PoolRow>().swap(pool);
  write_data(flags.out, rows_of(flags.inputs.data, left));
  grove::io::write_file(flags.out / "README.md", card(flags, funnel));
  grove::io::write_file(flags.out / "funnel.json", funnel.dump(1) + "\n");
  if (flags.json) {
    std::cout << funnel.dump() << '\n';
  } else {
    print_funnel(funnel);
  }
  return 0;
}

}  // namespace open_rs
