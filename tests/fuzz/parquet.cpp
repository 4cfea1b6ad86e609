// SPDX-License-Identifier: Apache-2.0
// Parquet files of any bytes: read, or refused with an Error.
#include "grove/data/parquet.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "grove/error.hpp"
#include "input_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
  static fuzz::InputFile const file("input.parquet");
  auto const& path = file.holding(bytes, size);
  try {
    grove::data::read_parquet(path, [](std::size_t, grove::io::Json&& row) {
      if (!row.is_object()) std::abort();
    });
  } catch (grove::Error const&) {
  }
  return 0;
}
