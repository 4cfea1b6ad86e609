// SPDX-License-Identifier: Apache-2.0
// Any text with every target: matches inside the text, in the order promised.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "grove/math/extract.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace grove::math;
  static Extractor extractor;
  static Targets const targets{.latex = LatexTarget{}, .expression = ExpressionTarget{}, .choice = ChoiceTarget{}};
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  extractor.each(text, targets, [&](Match const& match) {
    if (match.begin > match.end || match.end > text.size()) std::abort();
    return true;
  });
  return 0;
}
