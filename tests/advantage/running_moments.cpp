// SPDX-License-Identifier: Apache-2.0
#include "grove/advantage/running_moments.hpp"

#include <cmath>
#include <mutex>
#include <vector>

#include "grove/advantage/batch_moments.hpp"
#include "helpers.hpp"

using grove::batch_moments;
using grove::RunningMoments;

TEST_CASE("running moments are those of the definition") {
  RunningMoments moments;
  CHECK(moments.mean() == 0);
  CHECK(moments.deviation(0) == 0);
  for (double const x : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) moments.add(x);
  CHECK(moments.count() == 8);
  CHECK(moments.mean() == Approx(5));
  CHECK(moments.deviation(0) == Approx(2));
  CHECK(moments.deviation(1) == Approx(std::sqrt(32.0 / 7)));
  CHECK(moments.deviation(8) == 0);
  RunningMoments far;
  for (double const x : {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}) far.add(x);
  CHECK(far.deviation(1) == Approx(std::sqrt(30.0)).epsilon(1e-9));
}

TEST_CASE("moments of parts on several ranks are those of all numbers") {
  std::vector<double> const numbers = {1e6 + 4, 1e6 + 7, 1e6 + 13, 1e6 + 16, 1e6 - 1, 1e6 + 2.5};
  RunningMoments whole;
  for (double const x : numbers) whole.add(x);
  for (std::size_t const ranks : {1u, 2u, 3u, 7u}) {  // with 7, one rank has nothing
    std::vector<std::vector<RunningMoments>> parts(ranks);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      parts[i % ranks].emplace_back();
      parts[i % ranks].back().add(numbers[i]);
      parts[i % ranks].emplace_back();  // an empty part is none
    }
    std::mutex mutex;
    std::vector<RunningMoments> results;
    test::Ranks(ranks).run([&](test::Ranks::Rank rank) {
      auto const result = batch_moments<test::Ranks::Rank>(parts[rank.rank()], rank);
      std::scoped_lock lock(mutex);
      results.push_back(result);
    });
    REQUIRE(results.size() == ranks);
    for (auto const& result : results) {
      CHECK(result.count() == 6);
      CHECK(result.mean() == Approx(whole.mean()).epsilon(1e-15));
      CHECK(result.deviation(1) == Approx(whole.deviation(1)).epsilon(1e-10));
    }
  }
}

TEST_CASE("equal numbers keep their value as mean, exactly, and have no deviation") {
  grove::Solo solo;
  for (double const x : {0.1, -1.0 / 3, 1e30, 5e-324}) {
    std::vector<RunningMoments> parts(7);
    for (std::size_t i = 0; i < parts.size(); ++i)
      for (std::size_t j = 0; j <= i; ++j) parts[i].add(x);
    auto const all = batch_moments<grove::Solo>(parts, solo);
    CHECK(all.mean() == x);
    CHECK(all.deviation(1) <= 1e-14 * std::abs(x));
  }
  CHECK(batch_moments<grove::Solo>({}, solo).count() == 0);
}
