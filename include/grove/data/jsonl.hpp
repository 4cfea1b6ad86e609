// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <fstream>
#include <istream>
#include <memory>
#include <optional>
#include <string>

#include "grove/io/json.hpp"

namespace grove::data {

/// One line of input.
struct Line {
  std::size_t number = 0;  ///< from 1
  std::string where;       ///< "FILE:N", for messages
  std::string text;        ///< the line as it is (valid UTF-8), without its line break
  io::Json json;           ///< its object where it starts with '{', else null

  bool is_json() const { return json.is_object(); }
};

/// Reads lines that are JSON objects or plain text: a line is JSON if it starts with '{' (after blanks). Reads no
/// further than the line asked for, so that it can serve a pipe line by line. Errors name "FILE:N".
class JsonlReader {
 public:
  struct Limits {
    std::size_t line_bytes = std::size_t{1} << 28;
    std::size_t depth = 256;
  };

  /// Opens a file.
  explicit JsonlReader(std::string const& path, Limits limits);
  explicit JsonlReader(std::string const& path) : JsonlReader(path, Limits{}) {}

  /// Reads a stream that outlives the reader; `name` ("stdin") stands for it in messages.
  JsonlReader(std::istream& stream, std::string name, Limits limits);
  JsonlReader(std::istream& stream, std::string name) : JsonlReader(stream, std::move(name), Limits{}) {}

  /// The next line, empty ones included; none at the end. A byte order mark at the start and a carriage return at the
  /// end of a line are dropped.
  std::optional<Line> next();

  std::string const& name() const { return name_; }

 private:
  bool read_line(Line& line);

  std::unique_ptr<std::ifstream> file_;
  std::istream* stream_;
  std::string name_;
  Limits limits_;
  std::size_t number_ = 0;
};

}  // namespace grove::data
