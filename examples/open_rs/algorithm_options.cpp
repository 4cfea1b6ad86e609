// SPDX-License-Identifier: Apache-2.0
#include "open_rs/algorithm_options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
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

std::vector<double> numbers_of(std::string const& key, std::string const& list) {
  std::vector<double> numbers;
  std::istringstream parts(list + ',');
  for (std::string part; std::getline(parts, part, ',');) {
    numbers.push_back(grove::option_number(key, part));
    if (!std::isfinite(numbers.back())) throw grove::Error("option " + key, "is " + list, "finite numbers");
  }
  return numbers;
}

/// Takes a key of the run. False for any other.
bool take(Setting const& setting, ObjectiveOptions& options) {
  auto const& [key, value] = setting;
  if (key == "reward_weights") {
    options.reward_weights = numbers_of(key, value);
    return true;
  }
  if (key == "mask_truncated_completions") {
    options.mask_truncated_completions = grove::option_flag(key, value);
    return true;
  }
  if (key == "seed") {
    auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), options.seed);
    if (error != std::errc{} || end != value.data() + value.size())
      throw grove::Error("option seed", "is '" + value + "'", "a whole number from 0 to 18446744073709551615");
    return true;
  }
  return false;
}

std::vector<Setting> settings_of(AlgorithmSource const& source, ObjectiveOptions& options) {
  std::vector<Setting> rest;
  for (auto const& text : source.settings) {
    auto const setting = split(text);
    bool const of_run = std::ranges::find(source.run_keys, setting.first) != source.run_keys.end();
    if (!of_run || !take(setting, options)) rest.push_back(setting);
  }
  return rest;
}

/// The algorithm with its defaults; what chooses types is taken out of the settings.
grove::AnyAlgorithm made(AlgorithmSource const& source, std::vector<Setting>& settings) {
  return is_trl(source.name) ? trl_algorithm(settings) : grove::algorithm_named(source.name);
}

/// In the order of the algorithm's pieces, each once.
std::vector<std::string> keys_of(grove::AnyAlgorithm const& algorithm) {
  std::vector<std::string> keys;
  grove::visit_options(algorithm, [&](grove::Option const& option, auto const&) {
    if (std::ranges::find(keys, option.name) == keys.end()) keys.emplace_back(option.name);
  });
  return keys;
}

void refuse_unknown(AlgorithmSource const& source, std::vector<Setting> const& settings,
                    std::vector<std::string> const& own) {
  auto known = own;
  if (is_trl(source.name)) known.insert(known.begin(), trl_choices().begin(), trl_choices().end());
  known.insert(known.end(), source.run_keys.begin(), source.run_keys.end());
  std::string list;
  for (auto const& key : known) list += (list.empty() ? "" : ", ") + key;
  for (auto const& [key, value] : settings)
    if (std::ranges::find(own, key) == own.end())
      throw grove::Error("option " + key, "does nothing in " + source.name, "one of " + list);
}

void apply(AlgorithmSource const& source, std::vector<Setting> rest, grove::AnyAlgorithm& algorithm) {
  auto const keys = keys_of(algorithm);
  refuse_unknown(source, rest, keys);
  std::vector<Setting> first;
  for (auto const& text : source.defaults)
    if (auto const setting = split(text); std::ranges::find(keys, setting.first) != keys.end())
      first.push_back(setting);
  rest.insert(rest.begin(), first.begin(), first.end());
  std::vector<std::string_view> given;
  for (auto const& [key, value] : rest) given.push_back(key);
  for (auto const& [key, value] : rest) grove::set_option(algorithm, key, value, given);
}

}  // namespace

bool is_trl(std::string_view name) {
  return name.size() == 3 && (name[0] | 32) == 't' && (name[1] | 32) == 'r' && (name[2] | 32) == 'l';
}

grove::AnyAlgorithm algorithm_of(AlgorithmSource const& source, ObjectiveOptions& options) {
  auto rest = settings_of(source, options);
  auto algorithm = made(source, rest);
  apply(source, std::move(rest), algorithm);
  grove::check_options(algorithm);
  return algorithm;
}

std::string algorithm_table(AlgorithmSource const& source) {
  std::ostringstream text;
  text << "\nAlgorithms, for --algorithm\n";
  for (auto const& algorithm : grove::named_algorithms())
    text << "  " << std::left << std::setw(30) << algorithm.name << algorithm.about << '\n';
  text << "  " << std::setw(30) << "trl"
       << "every product of TRL's loss_type, importance_sampling_level and scale_rewards\n";
  text << "\nKeys of " << source.name << ", for --set key=value\n";
  auto const line = [&](std::string_view key, std::string const& value, std::string_view help) {
    text << "  " << std::left << std::setw(36) << std::string(key) + "=" + value << "  " << help << '\n';
  };
  ObjectiveOptions run;
  auto rest = settings_of(source, run);
  if (is_trl(source.name)) text << trl_table(rest);
  auto algorithm = made(source, rest);
  apply(source, {}, algorithm);
  std::set<std::string_view> seen;
  grove::visit_options(algorithm, [&](grove::Option const& option, auto const& value) {
    std::ostringstream number;
    number << std::boolalpha << value;
    if (seen.insert(option.name).second) line(option.name, number.str(), option.help);
  });
  for (auto const key : source.run_keys) {
    if (key == "reward_weights") line(key, "1,1,...", "one number a reward");
    if (key == "mask_truncated_completions") line(key, "false", "truncated sequences give no gradient");
    if (key == "seed") line(key, "0", "of what is drawn at random");
  }
  return text.str();
}

std::vector<std::string> values_in(Arguments const& arguments, std::string_view option) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == option && i + 1 < arguments.size()) values.push_back(arguments[i + 1]);
    if (arguments[i].starts_with(std::string(option) + '=')) values.push_back(arguments[i].substr(option.size() + 1));
  }
  return values;
}

std::string name_in(Arguments const& arguments, std::string const& otherwise) {
  auto const names = values_in(arguments, "--algorithm");
  return names.empty() ? otherwise : names.back();
}

}  // namespace open_rs
