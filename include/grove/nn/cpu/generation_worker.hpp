// SPDX-License-Identifier: Apache-2.0
// The decode loop of one thread: take samples from the queue while there is room for them, compute a chunk of their
// prompts, step all sequences, sample, drop those that ended.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/nn/cpu/early_end.hpp"
#include "grove/nn/cpu/generation_checks.hpp"
#include "grove/nn/cpu/generation_completion.hpp"
#include "grove/nn/cpu/generation_prompts.hpp"
#include "grove/nn/cpu/generation_queue.hpp"
#include "grove/nn/cpu/generation_sequences.hpp"
#include "grove/nn/cpu/kv_cache.hpp"
#include "grove/nn/cpu/thread_pool.hpp"

namespace grove::nn::cpu::detail {

/// `Session` is a DecodeSession or anything with its prefill, fork, step and release.
///
/// Where the session has a bound of pages, samples begin when those that run are expected to leave room for them. If
/// they grow longer than that, what can be computed again makes room: open prompts first, then the youngest sequences,
/// whose tokens so far go through the network once more when there is room again. The oldest always goes on.
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
        samplers_(pool == nullptr ? 1 : pool->size(), TokenSampler(job.options.sampling)),
        prompts_(session, job) {
    if constexpr (paged) bounded_ = session.free_pages() != static_cast<std::size_t>(-1);
  }

  /// Works until the queue is empty and its own sequences have ended, or another worker failed. After an exception the
  /// session still holds sequences.
  void run() {
    try {
      while (!job_.failed.load(std::memory_order_relaxed)) {
        end_early();
        admit();
        if (active_.empty() && prompts_.empty()) break;
        prefill();
        if (!active_.empty()) step();
      }
      forget_open();
      prompts_.forget_beginning();
    } catch (...) {
      job_.failed.store(true, std::memory_order_relaxed);
      throw;
    }
  }

  /// How often a sequence had to make room for older ones.
  [[nodiscard]] std::size_t interruptions() const noexcept { return interruptions_; }

 private:
  static constexpr bool paged = PagedSession<Session>;

  using Active = ActiveSequence<Slot>;

  // ---- who runs

  // Takes interrupted sequences and then samples from the queue, as far as there is room.
  void admit() {
    std::size_t taken = active_.size() + prompts_.samples();
    while (taken < width_) {
      if (!interrupted_.empty()) {
        if (!has_room(interrupted_.front())) return;
        prompts_.add(std::move(interrupted_.front()));
        interrupted_.pop_front();
        ++taken;
        continue;
      }
      auto const unit =
          bounded_ ? job_.queue.take(width_ - taken, [&](std::size_t request,
                                                         std::size_t left) { return samples_with_room(request, left); })
                   : job_.queue.take(width_ - taken);
      if (!unit) {
        if (job_.queue.empty()) forget_open();
        return;
      }
      if (has_ended(unit->request)) {
        never_begin(*unit);
        continue;
      }
      std::size_t const running = active_.size();
      if (open_ && open_->request == unit->request) {
        begin(*unit, open_->logits, open_->slot);
        if (unit->last) open_.reset();
        taken += active_.size() - running;
      } else {
        prompts_.add(*unit);
        taken += unit->count;
      }
    }
  }

  // Pages of a sequence of the request with `sampled` tokens when it ends, as far as one can tell.
  [[nodiscard]] std::size_t expected_pages(std::size_t request, std::size_t sampled) const {
    std::size_t const limit = token_limit(job_.requests[request], job_.options, job_.context);
    return KvShape::pages(job_.requests[request].prompt.size() + lengths_.at_end(sampled, limit));
  }

  // Pages that nobody uses and that those who run or enter are not expected to need.
  [[nodiscard]] std::size_t spare_pages() const {
    std::size_t spare = 0;
    if constexpr (paged) spare = session_.free_pages();
    auto const take = [&](std::size_t pages) { spare -= std::min(spare, pages); };
    for (Active const& active : active_) {
      std::size_t const sampled = active.completion.tokens.size();
      take(expected_pages(active.request, sampled) - KvShape::pages(prompt(active.request).size() + sampled - 1));
    }
    for (auto const& entering : prompts_.all()) {
      std::size_t const shared = (prompt(entering.request()).size() + entering.sampled()) / KvShape::page_tokens;
      std::size_t const there =
          entering.slot ? KvShape::pages(entering.done) : prompts_.beginning_pages(entering.request());
      take(shared - std::min(shared, there));
      take(entering.samples() * (expected_pages(entering.request(), entering.sampled()) - shared));
    }
    return spare;
  }

  [[nodiscard]] bool has_room(Active const& interrupted) const {
    if (active_.empty() && prompts_.empty()) return true;
    return expected_pages(interrupted.request, interrupted.completion.tokens.size()) <= spare_pages();
  }

  // At least one where nothing else runs: alone every sequence has room.
  [[nodiscard]] std::size_t samples_with_room(std::size_t request, std::size_t left) const {
    if (has_ended(request)) return left;
    bool const there = (open_ && open_->request == request) || prompts_.ends_with(request);
    std::size_t const spare = spare_pages();
    std::size_t const full = prompt(request).size() / KvShape::page_tokens;
    std::size_t const shared = there ? 0 : full - std::min(full, prompts_.beginning_pages(request));
    std::size_t const each = expected_pages(request, 0) - full;
    std::size_t const count = spare <= shared ? 0 : (spare - shared) / std::max<std::size_t>(1, each);
    return std::min(left, std::max<std::size_t>(count, active_.empty() && prompts_.empty() ? 1 : 0));
  }

  // ---- prompts

  [[nodiscard]] std::span<TokenId const> prompt(std::size_t request) const { return job_.requests[request].prompt; }

  // A chunk of what enters goes through the network; what is complete begins.
  void prefill() {
    if (prompts_.empty()) return;
    std::size_t pieces = prompts_.collect();
    while (pieces == 0) {
      if (!active_.empty()) return;  // their end makes room
      if (!give_up(1)) throw Error("GenerationWorker", "a sequence that does not fit alone");
      pieces = prompts_.collect();
    }
    std::size_t const complete = prompts_.complete(pieces);
    prompts_.compute(pieces, logits(complete));
    for (std::size_t i = 0; i < complete; ++i) {
      auto entered = prompts_.take();
      if (entered.resumed) {
        resume(std::move(*entered.resumed), row(i), *entered.slot);
      } else {
        if (!entered.unit.last) {
          forget_open();
          open_ = OpenSequence<Slot>{entered.unit.request, *entered.slot, {row(i).begin(), row(i).end()}};
        }
        begin(entered.unit, row(i), *entered.slot);
      }
    }
    if (complete < pieces) prompts_.keep_beginning();
  }

  // ---- sequences

  // The first token of each sample of the unit. The last of those that go on takes the prompt's own sequence over,
  // unless more samples are to come. Those that do not fit now wait.
  void begin(GenerationUnit const& unit, std::span<float const> after_prompt, Slot prompt) {
    std::vector<Active> begun;
    for (std::uint32_t i = 0; i < unit.count; ++i) {
      Active active{begin_completion(job_, unit.request, unit.first + i)};
      if (!ends(active, draw(job_, active, after_prompt, samplers_.front()))) begun.push_back(std::move(active));
    }
    for (std::size_t i = 0; i < begun.size(); ++i) {
      bool const last = unit.last && i + 1 == begun.size();
      if (!last && !fork_fits(prompt)) {
        interrupted_.push_back(std::move(begun[i]));
        ++interruptions_;
        continue;
      }
      begun[i].slot = last ? prompt : session_.fork(prompt);
      active_.push_back(std::move(begun[i]));
    }
    if (unit.last && begun.empty()) session_.release(prompt);
  }

  void resume(Active active, std::span<float const> logits, Slot slot) {
    if (ends(active, draw(job_, active, logits, samplers_.front()))) return session_.release(slot);
    active.slot = slot;
    active_.push_back(std::move(active));
  }

  // One more token for every sequence.
  void step() {
    make_room();
    slots_.clear();
    tokens_.clear();
    for (Active const& active : active_) {
      slots_.push_back(active.slot);
      tokens_.push_back(active.completion.tokens.back());
    }
    if (!step_and_draw()) {
      session_.step(slots_, tokens_, logits(active_.size()));
      draw_all();
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < active_.size(); ++i) {
      Active& active = active_[i];
      if (ends(active, drawn_[i])) {
        session_.release(active.slot);
      } else {
        if (kept != i) active_[kept] = std::move(active);
        ++kept;
      }
    }
    active_.resize(kept);
  }

  // Appends a token; true when the completion has ended with it, and is delivered.
  bool ends(Active& active, SampledToken const& drawn) {
    lengths_.token();
    if (!advance(job_, active, drawn)) return false;
    lengths_.end();
    job_.outlet.deliver(active.request, active.sample, std::move(active.completion));
    return true;
  }

  // False where the session does not draw.
  bool step_and_draw() {
    if constexpr (DrawingSession<Session>) {
      if (!session_.draws()) return false;
      draws_.clear();
      for (Active const& active : active_) draws_.push_back(next_draw(job_, active));
      drawn_.resize(active_.size());
      session_.step(slots_, tokens_, draws_, drawn_);
      return true;
    }
    return false;
  }

  void draw_all() {
    std::size_t const n = active_.size();
    drawn_.resize(n);
    auto const draw_part = [&](std::size_t part) {
      std::size_t const parts = samplers_.size();
      for (std::size_t i = n * part / parts; i < n * (part + 1) / parts; ++i) {
        drawn_[i] = draw(job_, active_[i], row(i), samplers_[part]);
      }
    };
    if (pool_ == nullptr) return draw_part(0);
    pool_->parallel_for(samplers_.size(), draw_part);
  }

  // ---- what the caller has ended

  [[nodiscard]] bool has_ended(std::size_t request) const {
    return job_.options.early_end != nullptr && job_.options.early_end->has_ended(request);
  }

  void deliver_ended(RunningCompletion&& running) {
    running.completion.finish = Finish::Ended;
    job_.outlet.deliver(running.request, running.sample, std::move(running.completion));
  }

  void never_begin(GenerationUnit const& unit) {
    for (std::uint32_t i = 0; i < unit.count; ++i)
      deliver_ended({.request = unit.request, .sample = unit.first + i, .completion = {}, .text = {}});
  }

  // Completions of requests that were ended since the last look leave their places.
  void end_early() {
    if (job_.options.early_end == nullptr) return;
    std::size_t const count = job_.options.early_end->count();
    if (count == ended_) return;
    ended_ = count;
    auto const is_ended = [&](std::size_t request) { return has_ended(request); };
    auto const goes_on = [&](Active const& active) { return !has_ended(active.request); };
    auto const running = std::stable_partition(active_.begin(), active_.end(), goes_on);
    for (auto at = running; at != active_.end(); ++at) {
      session_.release(at->slot);
      deliver_ended(std::move(*at));
    }
    active_.erase(running, active_.end());
    auto const waiting = std::stable_partition(interrupted_.begin(), interrupted_.end(), goes_on);
    for (auto at = waiting; at != interrupted_.end(); ++at) deliver_ended(std::move(*at));
    interrupted_.erase(waiting, interrupted_.end());
    prompts_.remove(is_ended, [&](EnteringSequence<Slot>&& entering) {
      if (entering.resumed) return deliver_ended(std::move(*entering.resumed));
      never_begin(entering.unit);
    });
    if (open_ && has_ended(open_->request)) forget_open();
  }

  // ---- memory

  // Room for one more token of every sequence: the oldest at least stay.
  void make_room() {
    if constexpr (paged) {
      if (!bounded_) return;
      auto const pages = [&] {
        std::size_t sum = 0;
        for (Active const& active : active_) sum += session_.extend_pages(active.slot, 1);
        return sum;
      };
      while (pages() > session_.free_pages()) {
        if (give_up(0)) continue;
        if (active_.size() == 1) return;  // it fits: alone every sequence does
        session_.release(active_.back().slot);
        interrupted_.push_front(std::move(active_.back()));
        active_.pop_back();
        ++interruptions_;
      }
    }
  }

  // Gives up something that can be computed again, but not the first `keep` that enter. False: there is nothing.
  bool give_up(std::size_t keep) { return forget_open() || prompts_.forget_beginning() || prompts_.give_up(keep); }

  [[nodiscard]] bool fork_fits(Slot slot) const {
    if constexpr (paged) return session_.fork_pages(slot) <= session_.free_pages();
    return true;
  }

  // False where there is none.
  bool forget_open() {
    if (!open_) return false;
    session_.release(open_->slot);
    open_.reset();
    return true;
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
  bool bounded_ = false;                // the session's pages are
  std::vector<TokenSampler> samplers_;  // one for each thread that draws
  std::vector<Active> active_;          // the oldest first
  EnteringPrompts<Session> prompts_;
  std::deque<Active> interrupted_;
  std::optional<OpenSequence<Slot>> open_;
  LengthEstimate lengths_;
  std::size_t interruptions_ = 0;
  std::size_t ended_ = 0;  // requests that the caller has ended, when they were last looked for
  std::vector<float> logits_;
  std::vector<SampledToken> drawn_;
  std::vector<Draw> draws_;
  std::vector<Slot> slots_;
  std::vector<TokenId> tokens_;
};

}  // namespace grove::nn::cpu::detail
