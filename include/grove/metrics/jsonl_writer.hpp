// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "grove/io/json_line.hpp"

namespace grove::metrics {

/// Appends JSON lines to a file, each in one write, so that a reader never sees half a line and a killed process loses
/// none that `write` returned from. A line that could not be written whole (full disk) is taken back. Does not copy.
class JsonlWriter {
 public:
  /// Opens or creates the file. Half a line at its end, left by a killed process, is cut off. With `last_step`, so is
  /// everything from the first line whose "step" is larger: a run resumed from a checkpoint writes those again.
  explicit JsonlWriter(std::string path, std::optional<std::uint64_t> last_step = std::nullopt);
  JsonlWriter(JsonlWriter&& other) noexcept;
  JsonlWriter& operator=(JsonlWriter&& other) noexcept;
  ~JsonlWriter();

  void write(io::JsonLine const& line) { write(line.text()); }

  /// One JSON text without line breaks.
  void write(std::string_view json);

  std::string const& path() const { return path_; }

 private:
  [[noreturn]] void fail(std::string const& action, int code) const;

  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace grove::metrics
