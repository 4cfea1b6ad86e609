// SPDX-License-Identifier: Apache-2.0
// open_rs evaluate: test sets, a model or other people's completions, and what they say with how much certainty.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <span>
#include <sstream>
#include <thread>

#include "grove/data/rows.hpp"
#include "grove/error.hpp"
#include "grove/eval/paired.hpp"
#include "grove/io/atomic_file.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/evaluate_run.hpp"
#include "open_rs/evaluate_samples.hpp"
#include "open_rs/processes.hpp"

namespace open_rs {
namespace {

namespace fs = std::filesystem;
using grove::Error;
using grove::io::Json;

struct EvaluateFlags {
  SamplingPlan plan;
  std::vector<std::string> data{}, completions{}, compare{};
  std::string ks = "1,4,8", verifier = "lighteval";
  fs::path out{};
  grove::data::EvaluationColumns columns{};
  std::size_t n = 0;
  bool json = false, allow_missing = false, ks_asked = false, sample_only = false;
  bool makes_folder = false;  ///< of --out, which was not given
  bool judges = true;         ///< whether this process prints the results
  ProcessFlags launch{};
};

void add_options(Command& command, EvaluateFlags& f) {
  auto& m = f.plan.model;
  command.options().add_options()  //
      ("data", po::value(&f.data)->multitoken()->value_name("FILE..."),
       "test sets: AIME24, AIME25, MATH-500, AMC23, Minerva, OlympiadBench, GSM8K or any JSON lines")         //
      ("model", po::value(&m.folder)->value_name("DIR"), "model folder in Hugging Face form, to be sampled")  //
      ("completions", po::value(&f.completions)->multitoken()->value_name("FILE..."),
       "judge these instead: lines {\"id\",\"completion\"}; id: the data's id, unique_id or line number from 0")   //
      (",n", po::value(&f.n)->value_name("N"), "completions of each problem (default: 1, or all that are there)")  //
      ("k", po::value(&f.ks)->value_name("K,..."), "pass@k for these k (default: those of 1,4,8 up to n)")         //
      ("verifier", po::value(&f.verifier)->default_value("lighteval")->value_name("NAME"),
       "lighteval, strict, compatible, compatible-open-rs, qwen or answer-tag; strict is printed beside it")   //
      ("out", po::value(&f.out)->value_name("DIR"), "keep completions and results; the next call goes on")     //
      ("compare", po::value(&f.compare)->multitoken()->value_name("RUN RUN"), "two --out folders, paired")     //
      ("json", po::bool_switch(&f.json), "one JSON object on stdout")                                          //
      ("allow-missing", po::bool_switch(&f.allow_missing), "leave out problems without (enough) completions")  //
      ("problem-column", po::value(&f.columns.problem)->value_name("NAME"), "default: found in the file")      //
      ("gold-column", po::value(&f.columns.gold)->value_name("NAME"), "default: found in the file")            //
      ("temperature", po::value(&f.plan.temperature)->default_value(0.6, "0.6"), "of sampling")                //
      ("top-p", po::value(&f.plan.top_p)->default_value(0.95, "0.95"), "nucleus")                              //
      ("max-tokens", po::value(&f.plan.max_tokens)->default_value(32768), "longest completion")                //
      ("seed", po::value(&f.plan.seed)->default_value(0), "of samples and intervals")                          //
      ("prompt", po::value(&f.plan.prompt)->default_value("open-rs")->value_name("TEXT"),
       "open-rs (the original's), problem (alone), or a text with {problem} in it")                     //
      ("system", po::value(&f.plan.system)->value_name("TEXT"), "system turn (the original has none)")  //
      ("dtype", po::value(&m.dtype)->default_value("auto")->value_name("f32|bf16"), "of the parameters")(
          "device", po::value(&m.device)->default_value("auto")->value_name("cpu|cuda|auto"), "auto: CUDA where seen")(
          "threads", po::value(&m.threads)->default_value(0), "0: all cores; never changes a result")(
          "batch", po::value(&m.batch)->default_value(0), "sequences at once; never changes a result")(
          "processes", po::value(&f.launch.processes)->default_value(1)->value_name("N"),
          "sample on N processes of this machine, where no launcher (torchrun, mpirun, srun) is")(
          "deadline", po::value(&f.launch.deadline)->default_value(std::size_t{7} * 24 * 3600)->value_name("SECONDS"),
          "that a process waits for the others before it gives up")(
          "sample-only", po::bool_switch(&f.sample_only),
          "keep this process's completions in --out and judge nothing: a call without it does");
  m.add_cache_to(command.options());
}

std::vector<std::size_t> parse_ks(std::string const& text) {
  std::vector<std::size_t> ks;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    if (part.empty() || part.find_first_not_of("0123456789") != part.npos || part.size() > 9 || std::stoul(part) == 0)
      throw Error("--k", "'" + text + "'", "positive numbers with commas between");
    ks.push_back(std::stoul(part));
  }
  if (ks.empty()) throw Error("--k", "is empty", "positive numbers with commas between");
  return ks;
}

/// The k asked for, or those of the usual ones, that n allows.
std::vector<std::size_t> ks_of(EvaluateFlags const& flags, std::size_t n) {
  auto ks = parse_ks(flags.ks);
  std::erase_if(ks, [&](std::size_t k) { return k > n; });
  return ks;
}

/// Throws for a k asked for that no set has the completions for, and says which sets lack them where others have them.
void check_ks(EvaluateFlags const& flags, std::vector<JudgedSet> const& sets) {
  if (!flags.ks_asked) return;
  for (std::size_t const k : parse_ks(flags.ks)) {
    std::vector<std::string> lacking;
    for (JudgedSet const& judged : sets)
      if (auto const [n, id] = fewest_completions(judged); n < k)
        lacking.push_back("problem '" + id + "' of " + judged.set.file + " has " + std::to_string(n) +
                          (n == 1 ? " completion" : " completions"));
    std::string const name = "pass@" + std::to_string(k);
    if (lacking.size() == sets.size())
      throw Error("--k", name + " asks for more completions than there are: " + lacking.front(),
                  "numbers up to those of the problem with the fewest",
                  "leave " + std::to_string(k) + " out, or with -n " + std::to_string(k) +
                      " --allow-missing the problems that have fewer");
    for (auto const& one : lacking) std::cerr << "no " << name << ": " << one << '\n';
  }
}

Json interval(grove::eval::Interval const& i) { return Json::array({i.low, i.high}); }

Json result_of(JudgedSet const& judged, EvaluateFlags const& flags) {
  auto const sizes = summary(judged, {}, flags.plan.seed, false);
  auto const e = summary(judged, ks_of(flags, sizes.n), flags.plan.seed, false);
  Json r;
  r["problems"] = e.problems;
  r["n"] = e.n;
  r["pass@1"] = e.pass_at_1;
  r["se"] = e.problems > 1 ? Json(e.standard_error) : Json(nullptr);
  r["ci95"] = interval(e.interval);
  r["pass@k"] = Json::object();
  for (auto const& [k, value] : e.pass_at_k) r["pass@k"][std::to_string(k)] = value;
  r["maj@n"] = e.majority;
  r["mean_length"] = e.mean_length;
  r["truncated"] = e.truncated ? Json(*e.truncated) : Json(nullptr);
  r["length_unit"] = counts_tokens(judged) ? "tokens" : "characters";
  r["verifier"] = flags.verifier;
  if (e.largest_n != e.n) r["largest_n"] = e.largest_n;
  if (flags.verifier != "strict") {
    auto const s = summary(judged, {}, flags.plan.seed, true);
    r["strict"] = {{"pass@1", s.pass_at_1},
                   {"se", s.problems > 1 ? Json(s.standard_error) : Json(nullptr)},
                   {"ci95", interval(s.interval)},
                   {"maj@n", s.majority}};
  }
  return r;
}

std::string cell(char const* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// Columns as wide as their widest cell, numbers to the right.
void print_table(std::vector<std::vector<std::string>> const& rows) {
  std::vector<std::size_t> width;
  for (auto const& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) {
      width.resize(std::max(width.size(), c + 1));
      width[c] = std::max(width[c], row[c].size());
    }
  for (auto const& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      std::string const pad(width[c] - row[c].size(), ' ');
      line += (c == 0 ? row[c] + pad : "  " + pad + row[c]);
    }
    std::cout << line << '\n';
  }
}

/// How tables call a file: by its name without folders, by all of it where another has the same name.
std::string label_of(std::string const& file, Json const& results) {
  auto const name_of = [](std::string const& path) { return (fs::path(path) / "").parent_path().filename().string(); };
  std::size_t same = 0;
  for (auto const& entry : results.items()) same += name_of(entry.key()) == name_of(file) ? 1 : 0;
  return same == 1 ? name_of(file) : file;
}

void print_results(Json const& results) {
  std::vector<std::vector<std::string>> rows{
      {"file", "problems", "n", "pass@1", "se", "95 % interval", "strict", "maj@n", "pass@k", "length", "truncated"}};
  for (auto const& entry : results.items()) {
    Json const& r = entry.value();
    std::string pass;
    for (auto const& k : r["pass@k"].items())
      if (k.key() != "1") pass += (pass.empty() ? "" : " ") + k.key() + ":" + cell("%.3f", k.value().get<double>());
    auto const maybe = [&](Json const& value) { return value.is_null() ? "-" : cell("%.4f", value.get<double>()); };
    rows.push_back({label_of(entry.key(), results), r["problems"].dump(), r["n"].dump(),
                    cell("%.3f", r["pass@1"].get<double>()), maybe(r["se"]),
                    cell("%.3f", r["ci95"][0].get<double>()) + " to " + cell("%.3f", r["ci95"][1].get<double>()),
                    r.contains("strict") ? cell("%.3f", r["strict"]["pass@1"].get<double>()) : "-",
                    cell("%.3f", r["maj@n"].get<double>()), pass.empty() ? "-" : pass,
                    cell("%.0f", r["mean_length"].get<double>()) + (r["length_unit"] == "tokens" ? "" : " chars"),
                    maybe(r["truncated"])});
  }
  print_table(rows);
}

/// What --compare and the report read: the results with each problem's right completions and how many there are.
void write_results(EvaluateFlags const& flags, std::vector<JudgedSet> const& sets, Json const& results) {
  Json all;
  all["results"] = results;
  for (JudgedSet const& judged : sets) {
    Json& scores = all["problems"][judged.set.file];
    for (std::size_t p = 0; p < judged.samples.size(); ++p) {
      auto const right = std::ranges::count_if(judged.samples[p], [](Sample const& s) { return s.chosen.correct; });
      scores[judged.set.problems[p].id] = {right, judged.samples[p].size()};
    }
  }
  grove::io::write_file(flags.out / "results.json", all.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Json read_scores(fs::path const& run) {
  fs::path const file = run / "results.json";
  if (!fs::exists(file))
    throw Error(run.string(), "holds no results.json", "a folder that open_rs evaluate --out wrote");
  Json all = grove::io::read_json_file(file.string());
  if (!all.contains("problems") || !all["problems"].is_object())
    throw Error(file.string(), "has no scores of problems", "a file that open_rs evaluate --out wrote");
  return all["problems"];
}

/// A file's scores in the other run: those of the file of the same path, else of the same name without folders where
/// there is one of that name in either run.
Json const* scores_named(Json const& run, std::string const& file, Json const& own) {
  if (auto const same = run.find(file); same != run.end()) return &*same;
  std::string const name = grove::data::data_name(file);
  Json const* found = nullptr;
  std::size_t count = 0;
  for (Json const* const one : {&own, &run})
    for (auto const& entry : one->items()) {
      if (grove::data::data_name(entry.key()) != name) continue;
      ++count;
      if (one == &run) found = &entry.value();
    }
  return count == 2 ? found : nullptr;
}

Json compare_file(Json const& a, Json const& b, std::string const& file, std::uint64_t seed) {
  std::vector<double> first, second;
  for (auto const& problem : a.items()) {
    auto const other = b.find(problem.key());
    if (other == b.end()) throw Error(file, "problem '" + problem.key() + "' is in the first run only", "both");
    first.push_back(problem.value()[0].get<double>() / problem.value()[1].get<double>());
    second.push_back((*other)[0].get<double>() / (*other)[1].get<double>());
  }
  if (a.size() != b.size()) throw Error(file, "the second run has problems that the first lacks", "the same problems");
  auto const c = grove::eval::compare_paired(first, second, {.seed = seed});
  Json r;
  r["problems"] = c.problems;
  r["first"] = c.first;
  r["second"] = c.second;
  r["difference"] = c.difference;
  r["se"] = c.problems > 1 ? Json(c.standard_error) : Json(nullptr);
  r["ci95"] = interval(c.interval);
  r["p"] = c.p_value;
  r["better"] = c.better;
  r["worse"] = c.worse;
  r["equal"] = c.equal;
  return r;
}

int compare(EvaluateFlags const& flags) {
  if (flags.compare.size() != 2)
    throw Error("--compare", std::to_string(flags.compare.size()) + " runs", "two folders of open_rs evaluate --out");
  Json const a = read_scores(flags.compare[0]), b = read_scores(flags.compare[1]);
  Json results = Json::object();
  for (auto const& entry : a.items())
    if (Json const* const other = scores_named(b, entry.key(), a))
      results[entry.key()] = compare_file(entry.value(), *other, entry.key(), flags.plan.seed);
  if (results.empty()) throw Error("--compare", "the runs have no data file in common", "the same test sets in both");
  if (flags.json) {
    std::cout << results.dump() << '\n';
    return 0;
  }
  std::vector<std::vector<std::string>> rows{
      {"file", "problems", "first", "second", "difference", "95 % interval", "p", "better", "worse", "equal"}};
  for (auto const& entry : results.items()) {
    Json const& r = entry.value();
    rows.push_back({label_of(entry.key(), results), r["problems"].dump(), cell("%.3f", r["first"].get<double>()),
                    cell("%.3f", r["second"].get<double>()), cell("%+.3f", r["difference"].get<double>()),
                    cell("%+.3f", r["ci95"][0].get<double>()) + " to " + cell("%+.3f", r["ci95"][1].get<double>()),
                    cell("%.4f", r["p"].get<double>()), r["better"].dump(), r["worse"].dump(), r["equal"].dump()});
  }
  print_table(rows);
  return 0;
}

void check(EvaluateFlags const& flags) {
  if (flags.data.empty()) throw Error("open_rs evaluate", "no --data", "one or more test sets", "see --help");
  if (flags.plan.model.folder.empty() == flags.completions.empty())
    throw Error("open_rs evaluate",
                flags.completions.empty() ? "neither --model nor --completions" : "both --model and --completions",
                "one of them", "see open_rs evaluate --help");
  if (!flags.completions.empty() && (flags.launch.processes > 1 || flags.sample_only))
    throw Error("--completions", "there is nothing to sample", {}, "leave out --processes and --sample-only");
  parse_ks(flags.ks);
}

/// Samples what the folder lacks, over the ranks that a launcher started or --processes asks for.
int sample(EvaluateFlags& flags, Arguments const& arguments, std::vector<JudgedSet> const& sets) {
  auto const launched = grove::launch_from_environment();
  if (flags.launch.processes == 0) throw Error("--processes", "is 0", "at least 1");
  if (flags.launch.processes > 1 && !launched) {
    auto words = arguments;
    words.insert(words.begin(), "evaluate");
    if (flags.makes_folder) words.insert(words.end(), {"--out", flags.out.string()});
    if (!flags.sample_only) words.emplace_back("--sample-only");
    flags.judges = !flags.sample_only;
    return launch(flags.launch.processes, words);
  }
  grove::Share const share{launched ? launched->rank : 0, launched ? launched->size : 1};
  if (flags.plan.model.threads == 0) flags.plan.model.threads = threads_of_rank();
  flags.judges = !flags.sample_only && share.rank == 0;
  if (flags.sample_only || share.size == 1) {
    sample_into(flags.out, flags.plan, sets, share);
    return 0;
  }
  auto ranks = meet(flags.launch);
  return as_rank(ranks, [&] {
    sample_into(flags.out, flags.plan, sets, share);
    double ready = 1;
    ranks.all_reduce_sum(std::span(&ready, 1));
    return 0;
  });
}

}  // namespace

int evaluate(Arguments const& arguments) {
  EvaluateFlags flags;
  Command command("open_rs evaluate",
                  "Samples a model on test sets, or judges completions, and prints pass@1 (mean over problems of the "
                  "share of right completions) with its standard error, pass@k, maj@n, length and truncation.");
  add_options(command, flags);
  auto const values = command.parse(arguments);
  if (!values) return 0;
  if (!flags.compare.empty()) return compare(flags);
  check(flags);
  flags.ks_asked = values->count("k") > 0;
  flags.columns.sentences = flags.verifier == "answer-tag";
  std::vector<JudgedSet> sets;
  auto const names = short_names(flags.data);
  for (auto const& file : flags.data) {
    sets.push_back({.name = names[sets.size()], .set = grove::data::load_evaluation_set(file, flags.columns)});
    sets.back().samples.resize(sets.back().set.problems.size());
  }
  if (!flags.completions.empty()) {
    // As many files as sets belong to each other in their order.
    bool const in_order = flags.completions.size() == sets.size();
    for (std::size_t i = 0; i < flags.completions.size(); ++i) {
      auto const other =
          deal_completions(flags.completions[i], in_order ? std::span(sets).subspan(i, 1) : std::span(sets));
      if (!other.empty()) std::cerr << flags.completions[i] << ": each id is taken for a " << other << '\n';
    }
    auto const left_out = require_all(sets, flags.n, flags.allow_missing);
    if (left_out > 0) std::cerr << left_out << " problems without enough completions were left out\n";
    check_ks(flags, sets);
  } else {
    flags.plan.n = std::max<std::size_t>(flags.n, 1);
    if (auto const most = std::ranges::max(parse_ks(flags.ks)); flags.ks_asked && most > flags.plan.n)
      throw Error("--k",
                  "pass@" + std::to_string(most) + " of " + std::to_string(flags.plan.n) + " completions a problem",
                  "numbers up to -n", "sample more with -n " + std::to_string(most));
    static_cast<void>(flags.plan.model.resolved());
    if (flags.out.empty()) {
      if (flags.sample_only || is_launched()) throw Error("--out", "is not given", "a folder that all processes share");
      flags.out = new_run_folder("evaluate");
      flags.makes_folder = true;
    }
    user_turn(flags.plan.prompt, "");
    claim_folder(flags.out, fingerprint(flags.plan));
    if (int const code = sample(flags, arguments, sets); code != 0) return code;
    if (!flags.judges) return 0;
    collect_samples(flags.out, flags.plan, sets);
  }
  judge(sets, flags.verifier,
        flags.plan.model.threads > 0 ? flags.plan.model.threads : std::thread::hardware_concurrency());
  Json results;
  for (JudgedSet const& judged : sets) results[judged.set.file] = result_of(judged, flags);
  if (!flags.out.empty()) {
    fs::create_directories(flags.out);
    write_results(flags, sets, results);
  }
  if (flags.json) {
    std::cout << results.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    print_results(results);
  }
  return 0;
}

}  // namespace open_rs
