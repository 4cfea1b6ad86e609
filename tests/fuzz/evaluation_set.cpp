// SPDX-License-Identifier: Apache-2.0
// Test sets of any bytes: read, or refused with an Error.
#include "grove/data/evaluation_set.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "grove/error.hpp"
#include "input_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
  static fuzz::InputFile const file("set.json");
  auto const& path = file.holding(bytes, size);
  try {
    for (auto const& problem : grove::data::load_evaluation_set(path).problems)
      if (problem.id.empty() && problem.problem.empty()) std::abort();
  } catch (grove::Error const&) {
  }
  return 0;
}
