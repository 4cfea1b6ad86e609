// SPDX-License-Identifier: Apache-2.0
#include "grove/dist/process_group.hpp"

#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "dist/ranks.hpp"
#include "grove/random.hpp"
#include "support/catch.hpp"

using namespace grove;
using namespace std::chrono_literals;

TEST_CASE("one process needs no others") {
  ProcessGroup group;
  std::array values = {1.0, 2.0};
  group.all_reduce_sum(values);
  group.phase("gather");
  group.fail("nothing");
  CHECK(group.size() == 1);
  CHECK(group.rank() == 0);
  CHECK(values == std::array{1.0, 2.0});
}

TEST_CASE("every rank has the same sum, bit for bit, and again in the next run") {
  for (std::size_t const size : {2, 4}) {
    auto const sums = [&] {
      std::vector<std::vector<double>> all(size);
      auto const errors = test::on_ranks(size, 20s, [&](ProcessGroup& group) {
        RandomSequence random(RandomStream({.seed = 3}), group.rank());
        std::vector<double> values(5000);
        for (double& x : values) x = random.uniform() - 0.5;
        values[0] = static_cast<double>(group.rank() + 1);
        group.all_reduce_sum(values);
        all[group.rank()] = values;
      });
      REQUIRE(test::all_went_well(errors));
      return all;
    };
    auto const first = sums(), second = sums();
    CHECK(first[0][0] == static_cast<double>(size * (size + 1) / 2));
    for (std::size_t rank = 0; rank < size; ++rank) {
      CHECK(first[rank] == first[0]);
      CHECK(second[rank] == first[0]);
    }
  }
}

TEST_CASE("a broadcast gives all ranks the bytes of one") {
  auto const errors = test::on_ranks(3, 20s, [](ProcessGroup& group) {
    auto number = static_cast<std::uint64_t>(group.rank());
    group.broadcast(std::as_writable_bytes(std::span(&number, 1)), 2);
    if (number != 2) throw std::runtime_error("got " + std::to_string(number));
  });
  CHECK(test::all_went_well(errors));
}

TEST_CASE("a rank that throws is named with its phase and cause, at once") {
  auto const start = std::chrono::steady_clock::now();
  auto const errors = test::on_ranks(3, 20s, [](ProcessGroup& group) {
    group.phase("gather of step 7");
    if (group.rank() == 1) {
      group.fail("reward accuracy: a bad gold answer");
      throw std::runtime_error("own");
    }
    double x = 1;
    group.all_reduce_sum(std::span(&x, 1));
  });
  CHECK(std::chrono::steady_clock::now() - start < 15s);
  for (std::size_t const rank : {0, 2}) {
    INFO(errors[rank]);
    CHECK(errors[rank].find("rank " + std::to_string(rank) + ", phase gather of step 7") == 0);
    CHECK(errors[rank].find("rank 1 stopped in phase gather of step 7: reward accuracy: a bad gold answer") !=
          std::string::npos);
  }
}

TEST_CASE("a rank that hangs is named within the deadline") {
  auto const start = std::chrono::steady_clock::now();
  auto const errors = test::on_ranks(3, 2s, [&](ProcessGroup& group) {
    group.phase(group.rank() == 2 ? "gather of step 1" : "update of step 1");
    if (group.rank() == 2) {
      std::this_thread::sleep_for(6s);
      return;
    }
    double x = 1;
    group.all_reduce_sum(std::span(&x, 1));
  });
  for (std::size_t const rank : {0, 1}) {
    INFO(errors[rank]);
    CHECK(errors[rank].find("rank 2 lives and did not come, last seen in phase gather of step 1") != std::string::npos);
    CHECK(errors[rank].find("expected all ranks to come within 2 s") != std::string::npos);
  }
  CHECK(std::chrono::steady_clock::now() - start < 12s);
}

TEST_CASE("ranks that nobody starts are missed") {
  RankStore const store;
  try {
    ProcessGroup const group({.rank = 0, .size = 2, .port = store.port(), .store_is_there = true}, 1s);
    FAIL("a group of one of two ranks");
  } catch (std::exception const& e) {
    std::string const message = e.what();
    CHECK(message.find("rank 0 of 2, start: the ranks did not meet at 127.0.0.1:") == 0);
    CHECK(message.find("see whether every rank was started") != std::string::npos);
  }
}

TEST_CASE("ranks that are threads of one process begin their collectives at once") {
  for (int i = 0; i < 12; ++i) {
    auto const errors = test::on_ranks(4, 60s, [&](ProcessGroup& group) {
      std::array one = {1.0};
      group.all_reduce_sum(one);
      if (one[0] != 4) throw std::runtime_error("the sum is " + std::to_string(one[0]));
    });
    for (auto const& error : errors) CHECK(error.empty());
  }
}
