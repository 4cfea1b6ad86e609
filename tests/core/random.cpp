// SPDX-License-Identifier: Apache-2.0
#include "grove/random.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/catch.hpp"

using grove::Draw;
using grove::Purpose;
using grove::RandomBits;
using grove::RandomSequence;
using grove::RandomStream;

namespace {

double chi_square(std::vector<int> const& counts, double expected) {
  double sum = 0;
  for (int const count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

}  // namespace

// Vectors of Random123 1.14 (tests/kat_vectors, lines "philox4x32 10 ...").
static_assert(grove::philox4x32({0, 0, 0, 0}, {0, 0}) == RandomBits{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
static_assert(grove::philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
              RandomBits{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
static_assert(grove::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
              RandomBits{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

static_assert(std::uniform_random_bit_generator<RandomSequence>);
static_assert(grove::to_uniform(0) == 0.0);
static_assert(grove::to_uniform(~std::uint64_t{0}) < 1.0);

TEST_CASE("a draw's bits are fixed for good") {
  // Recomputed by hand from the published bijection: key from {purpose, attempt, collection}, counter from the draw.
  RandomBits const mixed = grove::philox4x32({1, 5, 7, 1}, {42, 0});
  RandomBits const expected = grove::philox4x32({9, 3, 0xdeadbeef, 2}, {mixed[0], mixed[1]});
  RandomStream const stream({.seed = 42, .purpose = Purpose::Sampling}, (std::uint64_t{1} << 32) + 7, 5);
  CHECK(stream.bits({.index = 0x2deadbeef, .sample = 3, .token = 9}) == expected);
}

TEST_CASE("every part of the key matters") {
  std::set<RandomBits> seen;
  int keys = 0;
  auto const add = [&](std::uint64_t seed, Purpose purpose, std::uint64_t collection, std::uint32_t attempt,
                       Draw draw) {
    seen.insert(RandomStream({seed, purpose}, collection, attempt).bits(draw));
    ++keys;
  };
  std::uint64_t const high = std::uint64_t{1} << 32;
  add(0, Purpose::Sampling, 0, 0, {});
  for (std::uint64_t const value : {std::uint64_t{1}, high}) {
    add(value, Purpose::Sampling, 0, 0, {});
    add(0, Purpose::Sampling, value, 0, {});
    add(0, Purpose::Sampling, 0, 0, {.index = value});
  }
  add(0, Purpose::Shuffle, 0, 0, {});
  add(0, Purpose::Sampling, 0, 1, {});
  add(0, Purpose::Sampling, 0, 0, {.sample = 1});
  add(0, Purpose::Sampling, 0, 0, {.token = 1});
  CHECK(static_cast<int>(seen.size()) == keys);
}

TEST_CASE("uniform numbers fill their interval evenly over each coordinate of a draw") {
  RandomStream const stream({.seed = 3});
  for (std::string const coordinate : {"index", "sample", "token"}) {
    std::vector<int> counts(64);
    for (std::uint32_t i = 0; i < 64000; ++i) {
      Draw draw;
      if (coordinate == "index") draw.index = i;
      if (coordinate == "sample") draw.sample = i;
      if (coordinate == "token") draw.token = i;
      double const u = grove::uniform(stream, draw);
      REQUIRE(u >= 0.0);
      REQUIRE(u < 1.0);
      ++counts[static_cast<std::size_t>(u * 64)];
    }
    INFO(coordinate);
    CHECK(chi_square(counts, 1000) < 112);  // 63 degrees of freedom: 0.9999 quantile
    CHECK(chi_square(counts, 1000) > 28);   // 0.0001 quantile: too even is wrong as well
  }
}

TEST_CASE("normal numbers have the moments of a normal distribution") {
  RandomStream const stream({.seed = 11, .purpose = Purpose::Initialization});
  RandomSequence sequence(stream, 5);
  int constexpr n = 200000;
  for (bool const sequential : {false, true}) {
    double sum = 0, square = 0, cube = 0, fourth = 0, tail = 0;
    for (std::uint32_t i = 0; i < n; ++i) {
      double const x = sequential ? sequence.normal() : grove::normal(stream, {.token = i});
      sum += x;
      square += x * x;
      cube += x * x * x;
      fourth += x * x * x * x;
      tail += std::abs(x) > 1.959964;
    }
    INFO(sequential);  // margins: four standard errors
    CHECK(sum / n == Approx(0).margin(4 * std::sqrt(1.0 / n)));
    CHECK(square / n == Approx(1).margin(4 * std::sqrt(2.0 / n)));
    CHECK(cube / n == Approx(0).margin(4 * std::sqrt(15.0 / n)));
    CHECK(fourth / n == Approx(3).margin(4 * std::sqrt(96.0 / n)));
    CHECK(tail / n == Approx(0.05).margin(4 * std::sqrt(0.0475 / n)));
  }
  CHECK(std::isfinite(grove::to_normals({0xffffffff, 0xffffffff, 0, 0})[0]));
}

TEST_CASE("bounded integers stay in range and are unbiased") {
  RandomSequence sequence(RandomStream({.seed = 1, .purpose = Purpose::Shuffle}));
  CHECK(sequence.below(0) == 0);
  for (int i = 0; i < 100; ++i) CHECK(sequence.below(1) == 0);
  // With n = 3 * 2^30 a plain product or modulus gives the first third of the range twice the others' weight.
  std::uint32_t constexpr n = 3u << 30;
  std::vector<int> counts(3);
  for (int i = 0; i < 30000; ++i) {
    std::uint32_t const value = sequence.below(n);
    REQUIRE(value < n);
    ++counts[value >> 30];
  }
  CHECK(chi_square(counts, 10000) < 18.4);  // 2 degrees of freedom: 0.9999 quantile
  std::vector<int> residues(3);
  for (int i = 0; i < 30000; ++i) ++residues[sequence.below(n) % 3];
  CHECK(chi_square(residues, 10000) < 18.4);
}

TEST_CASE("a shuffle is a permutation, repeatable, and uniform over all orders") {
  std::vector<int> values(1000);
  std::iota(values.begin(), values.end(), 0);
  auto const shuffled = [&](std::uint64_t index) {
    std::vector<int> copy = values;
    RandomSequence sequence(RandomStream({.seed = 1, .purpose = Purpose::Shuffle}), index);
    grove::shuffle(std::span(copy), sequence);
    return copy;
  };
  CHECK(shuffled(0) == shuffled(0));
  CHECK(shuffled(0) != shuffled(1));
  CHECK(shuffled(0) != values);
  CHECK(std::ranges::is_permutation(shuffled(0), values));

  std::map<std::string, int> orders;
  for (std::uint64_t i = 0; i < 24000; ++i) {
    std::string letters = "abcd";
    RandomSequence sequence(RandomStream({.seed = 2, .purpose = Purpose::Shuffle}), i);
    grove::shuffle(std::span(letters), sequence);
    ++orders[letters];
  }
  std::vector<int> counts;
  for (auto const& [order, count] : orders) counts.push_back(count);
  REQUIRE(counts.size() == 24);
  CHECK(chi_square(counts, 1000) < 56);  // 23 degrees of freedom: 0.9999 quantile

  std::vector<int> none;
  RandomSequence sequence(RandomStream({}));
  grove::shuffle(std::span(none), sequence);
  CHECK(none.empty());
}
