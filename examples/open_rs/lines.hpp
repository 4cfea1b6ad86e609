// SPDX-License-Identifier: Apache-2.0
// Lines in, lines out. A bad line ends the run, but only after the answers to all lines before it were written.
#pragma once

#include <cstddef>
#include <functional>
#include <iostream>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grove/io/json.hpp"
#include "grove/token_id.hpp"

namespace open_rs {

/// One line of input: an object where it starts with '{', else plain text.
struct Line {
  std::size_t number = 0;  ///< counted from 1
  std::optional<grove::io::Json> json{};
  std::string text{};

  std::string where() const { return "stdin:" + std::to_string(number); }
};

/// Hands up to `batch` parsed lines at a time to `answer`. `parse` turns a line into T and throws for a bad one.
template <class T>
void for_each_batch(std::istream& in, std::size_t batch, std::function<T(Line const&)> const& parse,
                    std::function<void(std::vector<T> const&)> const& answer);

/// The ids of {"ids": [...]}; each must be in [0, vocabulary).
std::vector<grove::TokenId> ids_of(Line const& line, std::size_t vocabulary, std::size_t at_least);

/// JSON text of numbers; floats in the shortest form that reads back as the same float.
std::string to_json(std::vector<grove::TokenId> const& ids);
std::string to_json(std::vector<float> const& numbers);
std::string to_json(std::string_view text);

/// Parses a line of input.
Line parse_line(std::string text, std::size_t number);

template <class T>
void for_each_batch(std::istream& in, std::size_t batch, std::function<T(Line const&)> const& parse,
                    std::function<void(std::vector<T> const&)> const& answer) {
  std::vector<T> items;
  std::string text;
  auto const flush = [&] {
    if (!items.empty()) answer(items);
    items.clear();
  };
  // Once answers are lost, more of them are of no use; `guarded` says so.
  for (std::size_t number = 1; std::cout && std::getline(in, text); ++number) {
    try {
      items.push_back(parse(parse_line(std::move(text), number)));
    } catch (...) {
      flush();
      throw;
    }
    if (items.size() == batch) flush();
    text.clear();
  }
  flush();
}

}  // namespace open_rs
