// SPDX-License-Identifier: Apache-2.0
#include "grove/io/json_line.hpp"

#include <charconv>
#include <cmath>

#include "grove/io/json.hpp"

namespace grove::io {
namespace {

template <typename T>
void append_shortest(std::string& text, T value) {
  if (!std::isfinite(value)) {
    text += "null";
    return;
  }
  char digits[32];
  auto const [end, code] = std::to_chars(digits, digits + sizeof digits, value);
  std::string_view const number(digits, static_cast<std::size_t>(end - digits));
  text += number;
  if (number.find_first_of(".e") == number.npos) text += ".0";
}

template <typename T, typename Append>
void append_list(std::string& text, std::span<const T> values, Append append) {
  text += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += ',';
    append(values[i]);
  }
  text += ']';
}

}  // namespace

void append_number(std::string& text, double value) { append_shortest(text, value); }
void append_number(std::string& text, float value) { append_shortest(text, value); }

void append_string(std::string& text, std::string_view value) {
  text += Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void JsonLine::begin(std::string_view key) {
  if (text_.size() > 1) text_ += ',';
  append_string(text_, key);
  text_ += ':';
}

JsonLine& JsonLine::field(std::string_view key, std::string_view value) {
  begin(key);
  append_string(text_, value);
  return *this;
}

JsonLine& JsonLine::field(std::string_view key, double value) {
  begin(key);
  append_number(text_, value);
  return *this;
}

JsonLine& JsonLine::field(std::string_view key, float value) {
  begin(key);
  append_number(text_, value);
  return *this;
}

JsonLine& JsonLine::field(std::string_view key, std::span<const float> values) {
  begin(key);
  append_list(text_, values, [&](float value) { append_number(text_, value); });
  return *this;
}

JsonLine& JsonLine::field(std::string_view key, std::span<const double> values) {
  begin(key);
  append_list(text_, values, [&](double value) { append_number(text_, value); });
  return *this;
}

JsonLine& JsonLine::field(std::string_view key, std::span<const std::int32_t> values) {
  begin(key);
  append_list(text_, values, [&](std::int32_t value) { text_ += std::to_string(value); });
  return *this;
}

JsonLine& JsonLine::raw(std::string_view key, std::string_view json) {
  begin(key);
  text_ += json;
  return *this;
}

}  // namespace grove::io
