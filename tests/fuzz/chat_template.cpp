// SPDX-License-Identifier: Apache-2.0
// Renders arbitrary templates with arbitrary variables: no crash, no hang, no leak, and no exception but grove::Error.
// The input is a template, a zero byte, and the variables as JSON (left out: a conversation).
#include "grove/text/chat_template.hpp"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "grove/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using nlohmann::ordered_json;
  std::string const input(reinterpret_cast<char const*>(data), size);
  std::size_t const border = input.find('\0');
  auto variables =
      border == std::string::npos ? ordered_json() : ordered_json::parse(input.substr(border + 1), nullptr, false);
  if (!variables.is_object()) {
    variables = {{"messages",
                  {{{"role", "user"}, {"content", " Grüße\n<think>"}}, {{"role", "assistant"}, {"content", nullptr}}}},
                 {"tools", {{{"name", "f"}, {"n", 1.5}, {"l", {1, "a", true}}}}},
                 {"s", "abc"},
                 {"n", -3}};
  }
  try {
    grove::text::ChatTemplate::parse(input.substr(0, border)).render(variables, {.work = 1 << 18});
  } catch (grove::Error const&) {
  }
  return 0;
}
