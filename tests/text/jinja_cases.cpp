// SPDX-License-Identifier: Apache-2.0
// Templates whose text jinja2 has rendered (tests/oracle/jinja_cases.py, jinja_templates.py).
#include <chrono>
#include <ctime>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "grove/error.hpp"
#include "grove/text/chat_template.hpp"
#include "support/catch.hpp"

namespace {

using grove::text::ChatTemplate;
using grove::text::RenderOptions;
using nlohmann::ordered_json;

std::string const data = GROVE_TEST_DATA "/jinja/";

std::string read(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The moment that the oracle stopped its clock at, in local time.
std::chrono::system_clock::time_point moment() {
  std::tm local{};
  local.tm_year = 126;
  local.tm_mon = 6;
  local.tm_mday = 25;
  local.tm_hour = 17;
  local.tm_min = 20;
  local.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&local)) + std::chrono::microseconds(123456);
}

/// What Grove makes of a template: the text, or the error.
struct Rendered {
  std::string text, error;
};

Rendered rendered(std::string const& source, ordered_json const& variables) {
  try {
    return {ChatTemplate::parse(source).render(variables, RenderOptions{.now = moment()}), ""};
  } catch (grove::Error const& error) {
    return {"", error.what()};
  }
}

void check(Rendered const& actual, ordered_json const& expected) {
  CAPTURE(actual.error);
  if (expected.contains("output")) {
    CHECK(actual.error.empty());
    CHECK(actual.text == expected["output"].get<std::string>());
  } else {
    CAPTURE(expected["error"].get<std::string>());
    CHECK(!actual.error.empty());
  }
}

}  // namespace

TEST_CASE("small templates render as in jinja2, construct by construct") {
  auto const fixture = ordered_json::parse(read(data + "cases.json"));
  std::map<std::string, int> constructs;
  for (auto const& entry : fixture["cases"]) {
    CAPTURE(entry["template"].get<std::string>());
    check(rendered(entry["template"], fixture["variables"]), entry);
    ++constructs[entry["construct"]];
  }
  CHECK(constructs.size() >= 25);
}

TEST_CASE("templates written like the published ones render as in jinja2") {
  auto const fixture = ordered_json::parse(read(data + "templates.json"));
  std::map<std::string, std::string> sources;
  for (auto const& entry : fixture["cases"]) {
    std::string const name = entry["template"];
    CAPTURE(name, entry["conversation"].get<std::string>(), entry["options"].get<int>());
    if (sources.count(name) == 0) sources[name] = read(data + "templates/" + name);
    ordered_json variables = {{"messages", fixture["conversations"][entry["conversation"].get<std::string>()]},
                              {"tools", nullptr},
                              {"documents", nullptr},
                              {"add_generation_prompt", entry["add_generation_prompt"]},
                              {"bos_token", "<s>"},
                              {"eos_token", "</s>"}};
    for (auto const& [key, value] : fixture["options"][entry["options"].get<std::size_t>()].items()) {
      variables[key] = value;
    }
    check(rendered(sources[name], variables), entry);
  }
  CHECK(sources.size() == 8);
}
