// SPDX-License-Identifier: Apache-2.0
// Test sets of any bytes: read, or refused with an Error.
#include "grove/data/evaluation_set.hpp"

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "grove/error.hpp"

namespace {

struct File {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("grove-fuzz-set-" + std::to_string(getpid()) + ".json");
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
    for (auto const& problem : grove::data::load_evaluation_set(file.path).problems)
      if (problem.id.empty() && problem.problem.empty()) std::abort();
  } catch (grove::Error const&) {
  }
  return 0;
}
