// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace grove::math {

enum class Verdict : std::uint8_t {
  Equal,
  Different,
  Unknown,   ///< the budget was spent, or nothing here can decide it
  Unparsed,  ///< a side has no expression
};

/// A verdict and why, in words that stay valid for ever (they are literals).
struct Judgement {
  Verdict verdict = Verdict::Unknown;
  std::string_view reason;

  [[nodiscard]] bool equal() const { return verdict == Verdict::Equal; }
  [[nodiscard]] bool different() const { return verdict == Verdict::Different; }
};

inline std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::Equal:
      return "equal";
    case Verdict::Different:
      return "different";
    case Verdict::Unknown:
      return "unknown";
    case Verdict::Unparsed:
      return "unparsed";
  }
  return "";
}

}  // namespace grove::math
