// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/generation_checks.hpp"

#include <algorithm>
#include <string>

#include "grove/error.hpp"
#include "grove/nn/cpu/early_end.hpp"
#include "grove/nn/cpu/stop_strings.hpp"

namespace grove::nn::cpu::detail {

void check_options(GenerationOptions const& options) {
  validate(options.sampling);
  (void)StopStrings(options.stop_strings);
  if (options.max_tokens == 0) throw Error("max_tokens", "is 0", "at least 1");
  if (options.prefill_chunk == 0) throw Error("prefill_chunk", "is 0", "at least 1 token");
  if (!options.stop_strings.empty() && !options.text) {
    throw Error("stop strings", "cannot be found without text", "a text stream in the options");
  }
}

void check_early_end(std::span<GenerationRequest const> requests, GenerationOptions const& options) {
  if (options.early_end == nullptr || options.early_end->requests() == requests.size()) return;
  throw Error("early_end", "is made for " + std::to_string(options.early_end->requests()) + " requests",
              "one for these " + std::to_string(requests.size()));
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

std::size_t token_limit(GenerationRequest const& request, GenerationOptions const& options, std::size_t context) {
  std::size_t const limit = std::min(options.max_tokens, context - request.prompt.size());
  return request.max_tokens > 0 ? std::min(limit, request.max_tokens) : limit;
}

std::size_t longest_sequence(GenerationRequest const& request, GenerationOptions const& options, std::size_t context) {
  return request.prompt.size() + token_limit(request, options, context) - 1;
}

void check_memory(GenerationRequest const& request, GenerationOptions const& options, std::size_t context,
                  std::size_t page_tokens, std::size_t page_bytes) {
  if (options.kv_cache_bytes == 0) return;
  std::size_t const tokens = longest_sequence(request, options, context);
  std::size_t const bytes = (tokens + page_tokens - 1) / page_tokens * page_bytes;
  if (bytes <= options.kv_cache_bytes / page_bytes * page_bytes) return;
  throw Error("prompt of id " + std::to_string(request.id),
              "could grow to " + std::to_string(tokens) + " tokens, whose keys and values take " +
                  std::to_string(bytes) + " bytes",
              "at most kv_cache_bytes, " + std::to_string(options.kv_cache_bytes),
              "raise kv_cache_bytes or lower max_tokens");
}

}  // namespace grove::nn::cpu::detail
