// SPDX-License-Identifier: Apache-2.0
// A fuzzer's input as a file, for readers that take a path.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace fuzz {

/// A file of this process alone, gone at its end; `name` ends as the reader expects.
class InputFile {
 public:
  explicit InputFile(std::string const& name)
      : path_(std::filesystem::temp_directory_path() / ("grove-fuzz-" + std::to_string(getpid()) + "-" + name)) {}
  InputFile(InputFile const&) = delete;
  InputFile& operator=(InputFile const&) = delete;
  ~InputFile() { std::filesystem::remove(path_); }

  std::filesystem::path const& holding(std::uint8_t const* bytes, std::size_t size) const {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<char const*>(bytes), static_cast<std::streamsize>(size));
    return path_;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace fuzz
