// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace grove::test {

/// A file of the shared golden data, which is not part of the repository.
inline std::string golden_path(std::string const& name) {
  char const* const shared = std::getenv("GROVE_SHARED");
  std::string const root = shared != nullptr ? shared : std::string(GROVE_TEST_DATA) + "/../../../shared";
  return root + "/golden/" + name;
}

/// The objects of a file of JSON lines; none if there is no such file.
inline std::vector<nlohmann::json> read_rows(std::string const& path) {
  std::vector<nlohmann::json> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

}  // namespace grove::test
