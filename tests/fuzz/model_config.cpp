// SPDX-License-Identifier: Apache-2.0
// Any text as config.json: an Error, or a configuration that survives being written and read.
#include "grove/io/model_config.hpp"

#include <cmath>
#include <cstdlib>

#include "grove/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace grove::io;
  try {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    ModelConfig const config = parse_model_config(parse_json(text, "fuzz"), "fuzz");
    if (inverse_frequencies(config.rope, config.head_dim).size() * 2 != config.head_dim) std::abort();
    if (!(parse_model_config(model_config_json(config), "fuzz") == config)) std::abort();
  } catch (grove::Error const&) {
  }
  return 0;
}
