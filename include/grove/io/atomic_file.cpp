// SPDX-License-Identifier: Apache-2.0
#include "grove/io/atomic_file.hpp"

#include <fcntl.h>
#include <stdio.h>  // NOLINT(modernize-deprecated-headers): renameat2 is declared here only
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "grove/error.hpp"

namespace grove::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view mark = ".grove-tmp-";

std::string reason(int code) { return std::generic_category().message(code); }

/// A name in the same folder (rename must not cross file systems); another attempt gives another one.
fs::path temporary_name(fs::path const& path, unsigned attempt) {
  std::string name = ".";
  name += path.filename().string();
  name += mark;
  name += std::to_string(::getpid()) + "-" + std::to_string(attempt);
  return path.parent_path() / name;
}

/// Names that another thread or a killed process holds are passed over.
template <typename Create>
fs::path create_temporary(fs::path const& path, Create create) {
  for (unsigned attempt = 0;; ++attempt) {
    fs::path name = temporary_name(path, attempt);
    if (create(name)) return name;
  }
}

/// fsync of a file or folder; returns 0 or errno. Some file systems know no fsync of folders: that is no failure.
int sync_path(fs::path const& path, bool folder) {
  int const fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | (folder ? O_DIRECTORY : 0));
  if (fd < 0) return errno;
  int const code = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return folder && (code == EINVAL || code == ENOTSUP) ? 0 : code;
}

fs::path parent_of(fs::path const& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

/// A trailing slash would make the last component empty.
fs::path without_trailing_slash(fs::path const& path) { return path.has_filename() ? path : path.parent_path(); }

}  // namespace

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  temporary_ = create_temporary(path_, [this](fs::path const& name) {
    fd_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0 && errno != EEXIST) fail("cannot be created", errno);
    return fd_ >= 0;
  });
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::fail(std::string const& action, int code) const {
  throw Error(path_.string(), action + ": " + reason(code), "a writable folder with room for the file");
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    ::ssize_t const written = ::write(fd_, bytes.data(), std::min<std::size_t>(bytes.size(), std::size_t{1} << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot be written", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) fail("cannot be written", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot be put in place", errno);
  int const closed = ::close(std::exchange(fd_, -1));
  if (closed != 0) fail("cannot be closed", errno);
  if (int const code = sync_path(parent_of(path_), true)) fail("its folder cannot be synced", code);
}

void write_file(fs::path const& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

AtomicFolder::AtomicFolder(fs::path const& target) : target_(without_trailing_slash(target)) {
  std::error_code code;
  fs::create_directories(parent_of(target_), code);
  temporary_ = create_temporary(target_, [&](fs::path const& name) {
    bool const created = !code && fs::create_directory(name, code);
    if (code) throw Error(target_.string(), "cannot be created: " + code.message(), "a writable parent folder");
    return created;
  });
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void AtomicFolder::commit() {
  auto const check = [&](int code, char const* what) {
    if (code != 0) throw Error(target_.string(), what + (": " + reason(code)), "a writable folder with room");
  };
  std::error_code walk;
  for (fs::recursive_directory_iterator it(temporary_, walk), end; !walk && it != end; it.increment(walk))
    check(sync_path(it->path(), it->is_directory(walk)), "cannot be written");
  check(walk.value(), "cannot be listed");
  check(sync_path(temporary_, true), "cannot be written");

  if (::rename(temporary_.c_str(), target_.c_str()) == 0) {
    temporary_.clear();
  } else {
    int code = errno;
    if (code != EEXIST && code != ENOTEMPTY) check(code, "cannot be put in place");
#ifdef RENAME_EXCHANGE
    // The old folder takes the temporary's name and is removed with it.
    code = ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0 ? 0 : errno;
    bool const exchanged = code == 0;
#else
    bool const exchanged = false;
#endif
    if (!exchanged) {
      fs::path const aside = create_temporary(target_, [](fs::path const& name) { return fs::create_directory(name); });
      check(::rename(target_.c_str(), aside.c_str()) == 0 ? 0 : errno, "cannot be moved aside");
      code = ::rename(temporary_.c_str(), target_.c_str()) == 0 ? 0 : errno;
      if (code != 0) ::rename(aside.c_str(), target_.c_str());
      check(code, "cannot be put in place");
      temporary_ = aside;
    }
  }
  check(sync_path(parent_of(target_), true), "its parent folder cannot be synced");
}

void remove_folder(fs::path const& folder, std::error_code& error) {
  auto const path = without_trailing_slash(folder);
  auto const aside = create_temporary(path, [](fs::path const& name) { return !fs::exists(name); });
  fs::rename(path, aside, error);
  if (!error) fs::remove_all(aside, error);
}

std::size_t remove_leftovers(fs::path const& folder) {
  std::vector<fs::path> found;
  std::error_code code;
  for (fs::directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) {
    std::string const name = it->path().filename().string();
    if (name.starts_with('.') && name.find(mark) != std::string::npos) found.push_back(it->path());
  }
  for (fs::path const& path : found) {
    fs::remove_all(path, code);
    if (code) throw Error(path.string(), "a leftover cannot be removed: " + code.message());
  }
  return found.size();
}

}  // namespace grove::io
