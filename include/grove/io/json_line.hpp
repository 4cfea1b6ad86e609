// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace grove::io {

/// Appends a number with the fewest digits that read back as the same float or double. What JSON cannot say
/// (infinities, NaN) becomes null. A whole number keeps a fraction ("3.0"), so that readers see one type in all lines.
void append_number(std::string& text, double value);
void append_number(std::string& text, float value);

/// Appends a JSON string in quotes; invalid UTF-8 becomes U+FFFD.
void append_string(std::string& text, std::string_view value);

/// Writes one JSON object in the order of the calls, without building it in memory first: for lines with thousands of
/// numbers. Keys are not checked for repetition.
class JsonLine {
 public:
  JsonLine& field(std::string_view key, std::string_view value);
  JsonLine& field(std::string_view key, char const* value) { return field(key, std::string_view(value)); }
  JsonLine& field(std::string_view key, std::nullptr_t) { return raw(key, "null"); }
  JsonLine& field(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  JsonLine& field(std::string_view key, double value);
  JsonLine& field(std::string_view key, float value);
  JsonLine& field(std::string_view key, std::integral auto value) { return raw(key, std::to_string(value)); }
  JsonLine& field(std::string_view key, std::span<const float> values);
  JsonLine& field(std::string_view key, std::span<const double> values);
  JsonLine& field(std::string_view key, std::span<const std::int32_t> values);

  /// A value that is JSON text already.
  JsonLine& raw(std::string_view key, std::string_view json);

  /// The object, without a line break.
  std::string text() const { return text_ + "}"; }

 private:
  void begin(std::string_view key);

  std::string text_ = "{";
};

}  // namespace grove::io
