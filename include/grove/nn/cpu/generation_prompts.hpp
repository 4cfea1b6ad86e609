// SPDX-License-Identifier: Apache-2.0
// The prompts of one thread's decode loop on their way through the network: in chunks, and what neighbours have in
// common only once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "grove/nn/cpu/generation_queue.hpp"
#include "grove/nn/cpu/generation_sequences.hpp"
#include "grove/nn/cpu/kv_cache.hpp"

namespace grove::nn::cpu::detail {

/// What enters, in its order. A prompt stands for the samples that begin after it, or for a completion that was
/// interrupted and goes on.
template <class Session>
class EnteringPrompts {
 public:
  using Slot = typename Session::Slot;
  using Entering = EnteringSequence<Slot>;
  static constexpr bool paged = PagedSession<Session>;

  EnteringPrompts(Session& session, GenerationJob const& job) : session_(session), job_(job) {}

  [[nodiscard]] bool empty() const noexcept { return entering_.empty(); }
  [[nodiscard]] std::deque<Entering> const& all() const noexcept { return entering_; }
  [[nodiscard]] std::size_t samples() const {
    std::size_t sum = 0;
    for (Entering const& entering : entering_) sum += entering.samples();
    return sum;
  }
  /// Whether further samples of the request would join the last that enters.
  [[nodiscard]] bool ends_with(std::size_t request) const {
    return !entering_.empty() && !entering_.back().resumed && entering_.back().unit.request == request;
  }
  /// Pages of the request's prompt that are computed for its family.
  [[nodiscard]] std::size_t beginning_pages(std::size_t request) const {
    PromptFamily const of = family(request);
    return beginning_ && of.shared > 0 && beginning_->request == of.first ? of.shared / KvShape::page_tokens : 0;
  }

  void add(ActiveSequence<Slot>&& interrupted) { entering_.push_back({.resumed = std::move(interrupted)}); }

  /// Samples that go on where the last unit ends join it; another worker may have taken some in between.
  void add(GenerationUnit const& unit) {
    GenerationUnit* const last = ends_with(unit.request) ? &entering_.back().unit : nullptr;
    if (last == nullptr || last->first + last->count != unit.first) return entering_.push_back({.unit = unit});
    last->count += unit.count;
    last->last = unit.last;
  }

  /// Takes the tokens of the next chunk, from the first that enter; returns how many of those have a part in it.
  std::size_t collect() {
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

  /// Of so many that have a part in the chunk, those that are whole with it.
  [[nodiscard]] std::size_t complete(std::size_t pieces) const {
    Entering const& last = entering_[pieces - 1];
    return last.done == length(last) ? pieces : pieces - 1;
  }

  /// The chunk goes through the network: the logits after each of those that are whole.
  void compute(std::size_t pieces, std::span<float> logits) {
    if constexpr (paged) {
      session_.append({.tokens = tokens_, .cu_seqlens = starts_}, slots_, logits);
    } else {
      slots_.resize(pieces);
      session_.prefill({.tokens = tokens_, .cu_seqlens = starts_}, slots_, logits);
      for (std::size_t i = 0; i < pieces; ++i) entering_[i].slot = slots_[i];
    }
  }

  /// The first, which is whole, with its slot.
  Entering take() {
    Entering first = std::move(entering_.front());
    entering_.pop_front();
    return first;
  }

  /// Keeps what a family has in common once its first member, the first that enters, has come so far.
  void keep_beginning() {
    if constexpr (paged) {
      Entering const& entering = entering_.front();
      PromptFamily const of = family(entering.request());
      if (of.shared == 0 || entering.done != of.shared) return;
      forget_beginning();
      if (session_.fork_pages(*entering.slot) > session_.free_pages()) return;
      beginning_ = OpenSequence<Slot>{of.first, session_.fork(*entering.slot)};
    }
  }

  /// False where there is none.
  bool forget_beginning() {
    if (!beginning_) return false;
    session_.release(beginning_->slot);
    beginning_.reset();
    return true;
  }

  /// Gives up what the youngest has computed, but not the first `keep`. False: there is nothing.
  bool give_up(std::size_t keep) {
    for (std::size_t i = entering_.size(); i-- > keep;)
      if (close(entering_[i])) return true;
    return false;
  }

  /// Takes out those of requests that `is_ended` names, and hands them over without their slots.
  template <class IsEnded, class Take>
  void remove(IsEnded const& is_ended, Take const& take) {
    auto const goes_on = [&](Entering const& entering) { return !is_ended(entering.request()); };
    auto const end = std::stable_partition(entering_.begin(), entering_.end(), goes_on);
    for (auto at = end; at != entering_.end(); ++at) {
      close(*at);
      take(std::move(*at));
    }
    entering_.erase(end, entering_.end());
  }

 private:
  [[nodiscard]] std::span<TokenId const> prompt(std::size_t request) const { return job_.requests[request].prompt; }
  [[nodiscard]] PromptFamily family(std::size_t request) const {
    return job_.families.empty() ? PromptFamily{request, 0} : job_.families[request];
  }
  [[nodiscard]] std::size_t length(Entering const& entering) const {
    return prompt(entering.request()).size() + entering.sampled();
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

  // False where it has none.
  bool close(Entering& entering) {
    if (!entering.slot) return false;
    session_.release(*entering.slot);
    entering.slot.reset();
    entering.done = 0;
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

  Session& session_;
  GenerationJob const& job_;
  std::deque<Entering> entering_;
  std::optional<OpenSequence<Slot>> beginning_;
  std::vector<Slot> slots_;  // of the chunk's pieces
  std::vector<TokenId> tokens_;
  std::vector<std::size_t> starts_;
};

}  // namespace grove::nn::cpu::detail
