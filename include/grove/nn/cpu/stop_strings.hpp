// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/error.hpp"

namespace grove::nn::cpu {

/// Strings that end a completion, found in its text as that grows, wherever the borders of tokens fall.
class StopStrings {
 public:
  StopStrings() = default;

  /// Throws grove::Error for an empty string, which would end every completion before it begins.
  explicit StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
    for (std::string const& s : strings_) {
      if (s.empty()) throw Error("stop string", "is empty", "at least one character");
    }
  }

  [[nodiscard]] bool empty() const noexcept { return strings_.empty(); }

  /// Where the first stop string that ends after the first `known` bytes of `text` begins, or npos. Called after each
  /// growth with the size before it.
  [[nodiscard]] std::size_t find(std::string_view text, std::size_t known) const noexcept {
    if (known >= text.size()) return std::string_view::npos;
    std::size_t first = std::string_view::npos;
    for (std::string_view const s : strings_) {
      std::size_t const from = known >= s.size() ? known + 1 - s.size() : 0;
      first = std::min(first, text.find(s, from));
    }
    return first;
  }

 private:
  std::vector<std::string> strings_;
};

}  // namespace grove::nn::cpu
