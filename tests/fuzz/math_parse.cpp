// SPDX-License-Identifier: Apache-2.0
// Any text in both dialects: an expression that can be printed, or a problem in words.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "grove/math/normalize.hpp"
#include "grove/math/parser.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace grove::math;
  static Arena arena;
  static Parser parser;
  static Normalizer normalizer;
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  arena.reset();
  std::string_view const normalized = normalizer(text, {});
  for (Parsed const& parsed :
       {parser.strict(arena, text), parser.compatible(arena, normalized), parser.leading(arena, text)}) {
    if (parsed.value ? to_string(arena, parsed.value).empty() : parsed.problem.empty()) std::abort();
  }
  return 0;
}
