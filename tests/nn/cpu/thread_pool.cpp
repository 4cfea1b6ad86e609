// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/thread_pool.hpp"

#include <atomic>
#include <chrono>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "grove/error.hpp"
#include "support/catch.hpp"

using grove::nn::cpu::ThreadPool;

TEST_CASE("a pool does each task exactly once", "[thread_pool]") {
  for (std::size_t threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    REQUIRE(pool.size() == threads);
    for (std::size_t tasks : {0, 1, 2, 3, 100, 1000}) {
      std::vector<std::atomic<int>> count(tasks);
      for (int round = 0; round < 20; ++round) {
        pool.parallel_for(tasks, [&](std::size_t task) { count[task].fetch_add(1); });
      }
      for (auto const& c : count) REQUIRE(c.load() == 20);
    }
  }
}

TEST_CASE("results written by a task are seen by the caller without atomics", "[thread_pool]") {
  ThreadPool pool(3);
  std::vector<std::size_t> values(64);
  for (std::size_t round = 0; round < 2000; ++round) {
    pool.parallel_for(values.size(), [&](std::size_t task) { values[task] += task + round; });
  }
  std::size_t const rounds = 2000 * 1999 / 2;
  for (std::size_t task = 0; task < values.size(); ++task) REQUIRE(values[task] == task * 2000 + rounds);
}

TEST_CASE("the caller and the workers share a loop", "[thread_pool]") {
  ThreadPool pool(2);
  // Each of the two tasks waits for the other to have begun, which takes two threads.
  std::atomic<int> begun{0};
  std::vector<std::thread::id> ids(2);
  pool.parallel_for(2, [&](std::size_t task) {
    ids[task] = std::this_thread::get_id();
    begun.fetch_add(1);
    while (begun.load() < 2) std::this_thread::yield();
  });
  CHECK(ids[0] != ids[1]);
  CHECK((ids[0] == std::this_thread::get_id() || ids[1] == std::this_thread::get_id()));
}

TEST_CASE("a worker that slept takes part in the next loop", "[thread_pool]") {
  ThreadPool pool(2);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // far beyond the spinning time
    std::atomic<int> begun{0};
    pool.parallel_for(2, [&](std::size_t) {
      begun.fetch_add(1);
      while (begun.load() < 2) std::this_thread::yield();
    });
    CHECK(begun.load() == 2);
  }
}

TEST_CASE("an exception of a task reaches the caller and ends the loop", "[thread_pool]") {
  // So many tasks that a loop which went on would not end: however long the thread of task seven is kept off its
  // processor, the call returns only if the exception ends the loop.
  constexpr std::size_t endless = std::size_t{1} << 40U;
  for (std::size_t threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 50; ++round) {
      std::string what;
      try {
        pool.parallel_for(endless, [](std::size_t task) {
          if (task == 7) throw std::runtime_error("task seven");
        });
      } catch (std::runtime_error const& error) {
        what = error.what();
      }
      CHECK(what == "task seven");
    }
    std::atomic<std::size_t> after{0};
    pool.parallel_for(10, [&](std::size_t) { after.fetch_add(1); });
    CHECK(after.load() == 10);
  }
}

TEST_CASE("the first of several exceptions is the one rethrown", "[thread_pool]") {
  ThreadPool pool(4);
  CHECK_THROWS_AS(pool.parallel_for(1000, [](std::size_t) { throw std::out_of_range("each"); }), std::out_of_range);
}

TEST_CASE("a nested call runs on the thread that makes it", "[thread_pool]") {
  ThreadPool pool(3);
  std::atomic<std::size_t> total{0};
  std::atomic<bool> elsewhere{false};
  pool.parallel_for(20, [&](std::size_t) {
    auto const self = std::this_thread::get_id();
    pool.parallel_for(20, [&](std::size_t) {
      if (std::this_thread::get_id() != self) elsewhere = true;
      total.fetch_add(1);
    });
  });
  CHECK(total.load() == 400);
  CHECK_FALSE(elsewhere.load());
}

TEST_CASE("two threads may use one pool", "[thread_pool]") {
  ThreadPool pool(3);
  std::atomic<std::size_t> total{0};
  auto const use = [&] {
    for (int round = 0; round < 500; ++round) pool.parallel_for(10, [&](std::size_t) { total.fetch_add(1); });
  };
  std::thread other(use);
  use();
  other.join();
  CHECK(total.load() == 10'000);
}

TEST_CASE("pools are made and ended without a loop, and refuse senseless sizes", "[thread_pool]") {
  for (int i = 0; i < 50; ++i) ThreadPool pool(3);
  CHECK_THROWS_AS(ThreadPool(0), grove::Error);
  CHECK_THROWS_AS(ThreadPool(1'000'000), grove::Error);
}

TEST_CASE("a function object is called in place, not copied", "[thread_pool]") {
  ThreadPool pool(2);
  struct Counter {
    std::atomic<int> calls{0};
    void operator()(std::size_t) { calls.fetch_add(1); }
  } counter;
  pool.parallel_for(10, counter);
  CHECK(counter.calls.load() == 10);
}
