// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
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
/// them). `FOLDER/train` stands for the shards `FOLDER/train-00000-of-00003.parquet` and so on, in FOLDER or its folder
/// `data`. Throws Error for a folder without data files, with several splits, or where a shard is missing.
std::vector<std::filesystem::path> data_files(std::filesystem::path const& path);

/// What a data set is called: the name of its file or folder, without the ending.
std::string data_name(std::filesystem::path const& path);

/// Hands over the rows of a data set as it lies on disk, one by one: of Parquet files, of JSON lines (.jsonl) or a JSON
/// array of objects (.json), or of a folder of such files. Of lines and elements one is held at a time, of
/// Parquet some thousand rows. Throws Error that names file and line, when it comes to it, and for a data set without
/// rows; what `take` throws ends the reading.
void for_each_row(std::filesystem::path const& path, std::function<void(Row&&)> const& take);

/// All of them.
std::vector<Row> read_rows(std::filesystem::path const& path);

/// The word of `known` that looks most like `word`: fewest changes of one character (Levenshtein).
std::string nearest(std::string_view word, std::vector<std::string> const& known);

}  // namespace grove::data
