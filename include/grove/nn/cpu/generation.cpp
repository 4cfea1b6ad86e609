// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/generation.hpp"

#include <algorithm>
#include <string>

#include "grove/error.hpp"
#include "grove/nn/cpu/generation_queue.hpp"
#include "grove/nn/cpu/generation_worker.hpp"

namespace grove::nn::cpu {
namespace {

/// Sequences of one thread at a time. Fewer and the products' tiles are no longer full, more and the activations of a
/// step leave the second-level cache.
constexpr std::size_t block = 64;

/// Up to this many sequences a thread all threads share the steps of one session.
constexpr std::size_t few = 4;

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

std::size_t share(std::size_t total, std::size_t parts) { return (total + parts - 1) / parts; }

}  // namespace

template <class Variant>
Generator<Variant>::Generator(Decoder<Variant> const& decoder, ThreadPool& pool) : decoder_(&decoder), pool_(&pool) {}

template <class Variant>
void Generator<Variant>::check(GenerationRequest const& request, GenerationOptions const& options) const {
  check_options(options);
  check_request(request, decoder_->vocab_size(), decoder_->config().max_position_embeddings);
}

template <class Variant>
void Generator<Variant>::generate(std::span<GenerationRequest const> requests, GenerationOptions const& options,
                                  GenerationSink const& sink) {
  std::size_t const context = decoder_->config().max_position_embeddings;
  check_options(options);
  std::size_t total = 0;
  for (GenerationRequest const& request : requests) {
    check_request(request, decoder_->vocab_size(), context);
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
                            .outlet = detail::GenerationOutlet(requests, options.delivery, sink)};
  using Session = DecodeSession<Variant>;
  using Worker = detail::GenerationWorker<Session>;
  std::size_t const threads = pool_->size();
  std::size_t const at_once = std::min(total, options.batch == 0 ? threads * block : options.batch);
  try {
    if (threads > 1 && at_once <= threads * few) {
      if (!shared_session_) shared_session_ = std::make_unique<Session>(*decoder_, pool_);
      Worker(*shared_session_, job, at_once).run();
      return;
    }
    std::size_t const workers = std::min(threads, at_once);
    std::size_t const width = std::min(block, share(at_once, workers));
    while (sessions_.size() < workers) sessions_.push_back(std::make_unique<Session>(*decoder_));
    pool_->parallel_for(workers, [&](std::size_t worker) { Worker(*sessions_[worker], job, width).run(); });
  } catch (...) {
    sessions_.clear();  // they still hold sequences
    shared_session_.reset();
    throw;
  }
}

template class Generator<Qwen2>;
template class Generator<Qwen3>;
template class Generator<Llama>;

}  // namespace grove::nn::cpu
