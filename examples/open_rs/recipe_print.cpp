// SPDX-License-Identifier: Apache-2.0
// open_rs recipe: every key of a recipe with its value and where that comes from.
#include <charconv>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>

#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/recipe.hpp"

namespace open_rs {
namespace {

struct Given {
  std::string value{}, from{};
};

/// The default as the option shows it: "arg (=0.04)".
std::string default_of(po::option_description const& option) {
  std::string const text = option.format_parameter();
  auto const begin = text.find("(=");
  if (begin == text.npos) return "";
  std::string value = text.substr(begin + 2, text.rfind(')') - begin - 2);
  // A number as briefly as it was written.
  double number = 0;
  auto const* const end = value.data() + value.size();
  char brief[32];
  if (auto const read = std::from_chars(value.data(), end, number); read.ec == std::errc() && read.ptr == end)
    value.assign(brief, std::to_chars(brief, brief + sizeof brief, number).ptr);
  return value;
}

/// Key and value of a line or a setting, parted by its first "=".
std::pair<std::string, std::string> parted(std::string const& text) {
  auto const trim = [](std::string const& part) {
    auto const first = part.find_first_not_of(' ');
    return first == part.npos ? "" : part.substr(first, part.find_last_not_of(' ') - first + 1);
  };
  auto const equals = text.find('=');
  return {trim(text.substr(0, equals)), trim(text.substr(equals + 1))};
}

std::map<std::string, Given> given_in(RecipeSources const& sources) {
  std::map<std::string, Given> given;
  auto const file = recipe_file(sources.name);
  std::ifstream in(file);
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    auto const [key, value] = parted(line);
    given[key] = {value, file.filename().string() + ":" + std::to_string(number)};
  }
  for (auto const& setting : sources.settings) {
    auto const [key, value] = parted(setting);
    given[key] = {value, "--set"};
  }
  return given;
}

}  // namespace

void print_recipe(RecipeSources const& sources, bool json, std::ostream& out) {
  resolve(sources);
  Recipe defaults;
  auto const options = recipe_options(defaults);
  auto given = given_in(sources);
  grove::io::Json object;
  std::size_t width = 0;
  for (auto const& option : options.options()) {
    auto const& name = option->long_name();
    given.try_emplace(name, Given{default_of(*option), "default"});
    object[name] = {{"value", given[name].value}, {"from", given[name].from}};
    width = std::max(width, name.size());
  }
  for (auto const& [key, entry] : given) {
    if (object.contains(key)) continue;
    auto const effect = effect_of_original_key(key, entry.value, entry.from);
    object[key] = {{"value", entry.value}, {"from", entry.from}, {"effect", "none: " + std::string(effect)}};
    width = std::max(width, key.size());
  }
  if (json) {
    out << object.dump() << '\n';
    return;
  }
  for (auto const& entry : object.items()) {
    auto const& key = entry.value();
    out << std::left << std::setw(static_cast<int>(width) + 2) << entry.key() << key["value"].get<std::string>()
        << "  (" << key["from"].get<std::string>();
    if (key.contains("effect")) out << "; " << key["effect"].get<std::string>();
    out << ")\n";
  }
}

int recipe(Arguments const& arguments) {
  RecipeSources sources;
  bool json = false;
  Command command("open_rs recipe", "Prints every key of a recipe, its value and where that comes from.");
  command.options().add_options()  //
      ("recipe", po::value(&sources.name)->default_value("exp3"),
       "exp1, exp2, exp3, the same with _as_run or _tiny, or an .ini file")  //
      ("set", po::value(&sources.settings)->composing()->value_name("KEY=VALUE"), "changes a key of the recipe")(
          "json", po::bool_switch(&json), "one JSON object: {key: {\"value\", \"from\"}}");
  if (!command.parse(arguments)) return 0;
  print_recipe(sources, json, std::cout);
  return 0;
}

}  // namespace open_rs
