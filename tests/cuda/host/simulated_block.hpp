// SPDX-License-Identifier: Apache-2.0
// A block of a device on the host: its threads run one after another, each until it waits for the others. In which
// order is the test's choice, so what depends on an order shows: a result that differs between two of them is a race.
#pragma once

#include <ucontext.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

namespace grove::cuda::test {

enum class Order { Forward, Backward };

class SimulatedBlock {
 public:
  /// What a kernel's arithmetic gets: team.hpp.
  class Thread {
   public:
    Thread(SimulatedBlock& block, unsigned rank) : block_(&block), rank_(rank) {}
    [[nodiscard]] unsigned rank() const { return rank_; }
    [[nodiscard]] unsigned size() const { return static_cast<unsigned>(block_->threads_.size()); }
    static constexpr unsigned lanes() { return 32; }
    void sync() const { block_->yield(rank_); }
    template <class X>
    X exchange(X x, unsigned mask) const {
      static_assert(sizeof(X) <= sizeof(Slot));
      std::memcpy(block_->slots_[rank_].data(), &x, sizeof x);
      sync();
      std::memcpy(&x, block_->slots_[rank_ ^ mask].data(), sizeof x);
      sync();
      return x;
    }
    template <class X>
    void add(X& to, X x) const {
      to += x;
    }

   private:
    SimulatedBlock* block_;
    unsigned rank_;
  };

  explicit SimulatedBlock(unsigned threads, Order order = Order::Forward)
      : threads_(threads), slots_(threads), order_(order) {
    for (auto& thread : threads_) thread.stack = std::make_unique<char[]>(stack_bytes);
  }

  /// Runs f(thread) in every thread. False where some ended while others waited for them.
  bool run(std::function<void(Thread const&)> const& f) {
    f_ = &f;
    for (unsigned i = 0; i < threads_.size(); ++i) start(i);
    for (;;) {
      std::size_t ended = 0;
      for (unsigned i = 0; i < threads_.size(); ++i) {
        auto const next = order_ == Order::Forward ? i : static_cast<unsigned>(threads_.size()) - 1 - i;
        swapcontext(&scheduler_, &threads_[next].context);
        ended += threads_[next].ended ? 1 : 0;
      }
      if (ended == threads_.size()) return true;
      if (ended > 0) return false;
    }
  }

 private:
  static constexpr std::size_t stack_bytes = std::size_t{64} << 10U;
  using Slot = std::array<std::byte, 16>;
  struct State {
    ucontext_t context{};
    std::unique_ptr<char[]> stack;
    bool ended = false;
  };

  void start(unsigned i) {
    auto& thread = threads_[i];
    thread.ended = false;
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.get();
    thread.context.uc_stack.ss_size = stack_bytes;
    thread.context.uc_link = &scheduler_;
    auto const self = reinterpret_cast<std::uintptr_t>(this);
    makecontext(&thread.context, reinterpret_cast<void (*)()>(&enter), 3, static_cast<unsigned>(self >> 32U),
                static_cast<unsigned>(self), i);
  }
  static void enter(unsigned high, unsigned low, unsigned rank) {
    auto* const self = reinterpret_cast<SimulatedBlock*>(std::uintptr_t{high} << 32U | low);
    (*self->f_)(Thread(*self, rank));
    self->threads_[rank].ended = true;
  }
  void yield(unsigned rank) { swapcontext(&threads_[rank].context, &scheduler_); }

  std::vector<State> threads_;
  std::vector<Slot> slots_;
  Order order_;
  ucontext_t scheduler_{};
  std::function<void(Thread const&)> const* f_ = nullptr;
};

}  // namespace grove::cuda::test
