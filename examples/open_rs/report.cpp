// SPDX-License-Identifier: Apache-2.0
// open_rs report: training and evaluation folders as one page.
#include <algorithm>
#include <iostream>

#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/report_data.hpp"

namespace open_rs {
namespace {

namespace fs = std::filesystem;
using grove::Error;
using grove::io::Json;

struct ReportFlags {
  std::vector<std::string> runs{};
  std::vector<std::string> recordings{};
  fs::path out{};
  std::string title = "open_rs";
  ReportLimits limits{};
  bool json = false;
};

/// The last folder of each path, with the one above it where two would be called the same.
std::vector<std::string> names_of(std::vector<std::string> const& runs) {
  std::vector<std::string> names;
  for (auto const& run : runs) {
    fs::path path = fs::weakly_canonical(run);
    std::string name = path.filename().string();
    for (path = path.parent_path(); std::ranges::find(names, name) != names.end() && path.has_filename();
         path = path.parent_path())
      name = (path.filename() / name).string();
    names.push_back(name);
  }
  return names;
}

Json summary_of(Json const& run) {
  Json s;
  s["name"] = run["name"];
  s["completions"] = run["completions"].size();
  s["evaluations"] = run["evaluations"];
  for (auto const& metric : run["metrics"].items())
    if (!metric.value().empty()) s["last"][metric.key()] = metric.value().back()[1];
  return s;
}

void check(ReportFlags const& flags) {
  if (flags.runs.empty()) throw Error("open_rs report", "no run is named", "open_rs report RUN... --out FILE.html");
  if (flags.out.empty()) throw Error("open_rs report", "--out is missing", "open_rs report RUN... --out FILE.html");
  if (flags.recordings.size() > flags.runs.size())
    throw Error("--recording", std::to_string(flags.recordings.size()) + " folders", "one a run, in their order");
  for (auto const& run : flags.runs)
    if (!fs::is_directory(run)) throw Error(run, "is no folder", "a folder of open_rs train or open_rs evaluate");
}

}  // namespace

int report(Arguments const& arguments) {
  ReportFlags flags;
  Command command("open_rs report RUN... --out FILE.html",
                  "Draws folders of open_rs train and open_rs evaluate into one HTML file that needs no network.");
  command.options().add_options()                                                                      //
      ("out", po::value(&flags.out)->value_name("FILE"), "the page")                                   //
      ("title", po::value(&flags.title)->default_value("open_rs")->value_name("TEXT"), "its heading")  //
      ("recording", po::value(&flags.recordings)->composing()->value_name("DIR"),
       "the folder of train --record, for log-probs of tokens; one a run (default: RUN/record)")  //
      ("completions", po::value(&flags.limits.completions)->default_value(240)->value_name("N"),
       "of each run in the browser")  //
      ("json", po::bool_switch(&flags.json), "a summary on stdout");
  // What is neither an option nor the value of one is a run.
  Arguments options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string const& argument = arguments[i];
    bool const is_option = argument.starts_with("-");
    (is_option ? options : flags.runs).push_back(argument);
    bool const takes_value = is_option && argument.find('=') == argument.npos && argument != "--json" &&
                             argument != "--help" && argument != "-h";
    if (takes_value && i + 1 < arguments.size()) options.push_back(arguments[++i]);
  }
  if (!command.parse(options)) return 0;
  check(flags);
  Json data;
  data["title"] = flags.title;
  data["paper"] = paper_figures();
  data["runs"] = Json::array();
  auto const names = names_of(flags.runs);
  for (std::size_t i = 0; i < flags.runs.size(); ++i)
    data["runs"].push_back(
        read_run(flags.runs[i], names[i], i < flags.recordings.size() ? flags.recordings[i] : "", flags.limits));
  auto const page = report_page(data);
  if (flags.out.has_parent_path()) fs::create_directories(flags.out.parent_path());
  grove::io::write_file(flags.out, page);
  Json summary;
  summary["out"] = flags.out.string();
  summary["bytes"] = page.size();
  for (auto const& run : data["runs"]) summary["runs"].push_back(summary_of(run));
  if (flags.json) {
    std::cout << summary.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    std::cout << flags.out.string() << '\n';
  }
  return 0;
}

}  // namespace open_rs
