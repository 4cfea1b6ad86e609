// SPDX-License-Identifier: Apache-2.0
// The decode loop of one thread: fill free slots from the queue, step all sequences, sample, drop those that ended.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/nn/cpu/generation_queue.hpp"
#include "grove/nn/cpu/thread_pool.hpp"

namespace grove::nn::cpu::detail {

/// `Session` is a DecodeSession or anything with its prefill, fork, step and release.
template <class Session>
class GenerationWorker {
 public:
  using Slot = typename Session::Slot;

  /// At most `width` sequences at a time. `pool` (or null) shares the sampling of a step.
  GenerationWorker(Session& session, GenerationJob& job, std::size_t width, ThreadPool* pool = nullptr)
      : session_(session),
        job_(job),
        width_(width),
        pool_(pool),
        samplers_(pool == nullptr ? 1 : pool->size(), TokenSampler(job.options.sampling)) {}

  /// Works until the queue is empty and its own sequences have ended, or another worker failed. After an exception the
  /// session still holds sequences.
  void run() {
    try {
      while (!job_.failed.load(std::memory_order_relaxed)) {
        refill();
        if (active_.empty()) break;
        step();
      }
      forget_prompt();
    } catch (...) {
      job_.failed.store(true, std::memory_order_relaxed);
      throw;
    }
  }

 private:
  /// A completion under way.
  struct Active {
    std::size_t request = 0;
    std::uint32_t sample = 0;  ///< counted from 0
    std::size_t limit = 0;     ///< most tokens
    Slot slot{};
    Completion completion;
    TextStream text;
  };
  /// A prompt whose samples are not all begun: its sequence stays open, and so do the logits after it.
  struct OpenPrompt {
    std::size_t request = 0;
    Slot slot{};
    std::vector<float> logits;
  };

  /// Prompts go through the network together until they have this many tokens.
  static constexpr std::size_t prefill_tokens = 1024;

  // Fills the free slots, as far as the queue has samples.
  void refill() {
    while (active_.size() < width_) {
      if (!take_units()) return forget_prompt();
      auto units = std::span<GenerationUnit const>(units_);
      if (open_ && open_->request == units.front().request) {
        begin(units.front(), open_->logits, open_->slot);
        if (units.front().last) open_.reset();
        units = units.subspan(1);
      } else {
        forget_prompt();
      }
      if (!units.empty()) prefill(units);
    }
  }

  bool take_units() {
    units_.clear();
    std::size_t free = width_ - active_.size();
    std::size_t tokens = 0;
    while (tokens < prefill_tokens) {
      auto const unit = job_.queue.take(free);
      if (!unit) break;
      units_.push_back(*unit);
      free -= unit->count;
      tokens += job_.requests[unit->request].prompt.size();
    }
    return !units_.empty();
  }

  // Computes the prompts of the units and begins their samples.
  void prefill(std::span<GenerationUnit const> units) {
    tokens_.clear();
    starts_.assign(1, 0);
    for (GenerationUnit const& unit : units) {
      auto const prompt = job_.requests[unit.request].prompt;
      tokens_.insert(tokens_.end(), prompt.begin(), prompt.end());
      starts_.push_back(tokens_.size());
    }
    slots_.resize(units.size());
    session_.prefill({.tokens = tokens_, .cu_seqlens = starts_}, slots_, logits(units.size()));
    for (std::size_t i = 0; i < units.size(); ++i) {
      if (!units[i].last) open_ = OpenPrompt{units[i].request, slots_[i], {row(i).begin(), row(i).end()}};
      begin(units[i], row(i), slots_[i]);
    }
  }

  // The first token of each sample of the unit. The last of those that go on takes the prompt's own sequence over,
  // unless more samples are to come.
  void begin(GenerationUnit const& unit, std::span<float const> after_prompt, Slot prompt) {
    std::size_t const before = active_.size();
    for (std::uint32_t i = 0; i < unit.count; ++i) {
      Active active = make_active(unit.request, unit.first + i);
      if (advance(active, draw(samplers_.front(), active, after_prompt))) {
        job_.outlet.deliver(active.request, active.sample, std::move(active.completion));
      } else {
        active_.push_back(std::move(active));
      }
    }
    for (std::size_t i = before; i < active_.size(); ++i) {
      active_[i].slot = unit.last && i + 1 == active_.size() ? prompt : session_.fork(prompt);
    }
    if (unit.last && active_.size() == before) session_.release(prompt);
  }

  // One more token for every sequence.
  void step() {
    slots_.clear();
    tokens_.clear();
    for (Active const& active : active_) {
      slots_.push_back(active.slot);
      tokens_.push_back(active.completion.tokens.back());
    }
    session_.step(slots_, tokens_, logits(active_.size()));
    draw_all();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < active_.size(); ++i) {
      Active& active = active_[i];
      if (advance(active, drawn_[i])) {
        session_.release(active.slot);
        job_.outlet.deliver(active.request, active.sample, std::move(active.completion));
      } else {
        if (kept != i) active_[kept] = std::move(active);
        ++kept;
      }
    }
    active_.resize(kept);
  }

  Active make_active(std::size_t request, std::uint32_t sample) const {
    Active active;
    active.request = request;
    active.sample = sample;
    auto const& asked = job_.requests[request];
    active.limit = std::min(job_.options.max_tokens, job_.context - asked.prompt.size());
    if (asked.max_tokens > 0) active.limit = std::min(active.limit, asked.max_tokens);
    if (job_.options.text) active.text = job_.options.text();
    return active;
  }

  // Appends a token; true when the completion has ended with it.
  bool advance(Active& active, SampledToken const& drawn) {
    Completion& completion = active.completion;
    completion.tokens.push_back(drawn.token);
    completion.log_probs.push_back(drawn.log_prob);
    completion.kept_mass.push_back(drawn.kept_mass);
    completion.versions.push_back(job_.version);
    auto const& stop_tokens = job_.options.stop_tokens;
    bool const stop_token = std::ranges::find(stop_tokens, drawn.token) != stop_tokens.end();
    bool const stop_string = active.text.push && add_text(active, active.text.push(drawn.token));
    bool const stopped = stop_token || stop_string;
    bool const ended = stopped || completion.tokens.size() >= active.limit;
    completion.finish = stopped ? Finish::Stop : Finish::Length;
    if (ended && !stop_string && active.text.finish) add_text(active, active.text.finish());
    return ended;
  }

  void draw_all() {
    std::size_t const n = active_.size();
    drawn_.resize(n);
    auto const draw_part = [&](std::size_t part) {
      std::size_t const parts = samplers_.size();
      for (std::size_t i = n * part / parts; i < n * (part + 1) / parts; ++i) {
        drawn_[i] = draw(samplers_[part], active_[i], row(i));
      }
    };
    if (pool_ == nullptr) return draw_part(0);
    pool_->parallel_for(samplers_.size(), draw_part);
  }

  SampledToken draw(TokenSampler& sampler, Active const& active, std::span<float const> logits) const {
    GenerationRequest const& request = job_.requests[active.request];
    Draw const place{.index = request.id,
                     .sample = request.first_sample + active.sample,
                     .token = static_cast<std::uint32_t>(active.completion.tokens.size())};
    try {
      return sampler(logits, uniform(job_.random, place));
    } catch (Error const& error) {
      throw Error("id " + std::to_string(place.index) + ", sample " + std::to_string(place.sample) + ", token " +
                      std::to_string(place.token),
                  error.problem, error.expected, error.fix);
    }
  }

  // True when a stop string is complete; the text then ends before it.
  bool add_text(Active& active, std::string const& piece) const {
    std::string& text = active.completion.text;
    std::size_t const known = text.size();
    text += piece;
    std::size_t const cut = job_.stops.find(text, known);
    if (cut == std::string::npos) return false;
    text.resize(cut);
    return true;
  }

  void forget_prompt() {
    if (open_) session_.release(open_->slot);
    open_.reset();
  }

  [[nodiscard]] std::size_t vocabulary() const noexcept { return job_.vocabulary; }
  std::span<float> logits(std::size_t rows) {
    if (logits_.size() < rows * vocabulary()) logits_.resize(rows * vocabulary());
    return std::span(logits_).first(rows * vocabulary());
  }
  std::span<float const> row(std::size_t i) const { return std::span(logits_).subspan(i * vocabulary(), vocabulary()); }

  Session& session_;
  GenerationJob& job_;
  std::size_t width_;
  ThreadPool* pool_;
  std::vector<TokenSampler> samplers_;  // one for each thread that draws
  std::vector<Active> active_;
  std::optional<OpenPrompt> open_;
  std::vector<float> logits_;
  std::vector<SampledToken> drawn_;
  std::vector<GenerationUnit> units_;
  std::vector<Slot> slots_;
  std::vector<TokenId> tokens_;
  std::vector<std::size_t> starts_;
};

}  // namespace grove::nn::cpu::detail
