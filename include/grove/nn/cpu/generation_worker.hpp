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
#include "grove/nn/cpu/generation_checks.hpp"
#include "grove/nn/cpu/generation_completion.hpp"
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
        samplers_(pool == nullptr ? 1 : pool->size(), TokenSampler(job.options.sampling)) {
    if constexpr (paged) bounded_ = session.free_pages() != static_cast<std::size_t>(-1);
  }

  /// Works until the queue is empty and its own sequences have ended, or another worker failed. After an exception the
  /// session still holds sequences.
  void run() {
    try {
      while (!job_.failed.load(std::memory_order_relaxed)) {
        admit();
        if (active_.empty() && entering_.empty()) break;
        prefill();
        if (!active_.empty()) step();
      }
      forget(open_);
      forget(beginning_);
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
  using Entering = EnteringSequence<Slot>;

  // ---- who runs

  // Takes interrupted sequences and then samples from the queue, as far as there is room.
  void admit() {
    std::size_t taken = active_.size();
    for (Entering const& entering : entering_) taken += entering.samples();
    while (taken < width_) {
      if (!interrupted_.empty()) {
        if (!has_room(interrupted_.front())) return;
        entering_.push_back({.resumed = std::move(interrupted_.front())});
        interrupted_.pop_front();
        ++taken;
        continue;
      }
      auto const unit =
          bounded_ ? job_.queue.take(width_ - taken, [&](std::size_t request,
                                                         std::size_t left) { return samples_with_room(request, left); })
                   : job_.queue.take(width_ - taken);
      if (!unit) {
        if (job_.queue.empty()) forget(open_);
        return;
      }
      std::size_t const running = active_.size();
      if (open_ && open_->request == unit->request) {
        begin(*unit, open_->logits, open_->slot);
        if (unit->last) open_.reset();
        taken += active_.size() - running;
      } else {
        enter(*unit);
        taken += unit->count;
      }
    }
  }

  // Samples that go on where the last unit ends join it; another worker may have taken some in between.
  void enter(GenerationUnit const& unit) {
    GenerationUnit* const last = entering_.empty() || entering_.back().resumed ? nullptr : &entering_.back().unit;
    if (last == nullptr || last->request != unit.request || last->first + last->count != unit.first) {
      return entering_.push_back({.unit = unit});
    }
    last->count += unit.count;
    last->last = unit.last;
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
    for (Entering const& entering : entering_) {
      std::size_t const shared = (prompt(entering.request()).size() + entering.sampled()) / KvShape::page_tokens;
      std::size_t const there = entering.slot ? KvShape::pages(entering.done) : beginning_pages(entering.request());
      take(shared - std::min(shared, there));
      take(entering.samples() * (expected_pages(entering.request(), entering.sampled()) - shared));
    }
    return spare;
  }

  [[nodiscard]] bool has_room(Active const& interrupted) const {
    if (active_.empty() && entering_.empty()) return true;
    return expected_pages(interrupted.request, interrupted.completion.tokens.size()) <= spare_pages();
  }

  // At least one where nothing else runs: alone every sequence has room.
  [[nodiscard]] std::size_t samples_with_room(std::size_t request, std::size_t left) const {
    bool const there = (open_ && open_->request == request) ||
                       (!entering_.empty() && !entering_.back().resumed && entering_.back().unit.request == request);
    std::size_t const spare = spare_pages();
    std::size_t const full = prompt(request).size() / KvShape::page_tokens;
    std::size_t const shared = there ? 0 : full - std::min(full, beginning_pages(request));
    std::size_t const each = expected_pages(request, 0) - full;
    std::size_t const count = spare <= shared ? 0 : (spare - shared) / std::max<std::size_t>(1, each);
    return std::min(left, std::max<std::size_t>(count, active_.empty() && entering_.empty() ? 1 : 0));
  }

  // ---- prompts

  [[nodiscard]] std::span<TokenId const> prompt(std::size_t request) const { return job_.requests[request].prompt; }
  [[nodiscard]] PromptFamily family(std::size_t request) const {
    return job_.families.empty() ? PromptFamily{request, 0} : job_.families[request];
  }
  [[nodiscard]] std::size_t beginning_pages(std::size_t request) const {
    PromptFamily const of = family(request);
    return beginning_ && of.shared > 0 && beginning_->request == of.first ? of.shared / KvShape::page_tokens : 0;
  }
  [[nodiscard]] std::size_t length(Entering const& entering) const {
    return prompt(entering.request()).size() + entering.sampled();
  }

  // A chunk of what enters goes through the network; what is complete begins.
  void prefill() {
    if (entering_.empty()) return;
    std::size_t pieces = collect_pieces();
    while (pieces == 0) {
      if (!active_.empty()) return;  // their end makes room
      if (!give_up(1)) throw Error("GenerationWorker", "a sequence that does not fit alone");
      pieces = collect_pieces();
    }
    Entering const& last = entering_[pieces - 1];
    std::size_t const complete = last.done == length(last) ? pieces : pieces - 1;
    if constexpr (paged) {
      session_.append({.tokens = tokens_, .cu_seqlens = starts_}, slots_, logits(complete));
    } else {
      slots_.resize(pieces);
      session_.prefill({.tokens = tokens_, .cu_seqlens = starts_}, slots_, logits(complete));
    }
    for (std::size_t i = 0; i < complete; ++i) {
      Entering const entered = std::move(entering_.front());
      entering_.pop_front();
      if (entered.resumed) {
        resume(*entered.resumed, row(i), slots_[i]);
      } else {
        if (!entered.unit.last) {
          forget(open_);
          open_ = OpenSequence<Slot>{entered.unit.request, slots_[i], {row(i).begin(), row(i).end()}};
        }
        begin(entered.unit, row(i), slots_[i]);
      }
    }
    if (complete < pieces) keep_beginning(entering_.front());
  }

  // The tokens of a chunk, from the first that enter; returns how many of those have a part in it.
  std::size_t collect_pieces() {
    tokens_.clear();
    starts_.assign(1, 0);
    slots_.clear();
    std::size_t pages = 0;
    for (Entering& entering : entering_) {
      if (tokens_.size() >= job_.options.prefill_chunk) break;
      std::size_t end = length(entering);
      bool leads = false;  // the first of its family: the others wait for what they share
      if constexpr (paged) {
        if (!open_slot(entering, pages)) break;
        leads = entering.done < family(entering.request()).shared;
        if (leads) end = family(entering.request()).shared;
        end = std::min(end, entering.done + job_.options.prefill_chunk - tokens_.size());
        pages += session_.extend_pages(*entering.slot, end - entering.done);
        if (pages > session_.free_pages()) break;
        slots_.push_back(*entering.slot);
      }
      add_tokens(entering, end);
      if (leads) break;
    }
    return starts_.size() - 1;
  }

  // False where there is no room.
  bool open_slot(Entering& entering, std::size_t pages) {
    if (entering.slot) return true;
    PromptFamily const of = family(entering.request());
    if (of.shared == 0 || !beginning_ || beginning_->request != of.first) {
      entering.slot = session_.open();
      return true;
    }
    if (pages + session_.fork_pages(beginning_->slot) > session_.free_pages()) return false;
    entering.slot = session_.fork(beginning_->slot);
    entering.done = of.shared;
    return true;
  }

  void add_tokens(Entering& entering, std::size_t end) {
    auto const first = prompt(entering.request());
    for (std::size_t i = entering.done; i < std::min(end, first.size()); ++i) tokens_.push_back(first[i]);
    for (std::size_t i = std::max(entering.done, first.size()); i < end; ++i) {
      tokens_.push_back(entering.resumed->completion.tokens[i - first.size()]);
    }
    starts_.push_back(tokens_.size());
    entering.done = end;
  }

  // Keeps what a family has in common once its first member has come so far.
  void keep_beginning(Entering const& entering) {
    if constexpr (paged) {
      PromptFamily const of = family(entering.request());
      if (of.shared == 0 || entering.done != of.shared) return;
      forget(beginning_);
      if (session_.fork_pages(*entering.slot) > session_.free_pages()) return;
      beginning_ = OpenSequence<Slot>{of.first, session_.fork(*entering.slot)};
    }
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
    session_.step(slots_, tokens_, logits(active_.size()));
    draw_all();
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
  bool give_up(std::size_t keep) {
    if (open_ || beginning_) {
      forget(open_ ? open_ : beginning_);
      return true;
    }
    for (std::size_t i = entering_.size(); i-- > keep;) {
      if (!entering_[i].slot) continue;
      session_.release(*entering_[i].slot);
      entering_[i].slot.reset();
      entering_[i].done = 0;
      return true;
    }
    return false;
  }

  [[nodiscard]] bool fork_fits(Slot slot) const {
    if constexpr (paged) return session_.fork_pages(slot) <= session_.free_pages();
    return true;
  }

  void forget(std::optional<OpenSequence<Slot>>& prompt) {
    if (prompt) session_.release(prompt->slot);
    prompt.reset();
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
  std::deque<Entering> entering_;
  std::deque<Active> interrupted_;
  std::optional<OpenSequence<Slot>> open_;
  std::optional<OpenSequence<Slot>> beginning_;
  LengthEstimate lengths_;
  std::size_t interruptions_ = 0;
  std::vector<float> logits_;
  std::vector<SampledToken> drawn_;
  std::vector<Slot> slots_;
  std::vector<TokenId> tokens_;
  std::vector<std::size_t> starts_;
};

}  // namespace grove::nn::cpu::detail
