// SPDX-License-Identifier: Apache-2.0
// What is asked of a Generator and what comes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "grove/completion.hpp"
#include "grove/nn/cpu/sampling.hpp"
#include "grove/random.hpp"
#include "grove/token_id.hpp"

namespace grove::nn::cpu {

class EarlyEnd;  // early_end.hpp

/// One prompt and how many completions it gets. `id` is the draw index of the random key: the same id, prompt, options
/// and sample number give the same completion wherever they stand.
struct GenerationRequest {
  std::uint64_t id = 0;
  std::span<TokenId const> prompt{};  ///< at least one token; must live until `generate` returns
  std::uint32_t samples = 1;          ///< completions 0 to samples - 1, which share the prompt's computation
  std::uint32_t first_sample = 0;     ///< number of the first of them
  std::size_t max_tokens = 0;         ///< of each, if fewer than the options'; 0: the options' alone
};

/// Turns the tokens of one completion into text as they come.
struct TextStream {
  std::function<std::string(TokenId)> push{};  ///< the text that became certain with this token, often empty
  std::function<std::string()> finish{};       ///< what is left at the end, such as bytes of an unfinished character
};

enum class Delivery : std::uint8_t {
  InOrder,    ///< by request, then by sample
  AsFinished  ///< each as soon as it ends
};

struct GenerationOptions {
  SamplingOptions sampling{};
  std::size_t max_tokens = 512;             ///< fewer where the model's context ends first
  std::vector<TokenId> stop_tokens{};       ///< end a completion and belong to it: all EOS ids and extra ones
  std::vector<std::string> stop_strings{};  ///< end a completion; its text ends before them. Need `text`
  std::function<TextStream()> text{};       ///< a new stream for each completion; empty: completions have no text
  RandomKey key{};
  std::uint64_t collection = 0;
  std::uint32_t attempt = 0;
  std::size_t batch = 0;  ///< most sequences at a time, over all threads; 0: what is fastest. Never changes a result
  /// Most tokens of prompts that go through the network before those that run get their next one. Never changes a
  /// result on the CPU.
  std::size_t prefill_chunk = 1024;
  /// Most bytes of keys and values, over all threads; 0: what it takes. Requests wait until theirs fit, and a
  /// completion may make room for older ones and be computed again later, which never changes a result on the CPU.
  std::size_t kv_cache_bytes = 0;
  Delivery delivery = Delivery::InOrder;
  EarlyEnd const* early_end = nullptr;  ///< requests that the caller ends while others go on; nobody: null
};

struct GeneratedCompletion {
  std::size_t request = 0;  ///< its place among the requests
  std::uint64_t id = 0;
  std::uint32_t sample = 0;
  Completion completion{};
};

/// Receives completions, called from one thread at a time, though not always the same one. What it throws ends the
/// generation and comes out of `generate`.
using GenerationSink = std::function<void(GeneratedCompletion&&)>;

}  // namespace grove::nn::cpu
