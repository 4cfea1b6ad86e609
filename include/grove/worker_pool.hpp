// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace grove {

/// Threads that are kept from one call to the next. They start at the first call that has work for them.
class WorkerPool {
 public:
  /// `threads` with the caller's own; 0 counts as 1.
  explicit WorkerPool(std::size_t threads = std::thread::hardware_concurrency())
      : threads_(std::max<std::size_t>(threads, 1)) {}

  std::size_t threads() const { return threads_; }

  /// f(i) for i in [0, n), on the threads of the pool and the caller's; returns when all are done. The first exception
  /// is rethrown, and what had not begun by then is left out. One call at a time.
  template <class F>
  void for_each(std::size_t n, F const& f) {
    std::atomic<std::size_t> next = 0;
    std::exception_ptr error;
    std::mutex mutex;
    auto const work = [&] {
      try {
        for (std::size_t i; (i = next.fetch_add(1)) < n;) f(i);
      } catch (...) {
        std::scoped_lock lock(mutex);
        if (!error) error = std::current_exception();
        next = n;
      }
    };
    if (threads_ == 1 || n < 2) {
      work();
    } else {
      if (!crew_) crew_ = std::make_unique<Crew>(threads_ - 1);
      crew_->run(work);
    }
    if (error) std::rethrow_exception(error);
  }

 private:
  /// Lies still while the pool that owns it is moved.
  class Crew {
   public:
    explicit Crew(std::size_t helpers) {
      for (std::size_t i = 0; i < helpers; ++i) helpers_.emplace_back([this] { wait_for_work(); });
    }
    ~Crew() {
      std::scoped_lock lock(mutex_);
      leave_ = true;
      called_.notify_all();
    }
    Crew(Crew const&) = delete;
    Crew& operator=(Crew const&) = delete;

    /// Every helper and the caller run `work` once; it must not throw.
    void run(std::function<void()> const& work) {
      {
        std::scoped_lock lock(mutex_);
        work_ = &work;
        busy_ = helpers_.size();
        ++call_;
        called_.notify_all();
      }
      work();
      std::unique_lock lock(mutex_);
      done_.wait(lock, [&] { return busy_ == 0; });
    }

   private:
    void wait_for_work() {
      std::unique_lock lock(mutex_);
      for (std::uint64_t seen = 0;;) {
        called_.wait(lock, [&] { return leave_ || call_ != seen; });
        if (leave_) return;
        seen = call_;
        auto const& work = *work_;
        lock.unlock();
        work();
        lock.lock();
        if (--busy_ == 0) done_.notify_one();
      }
    }

    std::mutex mutex_;
    std::condition_variable called_, done_;
    std::function<void()> const* work_ = nullptr;
    std::size_t busy_ = 0;
    std::uint64_t call_ = 0;
    bool leave_ = false;
    std::vector<std::jthread> helpers_;  // last: joined before the rest goes
  };

  std::size_t threads_;
  std::unique_ptr<Crew> crew_{};
};

}  // namespace grove
