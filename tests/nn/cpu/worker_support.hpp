// SPDX-License-Identifier: Apache-2.0
// The decode loop on stand-ins for the network, whose logits are a hash of the sequence.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "grove/nn/cpu/generation_worker.hpp"
#include "support/catch.hpp"

namespace grove::nn::cpu::test {

constexpr std::size_t vocabulary = 37;

struct Prompts {
  std::span<TokenId const> tokens;
  std::span<std::size_t const> cu_seqlens;
};

/// Keeps every sequence's tokens; logits are random numbers keyed by them.
class HashSession {
 public:
  using Slot = std::uint32_t;

  void prefill(Prompts prompts, std::span<Slot> slots, std::span<float> logits) {
    misused |= slots.size() + 1 != prompts.cu_seqlens.size();
    prefilled += slots.size();
    for (std::size_t i = 0; i < slots.size(); ++i) {
      auto const prompt =
          prompts.tokens.subspan(prompts.cu_seqlens[i], prompts.cu_seqlens[i + 1] - prompts.cu_seqlens[i]);
      slots[i] = next_++;
      sequences[slots[i]].assign(prompt.begin(), prompt.end());
      fill(sequences[slots[i]], logits.subspan(i * vocabulary, vocabulary));
    }
  }
  Slot fork(Slot parent) {
    sequences[next_] = sequences.at(parent);
    return next_++;
  }
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits) {
    misused |= std::set<Slot>(slots.begin(), slots.end()).size() != slots.size();
    rows.push_back(slots.size());
    widest = std::max(widest, slots.size());
    for (std::size_t i = 0; i < slots.size(); ++i) {
      sequences.at(slots[i]).push_back(tokens[i]);
      fill(sequences[slots[i]], logits.subspan(i * vocabulary, vocabulary));
    }
  }
  void release(Slot slot) { misused |= sequences.erase(slot) != 1; }

  std::map<Slot, std::vector<TokenId>> sequences;
  std::vector<std::size_t> rows;  // of each step
  std::size_t widest = 0;
  std::size_t prefilled = 0;
  bool misused = false;  // Catch2's macros are for one thread

 protected:
  static void fill(std::vector<TokenId> const& sequence, std::span<float> logits) {
    std::uint64_t hash = 1469598103934665603U;
    for (TokenId const token : sequence) hash = (hash ^ static_cast<std::uint64_t>(token)) * 1099511628211U;
    grove::RandomSequence random(grove::RandomStream({.seed = hash, .purpose = grove::Purpose::Data}));
    for (float& x : logits) x = static_cast<float>(random.normal());
  }

 private:
  Slot next_ = 0;
};

/// The same with pages, of which there may be a bound, and prompts that come in pieces.
class PagedHashSession : public HashSession {
 public:
  void limit(std::size_t pages) { cache_.limit(pages); }
  [[nodiscard]] std::size_t free_pages() const { return cache_.free_pages(); }
  [[nodiscard]] std::size_t extend_pages(Slot slot, std::size_t tokens) const {
    return cache_.extend_pages(slot, tokens);
  }
  [[nodiscard]] std::size_t fork_pages(Slot slot) const { return cache_.fork_pages(slot); }

  Slot open() {
    Slot const slot = cache_.open();
    sequences[slot].clear();
    return slot;
  }
  void append(Prompts pieces, std::span<Slot const> slots, std::span<float> logits) {
    misused |= std::set<Slot>(slots.begin(), slots.end()).size() != slots.size();
    appended += pieces.tokens.size();
    since_step += running_.empty() ? 0 : pieces.tokens.size();
    for (std::size_t i = 0; i < slots.size(); ++i) {
      auto const piece = pieces.tokens.subspan(pieces.cu_seqlens[i], pieces.cu_seqlens[i + 1] - pieces.cu_seqlens[i]);
      cache_.extend(slots[i], piece.size());
      auto& sequence = sequences.at(slots[i]);
      sequence.insert(sequence.end(), piece.begin(), piece.end());
      if ((i + 1) * vocabulary <= logits.size()) fill(sequence, logits.subspan(i * vocabulary, vocabulary));
    }
    most_pages = std::max(most_pages, cache_.pages_in_use());
  }
  Slot fork(Slot parent) {
    Slot const slot = cache_.fork(parent);
    sequences[slot] = sequences.at(parent);
    return slot;
  }
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits) {
    for (Slot const slot : slots) cache_.extend(slot, 1);
    HashSession::step(slots, tokens, logits);
    most_pages = std::max(most_pages, cache_.pages_in_use());
    longest_pause = std::max(longest_pause, since_step);
    since_step = 0;
    running_ = {slots.begin(), slots.end()};
  }
  void release(Slot slot) {
    running_.erase(slot);
    HashSession::release(slot);
    cache_.close(slot);
  }

  std::size_t appended = 0;
  std::size_t since_step = 0;
  std::size_t longest_pause = 0;  // tokens of prompts between two steps of running sequences
  std::size_t most_pages = 0;

 private:
  std::set<Slot> running_;
  KvCache cache_{{.layers = 1, .kv_heads = 1, .head_dim = 1}};
};

struct Outcome {
  std::map<std::pair<std::uint64_t, std::uint32_t>, Completion> completions;
  std::vector<std::pair<std::size_t, std::uint32_t>> order;
  std::vector<std::size_t> rows;  // of each step, one worker after the other
  std::size_t widest = 0;
  std::size_t prefilled = 0;
  std::size_t left_open = 0;
  std::size_t interruptions = 0;
  std::size_t appended = 0;
  std::size_t longest_pause = 0;
  std::size_t most_pages = 0;
  bool misused = false;
};

template <class Session = HashSession>
Outcome run(std::vector<GenerationRequest> const& requests, GenerationOptions const& options, std::size_t width,
            std::size_t workers = 1, std::size_t context = 1000, std::size_t pages = 0,
            std::function<void(GeneratedCompletion const&)> const& see = {}) {
  Outcome outcome;
  GenerationSink const sink = [&](GeneratedCompletion&& done) {
    outcome.order.emplace_back(done.request, done.sample);
    outcome.misused |= done.id != requests[done.request].id;
    if (see) see(done);
    outcome.misused |= !outcome.completions.emplace(std::pair(done.id, done.sample), std::move(done.completion)).second;
  };
  detail::GenerationJob job{.requests = requests,
                            .options = options,
                            .stops = StopStrings(options.stop_strings),
                            .random = grove::RandomStream(options.key, options.collection, options.attempt),
                            .context = context,
                            .vocabulary = vocabulary,
                            .version = 12,
                            .queue = detail::GenerationQueue(requests),
                            .outlet = detail::GenerationOutlet(requests, options.delivery, sink),
                            .families = detail::prompt_families(requests, 1)};
  std::vector<Session> sessions(workers);
  std::vector<std::size_t> interruptions(workers);
  auto const work = [&](std::size_t i) {
    detail::GenerationWorker worker(sessions[i], job, width);
    worker.run();
    interruptions[i] = worker.interruptions();
  };
  if constexpr (detail::PagedSession<Session>) {
    for (auto& session : sessions) session.limit(pages);
  }
  if (workers == 1) {
    work(0);
  } else {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < workers; ++i) threads.emplace_back(work, i);
    for (auto& thread : threads) thread.join();
  }
  for (auto const n : interruptions) outcome.interruptions += n;
  for (auto const& session : sessions) {
    if constexpr (detail::PagedSession<Session>) {
      outcome.appended += session.appended;
      outcome.longest_pause = std::max(outcome.longest_pause, session.longest_pause);
      outcome.most_pages = std::max(outcome.most_pages, session.most_pages);
    }
    outcome.rows.insert(outcome.rows.end(), session.rows.begin(), session.rows.end());
    outcome.widest = std::max(outcome.widest, session.widest);
    outcome.prefilled += session.prefilled;
    outcome.left_open += session.sequences.size();
    outcome.misused |= session.misused;
  }
  CHECK_FALSE(outcome.misused);
  return outcome;
}

struct Prompt {
  std::vector<TokenId> tokens;
  std::uint64_t id;
};

inline std::vector<Prompt> make_prompts(std::size_t count) {
  std::vector<Prompt> prompts;
  for (std::size_t i = 0; i < count; ++i) {
    Prompt& prompt = prompts.emplace_back();
    prompt.id = 1000 + 3 * i;
    for (std::size_t j = 0; j <= i % 5; ++j) prompt.tokens.push_back(static_cast<TokenId>((i * 7 + j) % vocabulary));
  }
  return prompts;
}

inline std::vector<GenerationRequest> make_requests(std::vector<Prompt> const& prompts, std::uint32_t samples) {
  std::vector<GenerationRequest> requests;
  for (Prompt const& prompt : prompts)
    requests.push_back({.id = prompt.id, .prompt = prompt.tokens, .samples = samples});
  return requests;
}

inline bool same(Completion const& a, Completion const& b) {
  return std::tie(a.tokens, a.log_probs, a.kept_mass, a.versions, a.finish, a.text) ==
         std::tie(b.tokens, b.log_probs, b.kept_mass, b.versions, b.finish, b.text);
}

/// Token n is the letter 'a' + n % 26.
inline TextStream letters() {
  return {.push = [](TokenId token) { return std::string(1, static_cast<char>('a' + token % 26)); },
          .finish = [] { return std::string(); }};
}

}  // namespace grove::nn::cpu::test
