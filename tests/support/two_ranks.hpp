// SPDX-License-Identifier: Apache-2.0
// Two ranks in one process: threads that add up what they hold. A rank that fails, or waits for one that has finished,
// gets an exception instead of waiting for ever.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <span>
#include <stdexcept>
#include <thread>
#include <vector>

namespace test {

class Exchange {
 public:
  void all_reduce(std::span<double> values) {
    std::unique_lock lock(mutex_);
    auto const round = round_;
    auto& sum = sums_[round % 2];  // the other rank may begin the next round before this one has read its sum
    if (!waits_) {
      waits_ = true;
      sum.assign(values.begin(), values.end());
      if (!changed_.wait_for(lock, std::chrono::seconds(20), [&] { return round_ != round || left_; }) ||
          round_ == round)
        throw std::runtime_error("the other rank does not take part");
    } else {
      if (sum.size() != values.size()) throw std::runtime_error("ranks add up different numbers of values");
      for (std::size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
      waits_ = false;
      ++round_;
      changed_.notify_all();
    }
    std::copy(sum.begin(), sum.end(), values.begin());
  }

  void leave() {
    std::lock_guard const lock(mutex_);
    left_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<std::vector<double>, 2> sums_;
  std::size_t round_ = 0;
  bool waits_ = false, left_ = false;
};

/// grove::Communicator of one of two ranks.
class Rank {
 public:
  Rank(std::size_t rank, Exchange& exchange) : rank_(rank), exchange_(&exchange) {}
  std::size_t rank() const { return rank_; }
  std::size_t size() const { return 2; }
  void all_reduce_sum(std::span<double> values) { exchange_->all_reduce(values); }

 private:
  std::size_t rank_;
  Exchange* exchange_;
};

/// f(rank) on two threads; throws what the first rank that failed threw.
template <class F>
void on_two_ranks(F const& f) {
  Exchange exchange;
  std::exception_ptr errors[2];
  auto const run = [&](std::size_t i) {
    try {
      Rank rank(i, exchange);
      f(rank);
    } catch (...) {
      errors[i] = std::current_exception();
    }
    exchange.leave();
  };
  std::thread other([&] { run(1); });
  run(0);
  other.join();
  for (auto const& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace test
