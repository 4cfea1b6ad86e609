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

/// The files of a data set, in the order in which they are read: a file itself; of a folder those that end in .parquet,
/// or in .jsonl, .json or .ndjson where there is no Parquet, else those of its folder `data` (as the hub's tool leaves
/// them). `FOLDER/train` stands for the shards `FOLDER/train-00000-of-00003.parquet` and so on. Throws Error for a
/// folder without data files, with several splits, or where a shard is missing.
std::vector<std::filesystem::path> data_files(std::filesystem::path const& path);

/// The rows of a data set as it lies on disk: of Parquet files, of JSON lines (.jsonl) or a JSON array of objects
/// (.json), or of a folder of such files. Throws Error that names file and line.
std::vector<Row> read_rows(std::filesystem::path const& path);

/// The word of `known` that looks most like `word`: fewest changes of one character (Levenshtein).
std::string nearest(std::string_view word, std::vector<std::string> const& known);

}  // namespace grove::data
