// SPDX-License-Identifier: Apache-2.0
// Any bytes as an event file: what is kept ends within them, and keeping it again keeps all of it.
#include "grove/metrics/event_files.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const file(reinterpret_cast<char const*>(data), size);
  auto const kept = grove::metrics::bytes_up_to(file, 3);
  if (kept > size || grove::metrics::bytes_up_to(file.substr(0, kept), 3) != kept) std::abort();
  return 0;
}
