// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "grove/error.hpp"
#include "support/catch.hpp"

namespace grove::test {

/// A folder of this test alone, removed at its end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "grove-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TemporaryFolder(TemporaryFolder const&) = delete;
  TemporaryFolder& operator=(TemporaryFolder const&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  std::filesystem::path const& path() const { return path_; }

  /// Path of a file in the folder.
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }

  /// Writes a file in the folder and returns its path.
  std::string write(std::string_view name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }

  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

/// What a call throws as grove::Error; empty if it throws nothing. Every message must be one line.
template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (Error const& error) {
    std::string const what = error.what();
    CHECK(what.find('\n') == std::string::npos);
    return what;
  }
  return "";
}

inline bool contains(std::string const& text, std::string_view part) { return text.find(part) != std::string::npos; }

inline std::string read_file(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace grove::test
