// SPDX-License-Identifier: Apache-2.0
#include "grove/metrics/tensorboard.hpp"

#include <unistd.h>

#include <bit>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "grove/error.hpp"
#include "grove/metrics/crc32c.hpp"

namespace grove::metrics {
namespace detail {
namespace {

template <typename T>
void append_little_endian(std::string& out, T bits) {
  for (std::size_t i = 0; i < sizeof bits; ++i) out += static_cast<char>(bits >> (8 * i) & 0xff);
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

// The four kinds of protobuf fields that the messages need.
void append_integer(std::string& out, unsigned field, std::uint64_t value) {
  append_varint(out, field << 3);
  append_varint(out, value);
}

void append_double(std::string& out, unsigned field, double value) {
  append_varint(out, field << 3 | 1);
  append_little_endian(out, std::bit_cast<std::uint64_t>(value));
}

void append_float(std::string& out, unsigned field, float value) {
  append_varint(out, field << 3 | 5);
  append_little_endian(out, std::bit_cast<std::uint32_t>(value));
}

void append_bytes(std::string& out, unsigned field, std::string_view bytes) {
  append_varint(out, field << 3 | 2);
  append_varint(out, bytes.size());
  out += bytes;
}

}  // namespace

std::string tf_record(std::string_view bytes) {
  std::string record;
  append_little_endian(record, std::uint64_t{bytes.size()});
  append_little_endian(record, masked_crc32c(record));
  record += bytes;
  append_little_endian(record, masked_crc32c(bytes));
  return record;
}

std::string scalar_event(double wall_time, std::uint64_t step, std::span<const Scalar> scalars) {
  std::string summary;
  for (Scalar const& scalar : scalars) {
    std::string value;
    append_bytes(value, 1, scalar.tag);
    append_float(value, 2, static_cast<float>(scalar.value));  // simple_value
    append_bytes(summary, 1, value);
  }
  std::string event;
  append_double(event, 1, wall_time);
  append_integer(event, 2, step);
  append_bytes(event, 5, summary);
  return event;
}

std::string version_event(double wall_time) {
  std::string event;
  append_double(event, 1, wall_time);
  append_bytes(event, 3, "brain.Event:2");
  return event;
}

std::string restart_event(double wall_time, std::uint64_t first_step) {
  std::string session_log;
  append_integer(session_log, 1, 1);  // status: START
  std::string event;
  append_double(event, 1, wall_time);
  append_integer(event, 2, first_step);
  append_bytes(event, 7, session_log);
  return event;
}

}  // namespace detail

namespace {

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// A name that TensorBoard recognises and that no file of the folder has yet. Files are read in the order of names.
std::string new_event_file(std::string const& folder) {
  char host[256] = "host";
  ::gethostname(host, sizeof host - 1);
  std::string const stem = "events.out.tfevents." + std::to_string(static_cast<long long>(wall_time())) + "." + host +
                           "." + std::to_string(::getpid()) + ".";
  for (int number = 0;; ++number) {
    std::filesystem::path const path = std::filesystem::path(folder) / (stem + std::to_string(number));
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return path.string();
  }
}

}  // namespace

TensorBoardWriter::TensorBoardWriter(std::string const& folder, std::optional<std::uint64_t> first_step) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) throw Error(folder, "cannot be created: " + code.message(), "a writable folder");
  path_ = new_event_file(folder);
  file_.open(path_, std::ios::binary);
  append(detail::version_event(wall_time()));
  if (first_step) append(detail::restart_event(wall_time(), *first_step));
}

void TensorBoardWriter::write(std::uint64_t step, std::span<const Scalar> scalars) {
  append(detail::scalar_event(wall_time(), step, scalars));
}

void TensorBoardWriter::append(std::string const& event) {
  std::string const record = detail::tf_record(event);
  errno = 0;
  file_.write(record.data(), static_cast<std::streamsize>(record.size())).flush();
  if (!file_)
    throw Error(path_, "cannot be written: " + std::generic_category().message(errno), "a writable folder with room");
}

}  // namespace grove::metrics
