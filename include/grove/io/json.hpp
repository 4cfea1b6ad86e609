// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace grove::io {

/// Keeps the keys of an object in the order of the text.
using Json = nlohmann::ordered_json;

/// What a text may cost before it is refused.
struct JsonLimits {
  std::size_t depth = 256;                   ///< nested arrays and objects
  std::size_t bytes = std::size_t{1} << 30;  ///< length of the text
};

/// Parses one JSON text. Strict: trailing text, invalid UTF-8 and a key twice in one object are errors as well.
/// Errors name `source:LINE:COLUMN`.
Json parse_json(std::string_view text, std::string const& source, JsonLimits limits = {});

/// The same for one line of a file, whose `source` ("FILE:N") already names the line. Errors name the column.
Json parse_json_line(std::string_view line, std::string const& source, JsonLimits limits = {});

/// Reads and parses a file. Errors name `path:LINE:COLUMN`.
Json read_json_file(std::string const& path, JsonLimits limits = {});

/// The whole of a file as text.
std::string read_text_file(std::string const& path, std::size_t max_bytes = std::size_t{1} << 30);

/// A JSON value for an error message: its text, cut when it is long.
std::string excerpt(Json const& value);

/// Typed access to the keys of a JSON object; errors name `where`, the key, its value and what was expected.
/// T is one of bool, double, std::int64_t, std::size_t, std::string.
class JsonFields {
 public:
  /// Throws where `object` is not one. Keeps a reference to it.
  JsonFields(Json const& object, std::string where);

  /// The value of a key, or null where the key is missing or its value is null.
  Json const* find(std::string_view key) const;

  /// The value of a key that must be there and be a T.
  template <typename T>
  T required(std::string_view key) const;

  /// None where the key is missing or null; otherwise it must be a T.
  template <typename T>
  std::optional<T> optional(std::string_view key) const;

  template <typename T>
  T value_or(std::string_view key, T fallback) const {
    return optional<T>(key).value_or(std::move(fallback));
  }

  Json const& object() const { return *object_; }
  std::string const& where() const { return where_; }

  /// Throws the error that a key's value is not what was expected.
  [[noreturn]] void refuse(std::string_view key, std::string const& expected) const;

 private:
  Json const* object_;
  std::string where_;
};

}  // namespace grove::io
