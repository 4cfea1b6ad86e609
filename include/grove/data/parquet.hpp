// SPDX-License-Identifier: Apache-2.0
// Parquet by Arrow C++, of which nothing shows here.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>

#include "grove/io/json.hpp"

namespace grove::data {

/// Whether this build has Arrow (CMake option GROVE_PARQUET). Without it the two functions below throw an Error that
/// says how to get it.
bool has_parquet();

/// Hands over the rows of a file one by one, as objects with the columns in their order: text, numbers, true and false,
/// lists, records (messages are lists of records) and nulls. Times, decimals and durations become text; columns of
/// bytes (images) are left out. No more than some thousand rows are held at once, and no thread is started. Throws
/// Error that names the file where it is cut off, damaged or no Parquet file.
void read_parquet(std::filesystem::path const& file, std::function<void(std::size_t row, io::Json&&)> const& take);

/// Writes objects as a Parquet file, which appears whole or not at all: the same rows give the same bytes. Columns
/// stand in the order in which keys first appear, and a key that a row lacks is null there. A column has the type that
/// all of its values have (whole numbers are int64, numbers double); one of mixed types is text, in which what is no
/// text stands as JSON.
void write_parquet(std::filesystem::path const& file, std::span<io::Json const> rows);

}  // namespace grove::data
