// SPDX-License-Identifier: Apache-2.0
// The little text handling that rule-based rewards share.
#pragma once

#include <cstddef>
#include <string_view>

namespace grove {

/// `text` without ASCII white space at both ends.
constexpr std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\n\v\f\r";
  auto const first = text.find_first_not_of(blank);
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

/// Occurrences of `part` in `text` that do not overlap, counted from the left, as Python's str.count. An empty part
/// occurs nowhere.
constexpr std::size_t count_occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  if (part.empty()) return count;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

}  // namespace grove
