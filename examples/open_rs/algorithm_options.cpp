// SPDX-License-Identifier: Apache-2.0
#include "open_rs/algorithm_options.hpp"

#include <iomanip>
#include <set>
#include <sstream>
#include <utility>

#include "grove/error.hpp"
#include "grove/named/named_algorithm.hpp"
#include "open_rs/trl_algorithm.hpp"

namespace open_rs {

namespace {

using Setting = std::pair<std::string, std::string>;

Setting split(std::string const& setting) {
  auto const equals = setting.find('=');
  if (equals == setting.npos || equals == 0) throw grove::Error("--set", "'" + setting + "'", "key=value");
  return {setting.substr(0, equals), setting.substr(equals + 1)};
}

/// Keys that belong to the run. False for any other.
bool take(Setting const& setting, ObjectiveOptions& options) {
  auto const& [key, value] = setting;
  if (key == "reward_weights") {
    std::istringstream parts(value);
    for (std::string part; std::getline(parts, part, ',');)
      options.reward_weights.push_back(grove::option_number(key, part));
    return true;
  }
  if (key == "mask_truncated_completions") {
    options.mask_truncated_completions = grove::option_flag(key, value);
    return true;
  }
  if (key == "seed") {
    double const seed = grove::option_number(key, value);
    if (seed < 0) throw grove::Error("option seed", "is " + value, "0 or more");
    options.seed = static_cast<std::uint64_t>(seed);
    return true;
  }
  return false;
}

bool is_trl(std::string const& name) { return name == "trl" || name == "Trl" || name == "TRL"; }

}  // namespace

grove::AnyAlgorithm algorithm_of(std::string const& name, std::vector<std::string> const& settings,
                                 ObjectiveOptions& options, std::vector<std::string> const& defaults) {
  std::vector<Setting> rest;
  for (auto const& text : settings)
    if (auto const setting = split(text); !take(setting, options)) rest.push_back(setting);
  auto algorithm = is_trl(name) ? trl_algorithm(rest) : grove::algorithm_named(name);
  std::set<std::string_view> keys;
  grove::visit_options(algorithm, [&](grove::Option const& option, auto const&) { keys.insert(option.name); });
  std::vector<Setting> first;
  for (auto const& text : defaults)
    if (auto const setting = split(text); keys.contains(setting.first)) first.push_back(setting);
  rest.insert(rest.begin(), first.begin(), first.end());
  std::vector<std::string_view> given;
  for (auto const& [key, value] : rest) given.push_back(key);
  for (auto const& [key, value] : rest) grove::set_option(algorithm, key, value, given);
  grove::check_options(algorithm);
  return algorithm;
}

std::string algorithm_table(std::string const& name) {
  std::ostringstream text;
  text << "\nAlgorithms, for --algorithm\n";
  for (auto const& algorithm : grove::named_algorithms())
    text << "  " << std::left << std::setw(30) << algorithm.name << algorithm.about << '\n';
  text << "  " << std::setw(30) << "trl"
       << "every product of TRL's loss_type, importance_sampling_level and scale_rewards\n";
  text << "\nKeys of " << name << ", for --set key=value\n";
  auto const line = [&](std::string_view key, std::string const& value, std::string_view help) {
    text << "  " << std::left << std::setw(36) << std::string(key) + "=" + value << help << '\n';
  };
  std::vector<Setting> none;
  auto const algorithm = is_trl(name) ? trl_algorithm(none) : grove::algorithm_named(name);
  if (is_trl(name)) text << trl_table();
  std::set<std::string_view> seen;
  grove::visit_options(algorithm, [&](grove::Option const& option, auto const& value) {
    std::ostringstream number;
    number << std::boolalpha << value;
    if (seen.insert(option.name).second) line(option.name, number.str(), option.help);
  });
  line("reward_weights", "1,1,...", "one number a reward");
  line("mask_truncated_completions", "false", "truncated sequences give no gradient");
  line("seed", "0", "of what is drawn at random");
  return text.str();
}

std::string name_in(Arguments const& arguments, std::string const& otherwise) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with("--algorithm=")) return arguments[i].substr(12);
    if (arguments[i] == "--algorithm" && i + 1 < arguments.size()) return arguments[i + 1];
  }
  return otherwise;
}

}  // namespace open_rs
