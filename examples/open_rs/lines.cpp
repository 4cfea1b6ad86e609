// SPDX-License-Identifier: Apache-2.0
#include "open_rs/lines.hpp"

#include <charconv>

#include "grove/error.hpp"

namespace open_rs {

Line parse_line(std::string text, std::size_t number) {
  Line line{.number = number};
  if (!text.empty() && text.back() == '\r') text.pop_back();
  if (text.starts_with('{'))
    line.json = grove::io::parse_json_line(text, line.where());
  else
    line.text = std::move(text);
  return line;
}

std::vector<grove::TokenId> ids_of(Line const& line, std::size_t vocabulary, std::size_t at_least) {
  if (!line.json) throw grove::Error(line.where(), "not a JSON object", "{\"ids\": [...]}");
  grove::io::JsonFields const fields(*line.json, line.where());
  auto const* list = fields.find("ids");
  if (list == nullptr || !list->is_array()) fields.refuse("ids", "a list of token ids");
  std::vector<grove::TokenId> ids;
  for (auto const& id : *list) {
    if (!id.is_number_integer() || id < 0 || id >= vocabulary)
      throw grove::Error(line.where(), "ids holds " + grove::io::excerpt(id),
                         "token ids from 0 to " + std::to_string(vocabulary - 1));
    ids.push_back(id.get<grove::TokenId>());
  }
  if (ids.size() < at_least) fields.refuse("ids", "at least " + std::to_string(at_least) + " token id");
  return ids;
}

namespace {

template <class T>
std::string list(std::vector<T> const& numbers) {
  std::string text = "[";
  char buffer[32];
  for (auto const number : numbers) {
    if (text.size() > 1) text += ',';
    auto const [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number);
    text.append(buffer, end);
  }
  return text + "]";
}

}  // namespace

std::string to_json(std::vector<grove::TokenId> const& ids) { return list(ids); }
std::string to_json(std::vector<float> const& numbers) { return list(numbers); }
std::string to_json(std::string_view text) {
  return grove::io::Json(text).dump(-1, ' ', false, grove::io::Json::error_handler_t::replace);
}

}  // namespace open_rs
