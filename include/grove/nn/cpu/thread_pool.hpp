// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace grove::nn::cpu {

/// A fixed set of threads that share loops. The calling thread is one of them, so a pool of one starts no thread.
///
/// Idle workers spin for some ten microseconds (the usual gap between two operations of a network) and then sleep on a
/// futex. An unbounded spin, which is OpenMP's habit, makes a second busy process on the same cores cost up to 50
/// times: the spinning thread uses up the time slice of the one that has work. For the same reason the caller never
/// waits for a worker that has not woken up yet: it does all the tasks itself if it must, and waits only for tasks
/// already begun.
class ThreadPool {
 public:
  /// Throws grove::Error for zero threads or more than 1024, or when the system refuses a thread.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(ThreadPool const&) = delete;
  ThreadPool& operator=(ThreadPool const&) = delete;

  /// How many threads work on a loop, the caller included.
  [[nodiscard]] std::size_t size() const noexcept { return workers_.size() + 1; }

  /// Calls f(task) once for each task in [0, tasks), on any thread and in any order, and returns when all are done.
  /// After an exception no further task begins and the first one is rethrown here. A call that finds the pool busy (a
  /// nested one, or one from another thread) runs on the calling thread alone.
  template <class F>
  void parallel_for(std::size_t tasks, F&& f) {
    if (tasks > 1 && !workers_.empty() && !busy_.exchange(true, std::memory_order_acquire)) {
      using Function = std::remove_reference_t<F>;
      auto call = [](void const* context, std::size_t task) {
        (*static_cast<Function*>(const_cast<void*>(context)))(task);
      };
      run(tasks, call, std::addressof(f));
    } else {
      for (std::size_t task = 0; task < tasks; ++task) f(task);
    }
  }

 private:
  using Call = void (*)(void const* context, std::size_t task);

  void run(std::size_t tasks, Call call, void const* context);
  void work();
  void take_tasks() noexcept;
  bool join() noexcept;
  void leave() noexcept;
  void close() noexcept;
  void stop() noexcept;

  // The loop under way: written by the caller while the loop is closed and nobody is in it.
  Call call_ = nullptr;
  void const* context_ = nullptr;
  std::size_t tasks_ = 0;
  int caller_cpu_ = -1;
  std::exception_ptr error_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> busy_{false};

  alignas(64) std::atomic<std::size_t> next_{0};          // the first task that nobody has taken
  alignas(64) std::atomic<std::uint32_t> generation_{0};  // counts the loops; idle workers sleep on it
  alignas(64) std::atomic<std::uint32_t> attendance_{0};  // open bit and the number of workers inside
  std::vector<std::thread> workers_;
};

}  // namespace grove::nn::cpu
