// SPDX-License-Identifier: Apache-2.0
#include "grove/data/gold_column.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <set>
#include <string_view>

#include "grove/io/json.hpp"

namespace grove::data {
namespace {

constexpr std::size_t rows_that_show_labels = 20, most_labels = 3, words_of_a_sentence = 6;

bool is_letter(char letter) { return std::isalpha(static_cast<unsigned char>(letter)) != 0; }

/// A word that says something of a problem, such as its source or level, and is no answer to it.
bool is_label(std::string const& gold) {
  constexpr std::array<std::string_view, 4> answers = {"True", "False", "true", "false"};
  auto const may_be = [](char c) { return is_letter(c) || c == '_' || c == '-'; };
  return gold.size() > 3 && std::ranges::all_of(gold, may_be) && std::ranges::find(answers, gold) == answers.end();
}

bool is_address(std::string const& text) { return text.starts_with("http://") || text.starts_with("https://"); }

/// Words of two letters or more, without any sign of LaTeX or an answer behind "####".
bool is_sentence(std::string const& text) {
  if (text.find_first_of("$\\") != text.npos || text.find("####") != text.npos) return false;
  std::size_t words = 0, letters = 0;
  for (char const letter : text + " ") {
    if (is_letter(letter)) {
      ++letters;
      continue;
    }
    words += letters > 1 ? 1 : 0;
    letters = 0;
  }
  return words >= words_of_a_sentence;
}

/// The first that `holds`, where more than half do.
std::optional<std::string> most(std::span<std::string const> golds, bool (&holds)(std::string const&)) {
  auto const count = static_cast<std::size_t>(std::ranges::count_if(golds, holds));
  if (2 * count <= golds.size()) return std::nullopt;
  return std::to_string(count) + " of the " + std::to_string(golds.size()) + " gold answers are ";
}

/// The first of them.
std::string shown(std::span<std::string const> golds, bool (&holds)(std::string const&)) {
  return ", such as " + io::excerpt(io::Json(*std::ranges::find_if(golds, holds)));
}

}  // namespace

std::optional<std::string> why_labels(std::span<std::string const> golds) {
  std::set<std::string> kinds;
  for (std::size_t i = 0; i < golds.size() && kinds.size() <= most_labels; ++i) kinds.insert(golds[i]);
  if (golds.size() >= rows_that_show_labels && kinds.size() <= most_labels && std::ranges::all_of(kinds, is_label)) {
    std::string list;
    for (auto const& kind : kinds) list.append(list.empty() ? "'" : " or '").append(kind).append("'");
    return "each of the " + std::to_string(golds.size()) + " gold answers is " + list;
  }
  if (auto text = most(golds, is_address)) return *text + "web addresses" + shown(golds, is_address);
  return std::nullopt;
}

std::optional<std::string> why_no_mathematics(std::span<std::string const> golds) {
  if (auto labels = why_labels(golds)) return labels;
  if (auto text = most(golds, is_sentence)) return *text + "sentences" + shown(golds, is_sentence);
  return std::nullopt;
}

}  // namespace grove::data
