// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "grove/math/ascii.hpp"

namespace grove::math::detail {

/// A short string to look for in long texts (Horspool's algorithm: steps of up to the string's own length).
class Needle {
 public:
  enum class Case : std::uint8_t { Exact, Any };

  /// With Case::Any the string must be in lower case. At most 255 bytes, not empty.
  constexpr explicit Needle(std::string_view what, Case letters = Case::Exact) : what_(what), letters_(letters) {
    skip_.fill(static_cast<std::uint8_t>(what.size()));
    for (std::size_t i = 0; i + 1 < what.size(); ++i) {
      auto const distance = static_cast<std::uint8_t>(what.size() - 1 - i);
      skip_[static_cast<unsigned char>(what[i])] = distance;
      if (letters == Case::Any && what[i] >= 'a' && what[i] <= 'z') {
        skip_[static_cast<unsigned char>(what[i] - 32)] = distance;
      }
    }
  }

  /// The first place at or after `from`, or npos.
  [[nodiscard]] std::size_t find(std::string_view text, std::size_t from) const {
    std::size_t const last = what_.size() - 1;
    for (std::size_t i = from; i + last < text.size();) {
      char const c = text[i + last];
      bool const ends = (letters_ == Case::Any ? lower(c) : c) == what_[last];
      if (ends && (letters_ == Case::Any ? starts_with_any_case(text, i, what_) : starts_with(text, i, what_))) {
        return i;
      }
      i += skip_[static_cast<unsigned char>(c)];
    }
    return std::string_view::npos;
  }

  [[nodiscard]] constexpr std::size_t size() const { return what_.size(); }

 private:
  std::string_view what_;
  Case letters_;
  std::array<std::uint8_t, 256> skip_{};
};

}  // namespace grove::math::detail
