// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

/// A path of this process's own, since tests run side by side; removed with the object.
struct TemporaryFolder {
  explicit TemporaryFolder(std::string const& name)
      : path(std::filesystem::temp_directory_path() / ("grove-" + name + "-" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path);
  }
  TemporaryFolder(TemporaryFolder const&) = delete;
  TemporaryFolder& operator=(TemporaryFolder const&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path); }

  std::filesystem::path path;
};
