// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "grove/io/json.hpp"

namespace grove::data {

/// One row of a data set.
struct Row {
  std::string where;  ///< "FILE:N", for messages
  io::Json json;      ///< an object
};

/// The rows of a data set as it lies on disk: JSON lines (.jsonl), a JSON array of objects (.json), or a folder of such
/// files, whose shards are read in the order of their names. Throws Error that names file and line.
std::vector<Row> read_rows(std::filesystem::path const& path);

/// The word of `known` that looks most like `word`: fewest changes of one character (Levenshtein).
std::string nearest(std::string_view word, std::vector<std::string> const& known);

}  // namespace grove::data
