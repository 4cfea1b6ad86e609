// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace grove::io {

/// A file mapped read-only into memory: opening costs nothing, pages are read when touched and shared between
/// processes. Moves, does not copy. Nobody may truncate the file while it is mapped (writers here replace files, never
/// rewrite them).
class MappedFile {
 public:
  MappedFile() = default;

  /// Throws grove::Error where the file cannot be opened, is not a regular file or cannot be mapped.
  static MappedFile open(std::string const& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }

  /// Lets go of the pages that were touched; those that are touched again are read again.
  void forget() const noexcept;

 private:
  std::byte const* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace grove::io
