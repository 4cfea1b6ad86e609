// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/generation.hpp"

#include <algorithm>

#include "grove/nn/cpu/generation_checks.hpp"
#include "grove/nn/cpu/generation_queue.hpp"
#include "grove/nn/cpu/generation_worker.hpp"
#include "grove/nn/torch/decoder_session.hpp"

namespace grove::nn::torch {
namespace {

constexpr std::size_t most_sequences = 256;  // beyond, a step's products gain nothing

/// How many sequences of at most `bytes` each run at a time. A bound that the caller asked for holds for his `batch` as
/// well.
std::size_t width(cpu::GenerationOptions const& options, std::size_t bytes, std::size_t cache_bytes) {
  bool const bounded = options.kv_cache_bytes > 0;
  auto const fits =
      std::clamp<std::size_t>((bounded ? options.kv_cache_bytes : cache_bytes) / bytes, 1, most_sequences);
  if (options.batch == 0) return fits;
  return bounded ? std::min(options.batch, fits) : options.batch;
}

}  // namespace

template <class Variant>
void generate(Decoder<Variant> const& decoder, std::span<cpu::GenerationRequest const> requests,
              cpu::GenerationOptions const& options, cpu::GenerationSink const& sink, cpu::ThreadPool& pool,
              std::size_t cache_bytes, DecodeKernels const* kernels) {
  auto const& config = decoder.config();
  auto const context = config.max_position_embeddings;
  cpu::detail::check_options(options);
  cpu::detail::check_early_end(requests, options);
  auto const token_bytes =
      2 * config.layers * config.kv_heads * config.head_dim * (decoder.dtype() == Dtype::BF16 ? 2 : 4);
  std::size_t total = 0;
  std::size_t prompt = 0;
  for (auto const& request : requests) {
    cpu::detail::check_request(request, config.vocab_size, context);
    cpu::detail::check_memory(request, options, context, 1, token_bytes);
    total += request.samples;
    prompt = std::max(prompt, request.prompt.size());
  }
  if (total == 0) return;
  cpu::detail::GenerationJob job{.requests = requests,
                                 .options = options,
                                 .stops = cpu::StopStrings(options.stop_strings),
                                 .random = RandomStream(options.key, options.collection, options.attempt),
                                 .context = context,
                                 .vocabulary = config.vocab_size,
                                 .version = decoder.version(),
                                 .queue = cpu::detail::GenerationQueue(requests),
                                 .outlet = cpu::detail::GenerationOutlet(requests, options.delivery, sink)};
  auto session = kernels != nullptr ? DecodeSession<Variant>(decoder, *kernels) : DecodeSession<Variant>(decoder);
  session.draw_by(options.sampling, job.random);
  auto const longest = std::min(context, prompt + options.max_tokens);
  auto const at_once = width(options, token_bytes * longest, cache_bytes);
  cpu::detail::GenerationWorker(session, job, std::min(total, at_once), &pool).run();
}

template void generate(Decoder<Qwen2> const&, std::span<cpu::GenerationRequest const>, cpu::GenerationOptions const&,
                       cpu::GenerationSink const&, cpu::ThreadPool&, std::size_t, DecodeKernels const*);
template void generate(Decoder<Qwen3> const&, std::span<cpu::GenerationRequest const>, cpu::GenerationOptions const&,
                       cpu::GenerationSink const&, cpu::ThreadPool&, std::size_t, DecodeKernels const*);
template void generate(Decoder<Llama> const&, std::span<cpu::GenerationRequest const>, cpu::GenerationOptions const&,
                       cpu::GenerationSink const&, cpu::ThreadPool&, std::size_t, DecodeKernels const*);

}  // namespace grove::nn::torch
