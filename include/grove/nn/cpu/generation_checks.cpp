// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/generation_checks.hpp"

#include <string>

#include "grove/error.hpp"
#include "grove/nn/cpu/stop_strings.hpp"

namespace grove::nn::cpu::detail {

void check_options(GenerationOptions const& options) {
  validate(options.sampling);
  (void)StopStrings(options.stop_strings);
  if (options.max_tokens == 0) throw Error("max_tokens", "is 0", "at least 1");
  if (!options.stop_strings.empty() && !options.text) {
    throw Error("stop strings", "cannot be found without text", "a text stream in the options");
  }
}

void check_request(GenerationRequest const& request, std::size_t vocabulary, std::size_t context) {
  auto const fail = [&](std::string const& what, std::string const& expected) {
    throw Error("prompt of id " + std::to_string(request.id), what, expected);
  };
  if (request.prompt.empty()) fail("is empty", "at least one token");
  if (request.prompt.size() >= context) {
    fail("has " + std::to_string(request.prompt.size()) + " tokens",
         "fewer than the model's context of " + std::to_string(context));
  }
  for (TokenId const token : request.prompt) {
    if (token < 0 || static_cast<std::size_t>(token) >= vocabulary) {
      fail("holds token " + std::to_string(token), "ids from 0 to " + std::to_string(vocabulary - 1));
    }
  }
}

}  // namespace grove::nn::cpu::detail
