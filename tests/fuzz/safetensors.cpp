// SPDX-License-Identifier: Apache-2.0
// Any bytes as a safetensors file: an Error, or tensors that lie within it and can be read.
#include "grove/io/safetensors.hpp"

#include <cstdlib>

#include "grove/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::span<const std::byte> const file(reinterpret_cast<std::byte const*>(data), size);
  try {
    std::string const name = "fuzz";
    grove::io::TensorHeader const header = grove::io::parse_safetensors(file, name);
    for (grove::io::TensorInfo const& info : header.tensors) {
      auto const bytes = file.subspan(header.data_begin).subspan(info.begin, info.end - info.begin);
      if (info.begin > info.end || header.data_begin + info.end > size) std::abort();
      std::vector<float> values(info.elements());
      try {
        grove::io::read_f32({&info, bytes, &name}, values);
      } catch (grove::Error const&) {  // no floating type
      }
    }
  } catch (grove::Error const&) {
  }
  return 0;
}
