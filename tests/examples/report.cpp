// SPDX-License-Identifier: Apache-2.0
// open_rs report: what the page holds, that it asks the network for nothing, and how a browser lays it out.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "grove/io/json.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/report_data.hpp"
#include "support/captured.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

namespace {

namespace fs = std::filesystem;
using grove::io::Json;

using Result = test::Captured;

Result report(open_rs::Arguments const& arguments) {
  return test::captured("", [&] { return open_rs::guarded("open_rs", [&] { return open_rs::report(arguments); }); });
}

void write(fs::path const& path, std::string const& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

/// A run of three steps with hostile text in its completions, and an evaluation inside.
struct Runs {
  TemporaryFolder folder{"report"};
  fs::path run = folder.path / "a", other = folder.path / "deeper" / "a", page = folder.path / "page.html";

  Runs() {
    for (auto const& path : {run, other}) {
      write(path / "metrics.jsonl",
            "{\"step\":1,\"reward\":0.1,\"kl\":0.0,\"num_tokens\":100,\"step_time\":2.0,\"rewards/format/mean\":1}\n"
            "{\"step\":2,\"reward\":9.0,\"kl\":0.1,\"num_tokens\":100,\"step_time\":2.0}\n"
            "{\"step\":2,\"reward\":0.2,\"kl\":0.1,\"num_tokens\":300,\"step_time\":2.0}\n"
            "{\"step\":3,\"reward\":0.4,\"kl\":0.2,\"num_tokens\":100,\"step_time\":1.0,"
            "\"eval/pass@1\":0.25,\"rewards/accuracy/mean\":0.5,\"timing/update_peak_bytes\":3221225472}\n");
      write(path / "completions.jsonl",
            "{\"step\":3,\"id\":0,\"problem\":7,\"prompt\":\"</script><b>x\",\"completion\":\"" +
                std::string(3000, 'x') +
                "\",\"gold\":\"1\",\"rewards\":{\"format\":1.0,\"accuracy\":null},\"advantage\":0.5,\"tokens\":2,"
                "\"finish\":\"length\"}\n");
      write(
          path / "eval" / "results.json",
          R"({"results":{"/data/aime24.jsonl":{"problems":30,"n":1,"pass@1":0.3,"se":0.0851,"ci95":[0.13,0.47],"pass@k":{"1":0.3},"maj@n":0.3,"mean_length":900.5,"length_unit":"tokens","truncated":null}}})");
      // A set that goes by the name of its folder, in another folder of the same run.
      write(
          path / "large" / "results.json",
          R"({"results":{"/data/minerva/test.jsonl":{"problems":272,"n":1,"pass@1":0.25,"se":0.03,"ci95":[0.2,0.3],"pass@k":{"1":0.25},"maj@n":0.25,"mean_length":900.5,"truncated":null,"length_unit":"tokens"}}})");
    }
  }
};

std::string browser() {
  for (auto const* name : {"chromium", "chromium-browser", "google-chrome"})
    for (auto const* folder : {"/usr/bin/", "/usr/local/bin/"})
      if (fs::exists(std::string(folder) + name)) return std::string(folder) + name;
  return "";
}

std::string output_of(std::string const& command) {
  std::string text;
  FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer{};
  while (std::size_t const n = fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), n);
  pclose(pipe);
  return text;
}

}  // namespace

TEST_CASE("report: runs become one page with a summary") {
  Runs const runs;
  auto const made = report({runs.run.string(), runs.other.string(), "--out", runs.page.string(), "--json"});
  INFO(made.error);
  REQUIRE(made.code == 0);
  Json const summary = Json::parse(made.out);
  REQUIRE(summary["runs"].size() == 2);
  CHECK(summary["runs"][0]["name"] == "a");
  CHECK(summary["runs"][1]["name"] == "deeper/a");
  CHECK(summary["runs"][0]["last"]["reward"] == 0.4);
  CHECK(summary["runs"][0]["last"]["tokens_per_second"] == 100.0);
  CHECK(summary["runs"][0]["completions"] == 1);
  CHECK(summary["runs"][0]["evaluations"][0]["run"] == "a / eval");
  CHECK(summary["bytes"] == fs::file_size(runs.page));
}

TEST_CASE("report: a step that was run again replaces the first") {
  Runs const runs;
  Json const run = open_rs::read_run(runs.run, "a", "", {});
  CHECK(run["metrics"]["reward"] == Json::parse("[[1,0.1],[2,0.2],[3,0.4]]"));
}

TEST_CASE("report: tokens of a recording come with their log-probs") {
  Runs const runs;
  fs::create_directories(runs.run / "final");
  fs::copy(tiny::tokenizer_folder(), runs.run / "final");
  auto const ids = tiny::format().tokenizer().encode("hello there");
  Json line;
  line["ids"] = ids;
  for (std::size_t i = 0; i < ids.size(); ++i) line["log_probs"].push_back(-0.25);
  write(runs.run / "record" / "step-000003.jsonl", line.dump() + "\n");
  Json const run = open_rs::read_run(runs.run, "a", "", {});
  Json const& pieces = run["completions"][0]["pieces"];
  REQUIRE(pieces.size() == ids.size());
  std::string text;
  for (auto const& piece : pieces) text += piece[0].get<std::string>();
  CHECK(text == "hello there");
  CHECK(pieces[0][1] == -0.25);
}

TEST_CASE("report: the page asks the network for nothing and data cannot end its element") {
  Runs const runs;
  REQUIRE(report({"--out", runs.page.string(), runs.run.string()}).code == 0);
  std::string const page = grove::io::read_text_file(runs.page.string());
  CHECK(page.find("</script><b>x") == page.npos);
  for (auto const* word :
       {"src=", "@import", "url(", "fetch(", "XMLHttpRequest", "WebSocket", "<link rel=\"style", "import("})
    CHECK(page.find(word) == page.npos);
  // The only address is the name of a namespace, which nothing loads.
  std::string const name_of_svg = "http://www.w3.org/2000/svg";
  for (std::size_t at = 0; (at = page.find("http", at)) != page.npos; ++at)
    CHECK(page.substr(at, name_of_svg.size()) == name_of_svg);
}

TEST_CASE("report: the paper's figures stand beside those who measured again") {
  Json const paper = open_rs::paper_figures();
  CHECK(paper["table1"].size() == 12);
  CHECK(paper["checkpoints"].size() == 21);
  for (auto const& row : paper["table1"]) {
    REQUIRE(row.size() == 7);
    double sum = 0;
    for (std::size_t i = 1; i <= 5; ++i) sum += row[i].is_null() ? -1e9 : row[i].get<double>();
    // Means of the paper's rows, as far as they have all five; its own rounding is within 0.06.
    if (sum > 0) CHECK(row[6].get<double>() == Approx(sum / 5).margin(0.06));
  }
}

TEST_CASE("report: folders that are no runs are one line and exit code 2") {
  Runs const runs;
  auto const refused = [&](open_rs::Arguments const& arguments, std::string const& words) {
    auto const result = report(arguments);
    INFO(result.error);
    CHECK(result.code == 2);
    CHECK(result.error.find(words) != std::string::npos);
  };
  refused({runs.run.string()}, "--out is missing");
  refused({"--out", runs.page.string()}, "no run is named");
  refused({"/nowhere", "--out", runs.page.string()}, "/nowhere: is no folder");
  refused({runs.folder.path.string(), "--out", runs.page.string()}, "holds neither metrics.jsonl nor results.json");
}

TEST_CASE("report: a browser lays the page out at 400 and 1600 pixels") {
  std::string const program = browser();
  if (program.empty()) {
    WARN("no Chromium here: the layout was not looked at");
    return;
  }
  Runs const runs;
  REQUIRE(report({runs.run.string(), runs.other.string(), "--out", runs.page.string()}).code == 0);
  // A frame is as narrow as it is asked to be; a browser's window is not.
  std::string const check = R"(<script>{
  const wide = [...document.querySelectorAll('main, header, section, .card, .scroll, .list, p')].filter(e => { const b = e.getBoundingClientRect(); return b.width > 0 && (b.right > innerWidth + 0.5 || b.left < -0.5); });
  const own = document.documentElement, root = parent.document.documentElement;
  root.dataset.width = innerWidth; root.dataset.overflow = Math.max(0, own.scrollWidth - innerWidth); root.dataset.outside = wide.length;
  root.dataset.ready = own.dataset.ready; root.dataset.charts = document.querySelectorAll('.chart path').length;
  const charts = [...document.querySelectorAll('#charts .card')], read = t => { const c = charts.filter(c => c.querySelector('h3').textContent === t); return c.length === 1 ? c[0].querySelector('.read').textContent : 'none'; };
  root.dataset.tested = read('Accuracy on test sets'); root.dataset.memory = read('Memory of updates'); root.dataset.accuracy = charts.filter(c => c.querySelector('h3').textContent.toLowerCase() === 'accuracy').length; root.dataset.absent = document.querySelector('#absent').textContent;
  const own_rows = [...document.querySelectorAll('#paper tr.own')]; root.dataset.own = own_rows.length; root.dataset.row = [...own_rows[0].cells].map(c => c.textContent).join(' | ');
  root.dataset.detail = document.querySelector('#detail').textContent.includes('<b>x');
}</script>)";
  std::string framed;
  for (char const letter : grove::io::read_text_file(runs.page.string()) + check)
    framed += letter == '&' ? "&amp;" : letter == '"' ? "&quot;" : std::string(1, letter);
  for (auto const* width : {"400", "1600"}) {
    fs::path const frame = runs.folder.path / "frame.html";
    std::ofstream(frame) << "<!doctype html><html><body><iframe style=\"border:0;height:1200px;width:" << width
                         << "px\" srcdoc=\"" << framed << "\"></iframe></body></html>";
    std::string const dom =
        output_of("timeout 120 " + program +
                  " --headless=new --no-sandbox --disable-gpu --hide-scrollbars --virtual-time-budget=3000"
                  " --user-data-dir=" +
                  (runs.folder.path / "profile").string() + " --window-size=1700,1300 --dump-dom file://" +
                  frame.string() + " 2>/dev/null");
    INFO("width " << width << ": " << dom.substr(0, 300));
    CHECK(dom.find(std::string("data-width=\"") + width) != dom.npos);
    CHECK(dom.find("data-ready=\"1\"") != dom.npos);
    CHECK(dom.find("data-overflow=\"0\"") != dom.npos);
    CHECK(dom.find("data-outside=\"0\"") != dom.npos);
    CHECK(dom.find("data-detail=\"true\"") != dom.npos);
    CHECK(dom.find("data-charts=\"0\"") == dom.npos);
    CHECK(dom.find("data-own=\"4\"") != dom.npos);
    CHECK(dom.find("data-row=\"a (this report) | 30.0 | - | - | 25.0 | - | -\"") != dom.npos);
    CHECK(dom.find("data-tested=\"last: a 0.25, ") != dom.npos);
    CHECK(dom.find("data-memory=\"last: a 3, ") != dom.npos);
    CHECK(dom.find("data-accuracy=\"1\"") != dom.npos);
    CHECK(dom.find("memory of sampling") != dom.npos);
    CHECK(dom.find("train --profile records memory.") != dom.npos);
  }
}
