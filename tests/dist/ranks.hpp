// SPDX-License-Identifier: Apache-2.0
// Ranks of a ProcessGroup as threads of this process, which speak over sockets as processes do.
#pragma once

#include <chrono>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "grove/dist/process_group.hpp"

namespace test {

/// f(group) on each rank; what each rank threw, or nothing.
template <class F>
std::vector<std::string> on_ranks(std::size_t size, std::chrono::milliseconds deadline, F const& f) {
  grove::RankStore const store;
  std::vector<std::string> errors(size);
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      try {
        grove::ProcessGroup group({.rank = rank,
                                   .size = size,
                                   .local_rank = rank,
                                   .local_size = size,
                                   .port = store.port(),
                                   .store_is_there = true},
                                  deadline);
        f(group);
      } catch (std::exception const& e) {
        errors[rank] = e.what();
      }
    });
  for (auto& thread : threads) thread.join();
  return errors;
}

inline bool all_went_well(std::vector<std::string> const& errors) {
  for (auto const& error : errors)
    if (!error.empty()) return false;
  return true;
}

}  // namespace test
