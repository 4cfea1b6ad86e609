// SPDX-License-Identifier: Apache-2.0
#include "grove/data/jsonl.hpp"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "grove/error.hpp"

namespace grove::data {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool starts_object(std::string const& text) {
  auto const first = text.find_first_not_of(" \t");
  return first != text.npos && text[first] == '{';
}

/// The JSON library checks the encoding of every string that it writes.
void check_utf8(Line const& line) {
  try {
    static_cast<void>(io::Json(line.text).dump());
  } catch (nlohmann::detail::exception const&) {
    throw Error(line.where, "is not valid UTF-8", "text in UTF-8");
  }
}

}  // namespace

JsonlReader::JsonlReader(std::string const& path, Limits limits)
    : file_(std::make_unique<std::ifstream>()), stream_(file_.get()), name_(path), limits_(limits) {
  errno = 0;
  file_->open(path, std::ios::binary);
  std::error_code ignored;
  if (!*file_ || std::filesystem::is_directory(path, ignored))
    throw Error(path, "cannot be opened: " + std::generic_category().message(errno != 0 ? errno : EISDIR),
                "a file of JSON lines");
}

JsonlReader::JsonlReader(std::istream& stream, std::string name, Limits limits)
    : stream_(&stream), name_(std::move(name)), limits_(limits) {}

bool JsonlReader::read_line(Line& line) {
  char buffer[1 << 14];
  for (;;) {
    stream_->getline(buffer, sizeof buffer);
    auto const count = static_cast<std::size_t>(stream_->gcount());
    if (stream_->bad()) throw Error(line.where, "cannot be read");
    bool const at_end = stream_->eof();
    bool const partial = !at_end && stream_->fail() && count == sizeof buffer - 1;
    line.text.append(buffer, at_end || partial ? count : count - (count > 0));  // the break counts, but is not stored
    if (line.text.size() > limits_.line_bytes)
      throw Error(line.where, "is longer than " + std::to_string(limits_.line_bytes) + " bytes", "shorter lines");
    if (!partial) return !at_end || !line.text.empty();
    stream_->clear();
  }
}

std::optional<Line> JsonlReader::next() {
  if (!*stream_) return std::nullopt;
  Line line;
  line.number = ++number_;
  line.where = name_ + ":" + std::to_string(number_);
  if (!read_line(line)) return std::nullopt;
  if (number_ == 1 && line.text.starts_with(byte_order_mark)) line.text.erase(0, byte_order_mark.size());
  if (line.text.ends_with('\r')) line.text.pop_back();
  if (starts_object(line.text)) {
    line.json = io::parse_json_line(line.text, line.where, {.depth = limits_.depth, .bytes = limits_.line_bytes});
  } else {
    check_utf8(line);
  }
  return line;
}

}  // namespace grove::data
