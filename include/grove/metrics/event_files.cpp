// SPDX-License-Identifier: Apache-2.0
#include "grove/metrics/event_files.hpp"

#include <optional>
#include <system_error>

#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "grove/metrics/crc32c.hpp"

namespace grove::metrics {
namespace {

template <class T>
T little_endian(std::string_view bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return value;
}

/// Takes a varint off the front.
std::optional<std::uint64_t> varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    auto const byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

/// Field 2 of an Event; 0 where it has none.
std::uint64_t step_of(std::string_view event) {
  while (auto const key = varint(event)) {
    std::size_t skip = 0;
    switch (*key & 7U) {
      case 0: {
        auto const value = varint(event);
        if (*key >> 3U == 2 || !value) return value.value_or(0);
        break;
      }
      case 1:
        skip = 8;
        break;
      case 2:
        skip = static_cast<std::size_t>(varint(event).value_or(event.size()));
        break;
      case 5:
        skip = 4;
        break;
      default:
        return 0;
    }
    if (skip > event.size()) return 0;
    event.remove_prefix(skip);
  }
  return 0;
}

}  // namespace

std::size_t bytes_up_to(std::string_view file, std::uint64_t last_step) {
  constexpr std::size_t head = 12, foot = 4;
  std::size_t kept = 0;
  while (file.size() - kept >= head + foot) {
    auto const record = file.substr(kept);
    auto const length = little_endian<std::uint64_t>(record);
    if (masked_crc32c(record.substr(0, 8)) != little_endian<std::uint32_t>(record.substr(8))) break;
    if (length > record.size() - head - foot) break;
    auto const event = record.substr(head, static_cast<std::size_t>(length));
    if (masked_crc32c(event) != little_endian<std::uint32_t>(record.substr(head + event.size()))) break;
    if (step_of(event) > last_step) break;
    kept += head + event.size() + foot;
  }
  return kept;
}

void cut_event_files(std::filesystem::path const& folder, std::uint64_t last_step) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!it->path().filename().string().starts_with("events.out.tfevents.")) continue;
    auto const text = io::read_text_file(it->path().string(), std::size_t{1} << 34U);
    auto const kept = bytes_up_to(text, last_step);
    if (kept == text.size()) continue;
    std::error_code failed;
    std::filesystem::resize_file(it->path(), kept, failed);
    if (failed) throw Error(it->path().string(), "cannot be cut: " + failed.message(), "a writable file");
  }
}

}  // namespace grove::metrics
