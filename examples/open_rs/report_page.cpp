// SPDX-License-Identifier: Apache-2.0
// The page of open_rs report. Data stands in it as JSON; the script draws it as SVG.
#include <string_view>

#include "open_rs/report_data.hpp"
#include "open_rs/report_script.hpp"

namespace open_rs {
namespace {

constexpr std::string_view styles = R"css(
:root { color-scheme: light dark; --bg: #ffffff; --card: #f7f7f5; --ink: #1b1b1a; --soft: #5d5d58; --line: #dcdcd6; --accent: #0b5cad;
  --s0: #0067b0; --s1: #b84a00; --s2: #00755a; --s3: #a3317f; --s4: #6b5b00; --s5: #3d3d3d; --warn: #fff3d6; --warnline: #c98b00; }
@media (prefers-color-scheme: dark) { :root { --bg: #151514; --card: #1f1f1e; --ink: #ececea; --soft: #a9a9a3; --line: #3a3a37;
  --accent: #7db9f2; --s0: #6cb4f0; --s1: #f0a05a; --s2: #4fd1a9; --s3: #ee9ad0; --s4: #d9c84a; --s5: #c9c9c9; --warn: #33290f; --warnline: #c98b00; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main, header { max-width: 1560px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; }
h1 { font-size: 24px; margin: 0 0 4px; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 12px; letter-spacing: -.005em; }
h3 { font-size: 14px; margin: 0; font-weight: 600; }
p { margin: 0 0 12px; max-width: 80ch; } .soft { color: var(--soft); }
.legend { display: flex; flex-wrap: wrap; gap: 8px; margin: 16px 0 0; padding: 0; list-style: none; }
.legend label { display: flex; gap: 8px; align-items: center; padding: 5px 12px 5px 8px; border: 1px solid var(--line); border-radius: 99px; background: var(--card); cursor: pointer; overflow-wrap: anywhere; }
.legend svg { flex: none; }
.controls { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; margin: 0 0 12px; }
.controls label { display: flex; gap: 8px; align-items: center; color: var(--soft); font-size: 13px; }
select, input[type=range] { font: inherit; font-size: 13px; max-width: 100%; color: inherit; } select { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 4px 8px; }
#absent { margin-top: 12px; } .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px 8px; min-width: 0; }
.card header { all: unset; display: flex; justify-content: space-between; gap: 8px; align-items: baseline; }
.card .note { color: var(--soft); font-size: 12px; text-align: right; } .chart { display: block; width: 100%; height: auto; touch-action: pan-y; }
.chart text { fill: var(--soft); font-size: 11px; font-variant-numeric: tabular-nums; } .chart .axis { stroke: var(--line); stroke-width: 1; }
.chart path { fill: none; stroke-width: 1.75; stroke-linejoin: round; } .chart path.raw { opacity: .25; stroke-width: 1; }
.read { min-height: 1.5em; font-size: 12px; color: var(--soft); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 0 0 16px; border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; background: var(--card); }
caption { text-align: left; padding: 10px 12px; font-weight: 600; }
th, td { padding: 5px 12px; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); } th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 150px; }
thead th { font-weight: 600; color: var(--soft); border-top: 0; } tr.own td { font-weight: 600; } tr.own td:first-child { color: var(--accent); }
.warn { border-left: 4px solid var(--warnline); background: var(--warn); padding: 10px 14px; border-radius: 4px; max-width: 90ch; margin-bottom: 16px; }
.browser { display: grid; grid-template-columns: minmax(220px, 320px) minmax(0, 1fr); gap: 16px; } @media (max-width: 760px) { .browser { grid-template-columns: minmax(0, 1fr); } main, header { padding: 0 14px; } header { padding-top: 20px; } }
.list { max-height: 560px; overflow: auto; border: 1px solid var(--line); border-radius: 10px; } @media (max-width: 760px) { .list { max-height: 220px; } }
.list button { all: unset; box-sizing: border-box; display: block; width: 100%; padding: 8px 12px; border-bottom: 1px solid var(--line); cursor: pointer; font-size: 13px; }
.list button:hover, .list button[aria-pressed=true] { background: var(--card); } .list button[aria-pressed=true] { box-shadow: inset 3px 0 var(--accent); } .list button:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
.list .top { display: flex; justify-content: space-between; gap: 8px; } .list .text { display: block; color: var(--soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin: 6px 0 12px; } .chip { border: 1px solid var(--line); border-radius: 6px; padding: 2px 8px; font-size: 12px; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.6 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; margin: 4px 0 14px; }
pre .t { border-radius: 2px; border-bottom: 2px solid transparent; } pre .t:hover { outline: 1px solid var(--accent); }
.label { font-size: 12px; color: var(--soft); text-transform: uppercase; letter-spacing: .05em; } details { margin: 16px 0; } summary { cursor: pointer; color: var(--accent); margin-bottom: 12px; }
footer { margin: 48px 0 32px; color: var(--soft); font-size: 13px; }
)css";

constexpr std::string_view body =
    R"html(<header><h1 id="title"></h1><p class="soft" id="subtitle"></p><ul class="legend" id="legend"></ul></header>
<main>
<section id="training"><h2>Training</h2><div class="controls"><label>Smoothing <input id="smooth" type="range" min="0" max="0.98" step="0.02" value="0.6"></label></div>
<div class="grid" id="charts"></div><p class="soft" id="absent"></p><details id="rest"><summary>All other metrics</summary><div class="grid" id="others"></div></details></section>
<section id="evaluations"><h2>Evaluation</h2><div id="own"></div><div id="paper"></div></section>
<section id="completions"><h2>Completions</h2><div class="controls"><label>Run <select id="run"></select></label><label>Step <select id="step"></select></label></div>
<div class="browser"><div class="list" id="list"></div><div class="card" id="detail"></div></div></section>
<footer>Written by open_rs report. Everything on this page stands in this file.</footer>
</main>)html";

/// JSON that may stand inside a script element: no "<" can end it.
std::string embedded(grove::io::Json const& data) {
  std::string text = data.dump(-1, ' ', false, grove::io::Json::error_handler_t::replace), safe;
  safe.reserve(text.size());
  for (char const letter : text) {
    if (letter == '<') {
      safe += "\\u003c";
    } else {
      safe += letter;
    }
  }
  return safe;
}

std::string escaped(std::string_view text) {
  std::string safe;
  for (char const letter : text) {
    if (letter == '<') {
      safe += "&lt;";
    } else if (letter == '&') {
      safe += "&amp;";
    } else {
      safe += letter;
    }
  }
  return safe;
}

}  // namespace

std::string report_page(grove::io::Json const& data) {
  std::string page = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  page +=
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<link rel=\"icon\" href=\"data:,\">\n";
  page += "<title>" + escaped(data["title"].get<std::string>()) + "</title>\n<style>";
  page += styles;
  page += "</style>\n</head>\n<body>\n";
  page += body;
  page += "\n<script type=\"application/json\" id=\"data\">" + embedded(data) + "</script>\n<script>";
  page += report_script;
  return page + "</script>\n</body>\n</html>\n";
}

}  // namespace open_rs
