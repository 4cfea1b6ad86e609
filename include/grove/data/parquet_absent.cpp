// SPDX-License-Identifier: Apache-2.0
// What a build without Arrow says in place of parquet.cpp.
#include "grove/data/parquet.hpp"
#include "grove/error.hpp"

namespace grove::data {
namespace {

[[noreturn]] void refuse(std::filesystem::path const& file) {
  throw Error(file.string(), "Parquet is not in this build: Arrow C++ was missing when it was configured", {},
              "build/env/bin/pip install --no-deps pyarrow and build anew with -DGROVE_PARQUET=ON, or take JSON lines");
}

}  // namespace

bool has_parquet() { return false; }

void read_parquet(std::filesystem::path const& file, std::function<void(std::size_t, io::Json&&)> const& /*take*/) {
  refuse(file);
}

void write_parquet(std::filesystem::path const& file, std::span<io::Json const> /*rows*/) { refuse(file); }

}  // namespace grove::data
