// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "grove/math/extract_options.hpp"

namespace grove::math {

/// Rewrites LaTeX as Math-Verify's `normalize_latex` does, step for step, since its verdicts depend on the text that
/// remains. Keeps its buffers between calls.
class Normalizer {
 public:
  /// Longer pieces (after the box is opened) are not an answer; the result is empty.
  static constexpr std::size_t most_bytes = 4096;

  /// The result stays valid until the next call.
  std::string_view operator()(std::string_view latex, Normalization const& options);

 private:
  std::string text_;
  std::string other_;
};

namespace detail {

// The single steps; each rewrites `text` with `scratch` as a second buffer.
void normalize_basic(std::string& text, std::string& scratch);
void normalize_units(std::string& text);
void normalize_malformed(std::string& text, std::string& scratch);
/// Of a = b = c, without commas and semicolons, keeps c.
std::string_view last_equation_part(std::string_view text);

/// Replaces each occurrence.
void replace_all(std::string& text, std::string& scratch, std::string_view what, std::string_view by);

}  // namespace detail
}  // namespace grove::math
