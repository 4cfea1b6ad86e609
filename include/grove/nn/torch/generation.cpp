// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/generation.hpp"

#include <algorithm>

#include "grove/nn/cpu/generation_checks.hpp"
#include "grove/nn/cpu/generation_queue.hpp"
#include "grove/nn/cpu/generation_worker.hpp"
#include "grove/nn/cpu/prompt_families.hpp"
#include "grove/nn/torch/decoder_session.hpp"
#include "grove/nn/torch/page_table.hpp"

namespace grove::nn::torch {
namespace {

constexpr std::size_t most_sequences = 256;  // beyond, a step's products gain nothing
using detail::PageTable;

/// How many sequences of at most `bytes` each run at a time where each has its own memory. A bound that the caller
/// asked for holds for his `batch` as well.
std::size_t width(cpu::GenerationOptions const& options, std::size_t bytes, std::size_t cache_bytes) {
  auto const fits = std::clamp<std::size_t>(cache_bytes / bytes, 1, most_sequences);
  if (options.batch == 0) return fits;
  return options.kv_cache_bytes > 0 ? std::min(options.batch, fits) : options.batch;
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
  auto const page_bytes = token_bytes * PageTable::page_tokens;
  std::size_t total = 0;
  std::size_t longest = 0;
  for (auto const& request : requests) {
    cpu::detail::check_request(request, config.vocab_size, context);
    cpu::detail::check_memory(request, options, context, PageTable::page_tokens, page_bytes);
    total += request.samples;
    longest = std::max(longest, cpu::detail::longest_sequence(request, options, context));
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
                                 .outlet = cpu::detail::GenerationOutlet(requests, options.delivery, sink),
                                 .families = cpu::detail::prompt_families(requests, PageTable::page_tokens)};
  auto session = kernels != nullptr ? DecodeSession<Variant>(decoder, *kernels) : DecodeSession<Variant>(decoder);
  session.draw_by(options.sampling, job.random);
  auto const bytes = options.kv_cache_bytes > 0 ? options.kv_cache_bytes : cache_bytes;
  auto const paged = session.limit(std::max(bytes / page_bytes, PageTable::pages_of(longest)));
  auto const at_once = !paged               ? width(options, token_bytes * longest, bytes)
                       : options.batch == 0 ? most_sequences
                                            : options.batch;
  cpu::detail::GenerationWorker(session, job, std::min(total, at_once), &pool).run();
}

template void generate(Decoder<Qwen2> const&, std::span<cpu::GenerationRequest const>, cpu::GenerationOptions const&,
                       cpu::GenerationSink const&, cpu::ThreadPool&, std::size_t, DecodeKernels const*);
template void generate(Decoder<Qwen3> const&, std::span<cpu::GenerationRequest const>, cpu::GenerationOptions const&,
                       cpu::GenerationSink const&, cpu::ThreadPool&, std::size_t, DecodeKernels const*);
template void generate(Decoder<Llama> const&, std::span<cpu::GenerationRequest const>, cpu::GenerationOptions const&,
                       cpu::GenerationSink const&, cpu::ThreadPool&, std::size_t, DecodeKernels const*);

}  // namespace grove::nn::torch
