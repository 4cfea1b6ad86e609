// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/thread_pool.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

#include <string>
#include <system_error>
#include <utility>

#include "grove/error.hpp"

namespace grove::nn::cpu {
namespace {

constexpr std::uint32_t open_bit = 1U << 31U;
constexpr std::size_t most_threads = 1024;
constexpr int spins = 1000;  // of a pause of 10 to 40 ns: below the price of one futex sleep and wake

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Spins for a bounded time, then sleeps, until the value is no longer `old`.
void wait_for_change(std::atomic<std::uint32_t> const& value, std::uint32_t old) noexcept {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}

#if defined(__linux__)
int this_cpu() noexcept { return sched_getcpu(); }

// Takes the calling thread to another processor, if it may run on more than one, and leaves it free to move again.
void move_off(int cpu) noexcept {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || CPU_COUNT(&allowed) < 2) return;
  cpu_set_t others = allowed;
  CPU_CLR(static_cast<std::size_t>(cpu), &others);
  if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof(others), &others) == 0)
    sched_setaffinity(0, sizeof(allowed), &allowed);
}
#else
int this_cpu() noexcept { return -1; }
void move_off(int) noexcept {}
#endif

}  // namespace

ThreadPool::ThreadPool(std::size_t threads) {
  if (threads < 1 || threads > most_threads)
    throw Error("ThreadPool", std::to_string(threads) + " threads", "1 to " + std::to_string(most_threads));
  try {
    workers_.reserve(threads - 1);
    for (std::size_t i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
  } catch (std::system_error const& error) {
    stop();
    throw Error("ThreadPool", std::string("the system starts no more threads (") + error.what() + ")",
                std::to_string(threads) + " threads", "use fewer threads");
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() noexcept {
  stopping_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void ThreadPool::run(std::size_t tasks, Call call, void const* context) {
  call_ = call;
  context_ = context;
  tasks_ = tasks;
  error_ = nullptr;
  failed_.store(false, std::memory_order_relaxed);
  next_.store(0, std::memory_order_relaxed);
  caller_cpu_ = this_cpu();
  attendance_.store(open_bit, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  take_tasks();
  close();
  std::exception_ptr error = std::exchange(error_, nullptr);
  busy_.store(false, std::memory_order_release);
  if (error) std::rethrow_exception(error);
}

void ThreadPool::work() {
  std::uint32_t seen = 0;
  for (;;) {
    wait_for_change(generation_, seen);
    seen = generation_.load(std::memory_order_acquire);
    if (stopping_.load(std::memory_order_relaxed)) return;
    if (join()) {
      int const cpu = caller_cpu_;
      bool const shared = cpu >= 0 && cpu == this_cpu();
      take_tasks();
      leave();
      // Only now: nobody waits for this worker while it queues for the other processor.
      if (shared) move_off(cpu);
    }
  }
}

void ThreadPool::take_tasks() noexcept {
  for (;;) {
    std::size_t const task = next_.fetch_add(1, std::memory_order_relaxed);
    if (task >= tasks_) return;
    try {
      call_(context_, task);
    } catch (...) {
      next_.store(tasks_, std::memory_order_relaxed);
      if (!failed_.exchange(true, std::memory_order_relaxed)) error_ = std::current_exception();
    }
  }
}

// A worker enters only while the loop is open, so that the caller can close it without waiting for late sleepers.
bool ThreadPool::join() noexcept {
  std::uint32_t attendance = attendance_.load(std::memory_order_relaxed);
  while ((attendance & open_bit) != 0) {
    if (attendance_.compare_exchange_weak(attendance, attendance + 1, std::memory_order_acquire,
                                          std::memory_order_relaxed))
      return true;
  }
  return false;
}

void ThreadPool::leave() noexcept {
  if (attendance_.fetch_sub(1, std::memory_order_release) == 1) attendance_.notify_one();
}

void ThreadPool::close() noexcept {
  std::uint32_t inside = attendance_.fetch_and(~open_bit, std::memory_order_acq_rel) & ~open_bit;
  while (inside != 0) {
    wait_for_change(attendance_, inside);
    inside = attendance_.load(std::memory_order_acquire);
  }
}

}  // namespace grove::nn::cpu
