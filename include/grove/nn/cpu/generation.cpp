// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/generation.hpp"

#include <algorithm>

#include "grove/nn/cpu/gemm_kernels.hpp"
#include "grove/nn/cpu/generation_checks.hpp"
#include "grove/nn/cpu/generation_queue.hpp"
#include "grove/nn/cpu/generation_worker.hpp"

namespace grove::nn::cpu {
namespace {

/// Weights beyond this do not stay in the last-level cache between steps, and a step streams them from memory.
constexpr std::size_t cached_weights = 16 << 20;

/// Bytes of keys and values that a session keeps for the next call. What is beyond goes back: the update has use for
/// it.
constexpr std::size_t kept_cache = std::size_t{32} << 20U;

/// Rows of a step for each thread where weights are streamed: enough work for each byte that arrives.
constexpr std::size_t streaming_rows = 64;

/// Least rows of a step where weights stay in the cache. Beyond a tile of the products more rows gain nothing, and the
/// keys and values of more sequences leave the second-level cache between steps.
constexpr std::size_t cached_rows = 12;

/// Up to this many sequences a thread all threads share the steps of one session even so.
constexpr std::size_t few = 1;

std::size_t share(std::size_t total, std::size_t parts) { return (total + parts - 1) / parts; }

std::size_t bytes(PackedMatrix const& matrix) { return matrix.outputs() * matrix.depth() * matrix.element_size(); }

std::size_t weight_bytes(detail::Weights const& weights) {
  std::size_t sum = bytes(weights.head);
  for (auto const& layer : weights.layers) {
    sum += bytes(layer.qkv) + bytes(layer.out) + bytes(layer.gate_up) + bytes(layer.down);
  }
  return sum;
}

/// How the sequences are spread over the threads.
struct Plan {
  bool shared = false;  ///< one session, whose steps all threads share
  std::size_t sessions = 1;
  std::size_t width = 1;  ///< sequences at a time in each session
};

/// Prompts share what they have in common from so many tokens on: a page.
constexpr std::size_t shared_tokens = KvShape::page_tokens;

Plan make_plan(std::size_t total, std::size_t batch, std::size_t threads, std::size_t weights) {
  std::size_t const most = batch == 0 ? total : std::min(total, batch);
  if (weights > cached_weights || most <= few * threads) {
    return {.shared = threads > 1, .sessions = 1, .width = std::min(most, streaming_rows * threads)};
  }
  std::size_t const sessions = std::min(threads, most);
  std::size_t const tile = detail::best_kernels().rows;
  std::size_t const width = std::min(most / sessions, share(cached_rows, tile) * tile);
  // Sequences of equal length end together: full waves instead of a small last one.
  std::size_t const each = share(total, sessions);
  return {.shared = false, .sessions = sessions, .width = share(each, share(each, width))};
}

/// Where a session's part of the pages would not hold the longest sequence, all threads share one session.
Plan within(Plan const& plan, std::size_t pages, std::size_t longest, std::size_t threads) {
  if (plan.sessions == 1 || pages / plan.sessions >= longest) return plan;
  return {.shared = threads > 1, .sessions = 1, .width = std::max(plan.width, few) * plan.sessions};
}

}  // namespace

template <class Variant>
Generator<Variant>::Generator(Decoder<Variant> const& decoder, ThreadPool& pool) : decoder_(&decoder), pool_(&pool) {}

template <class Variant>
void Generator<Variant>::check(GenerationRequest const& request, GenerationOptions const& options) const {
  std::size_t const context = decoder_->config().max_position_embeddings;
  detail::check_options(options);
  detail::check_request(request, decoder_->vocab_size(), context);
  detail::check_memory(request, options, context, KvShape::page_tokens, decoder_->layout().kv.page_bytes());
}

template <class Variant>
void Generator<Variant>::generate(std::span<GenerationRequest const> requests, GenerationOptions const& options,
                                  GenerationSink const& sink) {
  std::size_t const context = decoder_->config().max_position_embeddings;
  detail::check_options(options);
  detail::check_early_end(requests, options);
  std::size_t total = 0;
  std::size_t longest = 0;
  for (GenerationRequest const& request : requests) {
    detail::check_request(request, decoder_->vocab_size(), context);
    detail::check_memory(request, options, context, KvShape::page_tokens, decoder_->layout().kv.page_bytes());
    longest = std::max(longest, detail::longest_sequence(request, options, context));
    total += request.samples;
  }
  if (total == 0) return;

  detail::GenerationJob job{.requests = requests,
                            .options = options,
                            .stops = StopStrings(options.stop_strings),
                            .random = RandomStream(options.key, options.collection, options.attempt),
                            .context = context,
                            .vocabulary = decoder_->vocab_size(),
                            .version = decoder_->version(),
                            .queue = detail::GenerationQueue(requests),
                            .outlet = detail::GenerationOutlet(requests, options.delivery, sink),
                            .families = detail::prompt_families(requests, shared_tokens)};
  using Session = DecodeSession<Variant>;
  using Worker = detail::GenerationWorker<Session>;
  std::size_t const threads = pool_->size();
  Plan plan = make_plan(total, options.batch, threads, weight_bytes(decoder_->weights()));
  std::size_t const pages = options.kv_cache_bytes / decoder_->layout().kv.page_bytes();
  if (pages > 0) plan = within(plan, pages, KvShape::pages(longest), threads);
  try {
    if (pages > 0) trim(0);  // what sessions keep that this call does not use would come on top
    if (plan.shared) {
      if (!shared_session_) shared_session_ = std::make_unique<Session>(*decoder_, pool_);
      shared_session_->limit(pages);
      Worker(*shared_session_, job, plan.width, pool_).run();
      return trim(kept_cache);
    }
    while (sessions_.size() < plan.sessions) sessions_.push_back(std::make_unique<Session>(*decoder_));
    for (auto const& session : sessions_) session->limit(pages / plan.sessions);
    pool_->parallel_for(plan.sessions, [&](std::size_t i) { Worker(*sessions_[i], job, plan.width).run(); });
    trim(kept_cache);
  } catch (...) {
    sessions_.clear();  // they still hold sequences
    shared_session_.reset();
    throw;
  }
}

template <class Variant>
void Generator<Variant>::trim(std::size_t keep) {
  for (auto const& session : sessions_) session->trim(keep);
  if (shared_session_) shared_session_->trim(keep);
}

template class Generator<Qwen2>;
template class Generator<Qwen3>;
template class Generator<Llama>;

}  // namespace grove::nn::cpu
