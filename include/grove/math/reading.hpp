// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "grove/math/extract.hpp"
#include "grove/math/fuel.hpp"
#include "grove/math/normalize.hpp"
#include "grove/math/parser.hpp"

namespace grove::math {

/// What a policy makes of a text.
struct Reading {
  Expr value{};                ///< none where nothing that was found could be read
  std::string text{};          ///< the first candidate, normalised; empty where there is none
  bool found = false;          ///< was there any candidate?
  std::string_view problem{};  ///< why there is no value; a literal

  /// Is there anything to compare?
  [[nodiscard]] bool any() const { return value || !text.empty(); }
};

/// How Math-Verify's `parse` goes through the candidates.
struct ReadOptions {
  Targets targets;
  bool first_match = false;   ///< stop after the first candidate even where it cannot be read
  bool fallback_text = true;  ///< keep the first candidate's text for a comparison of texts
  std::int64_t fuel =
      30'000;  ///< the budget of candidates: of texts longer than a few answers' it tries the first ones
};

/// Reads answers as Math-Verify does. Keeps its buffers between texts.
class Reader {
 public:
  void read(Arena& arena, std::string_view text, ReadOptions const& options, Reading& out);

 private:
  Expr latex(Arena& arena, Match const& match, Normalization const& options, Fuel& fuel, std::string& text,
             std::string_view& problem);
  static Expr plain(Arena& arena, Match const& match, std::string& text);

  Extractor extractor_;
  Normalizer normalizer_;
  Parser parser_;
};

}  // namespace grove::math
