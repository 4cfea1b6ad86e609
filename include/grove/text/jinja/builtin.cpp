// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/builtin.hpp"

#include <algorithm>

#include "grove/text/jinja/operators.hpp"

namespace grove::text::jinja {
namespace {

struct Parameters {
  std::vector<std::pair<std::string_view, bool>> names;  ///< and whether it may be left out
  bool by_position_only = false;
  bool rest = false;
  bool keywords = false;
};

Parameters parsed(std::string_view text) {
  Parameters result;
  while (!text.empty()) {
    std::size_t const end = std::min(text.find(' '), text.size());
    std::string_view name = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (name == "/") {
      result.by_position_only = true;
    } else if (name == "*") {
      result.rest = true;
    } else if (name == "**") {
      result.keywords = true;
    } else {
      bool const optional = name.back() == '?';
      if (optional) name.remove_suffix(1);
      result.names.emplace_back(name, optional);
    }
  }
  return result;
}

}  // namespace

std::int64_t Bound::integer(Runtime& runtime, std::size_t index, std::int64_t otherwise) const {
  return passed(index) ? as_index(runtime, (*this)[index], "an argument") : otherwise;
}

std::string Bound::text(Runtime& runtime, std::size_t index, std::string_view otherwise) const {
  return passed(index) ? to_string(runtime, (*this)[index]) : std::string(otherwise);
}

std::string const& Bound::text(Runtime& runtime, std::size_t index) const {
  auto const* held = (*this)[index].as<Text>();
  require_defined(runtime, (*this)[index]);
  if (!held) runtime.fail("an argument must be str, not " + type_name((*this)[index]));
  return held->bytes;
}

Bound bind(Runtime& runtime, Builtin const& function, Arguments const& arguments) {
  auto const parameters = parsed(function.parameters);
  std::string const name(function.name);
  Bound bound(parameters.names.size());
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    if (i < bound.values.size()) {
      bound.values[i] = {true, arguments.positional[i]};
    } else if (parameters.rest) {
      bound.rest.push_back(arguments.positional[i]);
    } else {
      runtime.fail("'" + name + "' takes at most " + std::to_string(bound.values.size()) + " arguments, not " +
                   std::to_string(arguments.positional.size()));
    }
  }
  for (auto const& [key, value] : arguments.keyword) {
    auto const found = std::find_if(parameters.names.begin(), parameters.names.end(),
                                    [&key = key](auto const& parameter) { return parameter.first == key; });
    if (found == parameters.names.end() || parameters.by_position_only) {
      if (!parameters.keywords) runtime.fail("'" + name + "' takes no argument named '" + key + "'");
      bound.keywords.emplace_back(key, value);
      continue;
    }
    auto& slot = bound.values[static_cast<std::size_t>(found - parameters.names.begin())];
    if (slot.first) runtime.fail("'" + name + "' got two values for the argument '" + key + "'");
    slot = {true, value};
  }
  for (std::size_t i = 0; i < bound.values.size(); ++i) {
    if (!bound.passed(i) && !parameters.names[i].second) {
      runtime.fail("'" + name + "' misses the argument '" + std::string(parameters.names[i].first) + "'");
    }
  }
  return bound;
}

Builtin const* find_builtin(std::span<Builtin const> table, std::string_view name) {
  auto const found =
      std::find_if(table.begin(), table.end(), [name](Builtin const& entry) { return entry.name == name; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace grove::text::jinja
