// SPDX-License-Identifier: Apache-2.0
// Any two texts under every policy: a verdict.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace grove::math;
  static Workspace workspace;
  std::string_view const all(reinterpret_cast<char const*>(data), size);
  std::size_t const line = all.find('\n');
  std::string_view const gold = all.substr(0, line);
  std::string_view const text = line == std::string_view::npos ? all : all.substr(line + 1);
  verify(Strict{}, gold, text, workspace);
  verify(Compatible{}, gold, text, workspace);
  verify(Compatible::library_defaults(), gold, text, workspace);
  verify(QwenGrader{}, gold, text, workspace);
  return 0;
}
