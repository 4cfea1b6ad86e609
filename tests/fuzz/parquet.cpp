// SPDX-License-Identifier: Apache-2.0
// Parquet files of any bytes: read, or refused with an Error.
#include "grove/data/parquet.hpp"

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "grove/error.hpp"

namespace {

struct File {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("grove-fuzz-parquet-" + std::to_string(getpid()) + ".parquet");
  File() = default;
  File(File const&) = delete;
  File& operator=(File const&) = delete;
  ~File() { std::filesystem::remove(path); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
  static File const file;
  std::ofstream(file.path, std::ios::binary)
      .write(reinterpret_cast<char const*>(bytes), static_cast<std::streamsize>(size));
  try {
    grove::data::read_parquet(file.path, [](std::size_t, grove::io::Json&& row) {
      if (!row.is_object()) std::abort();
    });
  } catch (grove::Error const&) {
  }
  return 0;
}
