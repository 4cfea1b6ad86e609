// SPDX-License-Identifier: Apache-2.0
#include "grove/metrics/jsonl_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "grove/error.hpp"
#include "grove/io/json.hpp"

namespace grove::metrics {
namespace {

/// True for a line whose "step" lies beyond the last one. Lines that are no such object are left alone.
bool is_later(std::string const& line, std::uint64_t last_step) {
  io::Json const json = io::Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("step")) return false;
  io::Json const& step = json["step"];
  return step.is_number() && step.get<double>() > static_cast<double>(last_step);
}

/// How many bytes of the file are whole lines up to the last step.
std::uint64_t bytes_to_keep(std::string const& path, std::optional<std::uint64_t> last_step) {
  std::ifstream file(path, std::ios::binary);
  std::uint64_t kept = 0;
  for (std::string line; std::getline(file, line) && !file.eof();) {
    if (last_step && is_later(line, *last_step)) break;
    kept += line.size() + 1;
  }
  return kept;
}

}  // namespace

JsonlWriter::JsonlWriter(std::string path, std::optional<std::uint64_t> last_step) : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd_ < 0) fail("cannot be opened", errno);
  size_ = bytes_to_keep(path_, last_step);
  if (::ftruncate(fd_, static_cast<::off_t>(size_)) != 0) {
    int const code = errno;
    ::close(std::exchange(fd_, -1));
    fail("cannot be cut", code);
  }
}

JsonlWriter::JsonlWriter(JsonlWriter&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

JsonlWriter& JsonlWriter::operator=(JsonlWriter&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

JsonlWriter::~JsonlWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void JsonlWriter::fail(std::string const& action, int code) const {
  throw Error(path_, action + ": " + std::generic_category().message(code), "a writable file with room");
}

void JsonlWriter::write(std::string_view json) {
  std::string line(json);
  line += '\n';
  for (std::string_view rest = line; !rest.empty();) {
    ::ssize_t const written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      int const code = errno;
      bool const taken_back = ::ftruncate(fd_, static_cast<::off_t>(size_)) == 0;
      fail(taken_back ? "cannot be written" : "cannot be written, and its last line is cut", code);
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  size_ += line.size();
}

}  // namespace grove::metrics
