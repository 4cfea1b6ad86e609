// SPDX-License-Identifier: Apache-2.0
// Any bytes as an array of rows: what the parser of whole texts takes, and nothing else.
#include "grove/data/json_array.hpp"

#include <cstdlib>
#include <optional>
#include <sstream>

#include "grove/error.hpp"

namespace {

using grove::io::Json;

std::optional<Json> at_once(std::string const& text) {
  try {
    Json all = grove::io::parse_json(text, "fuzz");
    if (!all.is_array()) return std::nullopt;
    for (Json const& row : all)
      if (!row.is_object()) return std::nullopt;
    return all;
  } catch (grove::Error const&) {
    return std::nullopt;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const text(reinterpret_cast<char const*>(data), size);
  std::istringstream in(text);
  std::optional<Json> rows = Json::array();
  try {
    grove::data::for_each_element(in, "fuzz", [&](std::string const&, Json&& row) { rows->push_back(std::move(row)); });
  } catch (grove::Error const&) {
    rows.reset();
  }
  if (rows != at_once(text)) std::abort();
  return 0;
}
