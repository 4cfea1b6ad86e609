// SPDX-License-Identifier: Apache-2.0
// Any bytes as lines of problems: Errors, or problems.
#include "grove/data/jsonl.hpp"

#include <sstream>

#include "grove/data/problems.hpp"
#include "grove/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::istringstream stream(std::string(reinterpret_cast<char const*>(data), size));
  grove::data::JsonlReader reader(stream, "fuzz", {.line_bytes = 1 << 16, .depth = 32});
  try {
    while (auto const line = reader.next()) {
      if (!line->is_json()) continue;
      try {
        grove::data::problem_of(line->json, line->where, {}, line->number);
      } catch (grove::Error const&) {
      }
    }
  } catch (grove::Error const&) {
  }
  return 0;
}
