// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace grove::io {

/// Writes a file that is either the old one or the new one, whenever the process or the machine dies: a temporary in
/// the same folder, fsync, rename, fsync of the folder. Not committed, it leaves nothing behind. Every failure (full
/// disk, unwritable folder) is a grove::Error that names the file.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  AtomicFile(AtomicFile const&) = delete;
  AtomicFile& operator=(AtomicFile const&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);

  /// Puts the file in its place. Nothing may be written afterwards.
  void commit();

 private:
  [[noreturn]] void fail(std::string const& action, int code) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
};

/// The whole of a small file in one call.
void write_file(std::filesystem::path const& path, std::string_view text);

/// The same for a folder: fill `path()`, then `commit()`; every file in it is fsynced, then the folder takes its place
/// under its final name. A folder that was there is replaced in one step where the file system can (Linux), else after
/// it has been moved aside. Not committed, it leaves nothing behind.
class AtomicFolder {
 public:
  explicit AtomicFolder(std::filesystem::path const& target);
  AtomicFolder(AtomicFolder const&) = delete;
  AtomicFolder& operator=(AtomicFolder const&) = delete;
  ~AtomicFolder();

  /// Where to write until `commit()`.
  std::filesystem::path const& path() const { return temporary_; }

  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
};

/// Removes a folder so that a process that dies meanwhile leaves a temporary for `remove_leftovers`, never a part of
/// the folder under its own name.
void remove_folder(std::filesystem::path const& folder, std::error_code& error);

/// Removes the temporaries of AtomicFile and AtomicFolder that killed processes left in a folder. Only the one process
/// that owns the folder may call it (at the start of a resume). Returns how many it removed.
std::size_t remove_leftovers(std::filesystem::path const& folder);

}  // namespace grove::io
