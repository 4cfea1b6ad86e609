// SPDX-License-Identifier: Apache-2.0
// Completions of many prompts with the weights of one decoder. A completion depends on its prompt, the options and its
// own random key, and on nothing else: not on its neighbours, their order, `batch` or the number of threads.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "grove/nn/cpu/decoder_session.hpp"
#include "grove/nn/cpu/generation_options.hpp"
#include "grove/nn/cpu/thread_pool.hpp"

namespace grove::nn::cpu {

/// Generates with one decoder, whose weights may change between calls but not during one. Small
/// key/value caches stay for the next call; the memory of larger ones is given back at the end of each.
template <class Variant>
class Generator {
 public:
  /// Neither is copied; `pool` says how many threads work.
  Generator(Decoder<Variant> const& decoder, ThreadPool& pool);

  /// Throws grove::Error for options out of range and for a request that has no prompt, a token outside the vocabulary,
  /// a prompt that leaves no room for a token in the context (`max_position_embeddings`), or a completion that could
  /// need more than `kv_cache_bytes` alone.
  void check(GenerationRequest const& request, GenerationOptions const& options) const;

  /// Hands every completion to `sink`. Checks all requests before it begins. After an exception the completions handed
  /// over so far are valid and the generator can be used again.
  void generate(std::span<GenerationRequest const> requests, GenerationOptions const& options,
                GenerationSink const& sink);

 private:
  void trim(std::size_t keep);

  Decoder<Variant> const* decoder_;
  ThreadPool* pool_;
  std::vector<std::unique_ptr<DecodeSession<Variant>>> sessions_;  // one a thread
  std::unique_ptr<DecodeSession<Variant>> shared_session_;         // for few sequences: all threads share each step
};

extern template class Generator<Qwen2>;
extern template class Generator<Qwen3>;
extern template class Generator<Llama>;

}  // namespace grove::nn::cpu
