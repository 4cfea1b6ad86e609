// SPDX-License-Identifier: Apache-2.0
#include "grove/objective/aggregate.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace grove;

namespace {

constexpr Denominators some{.micro_batch = {.sequences = 2, .tokens = 10},
                            .data_parallel = {.sequences = 4, .tokens = 30},
                            .window = {.sequences = 16, .tokens = 100},
                            .micro_batches = 3,
                            .ranks = 2};

/// The micro-batches of two ranks: the lengths of their sequences.
using Lengths = std::vector<double>;
std::vector<std::vector<Lengths>> const ranks = {{{3, 5}, {2, 8, 1}}, {{4}, {6, 6}}};

Counts counts(Lengths const& lengths) {
  Counts c{.sequences = static_cast<double>(lengths.size())};
  for (double n : lengths) c.tokens += n;
  return c;
}

Counts operator+(Counts a, Counts b) { return {a.sequences + b.sequences, a.tokens + b.tokens}; }

/// What the ranks' sums come to when every token's loss is the length of its sequence.
template <class Aggregate>
double total(Aggregate const& aggregate) {
  double sum = 0;
  for (auto const& rank : ranks)
    for (std::size_t m = 0; m < rank.size(); ++m) {
      Denominators const d{.micro_batch = counts(rank[m]),
                           .data_parallel = counts(ranks[0][m]) + counts(ranks[1][m]),
                           .window = {.sequences = 8, .tokens = 35},
                           .micro_batches = 2,
                           .ranks = 2};
      for (double n : rank[m]) sum += n * n * aggregate.weight(d, n);
    }
  return sum;
}

}  // namespace

static_assert(NormalizerScope<Local> && NormalizerScope<DataParallel> && NormalizerScope<Window>);
static_assert(!NormalizerScope<Counts>);

TEST_CASE("a token's weight by hand") {
  CHECK(TokenMean<Local>{}.weight(some, 5) == Approx(1.0 / (10 * 3 * 2)));
  CHECK(TokenMean<DataParallel>{}.weight(some, 5) == Approx(1.0 / (30 * 3)));
  CHECK(TokenMean<Window>{}.weight(some, 5) == Approx(1.0 / 100));
  CHECK(SequenceMean<Local>{}.weight(some, 5) == Approx(1.0 / (2 * 3 * 2) / 5));
  CHECK(SequenceMean<DataParallel>{}.weight(some, 5) == Approx(1.0 / (4 * 3) / 5));
  CHECK(SequenceMean<Window>{}.weight(some, 5) == Approx(1.0 / 16 / 5));
  CHECK(SequenceSum<Window>{}.weight(some, 5) == Approx(1.0 / 16));
  CHECK(SequenceSum<Local>{}.weight(some, 5) == Approx(1.0 / 12));
  CHECK(ConstantLength<Window>{.length = 50}.weight(some, 5) == Approx(1.0 / 16 / 50));
}

TEST_CASE("each scope is the mean that its name says, over ranks and micro-batches") {
  // Local: the mean of four means. DataParallel: the mean of two. Window: one mean.
  CHECK(total(TokenMean<Local>{}) == Approx((34.0 / 8 + 69.0 / 11 + 16.0 / 4 + 72.0 / 12) / 4));
  CHECK(total(TokenMean<DataParallel>{}) == Approx((50.0 / 12 + 141.0 / 23) / 2));
  CHECK(total(TokenMean<Window>{}) == Approx(191.0 / 35));
  CHECK(total(SequenceMean<Local>{}) == Approx((8.0 / 2 + 11.0 / 3 + 4.0 / 1 + 12.0 / 2) / 4));
  CHECK(total(SequenceMean<DataParallel>{}) == Approx((12.0 / 3 + 23.0 / 5) / 2));
  CHECK(total(SequenceMean<Window>{}) == Approx(35.0 / 8));
  CHECK(total(SequenceSum<Window>{}) == Approx(191.0 / 8));
  CHECK(total(ConstantLength<Window>{.length = 10}) == Approx(191.0 / 80));
}

TEST_CASE("nothing to average over weighs nothing") {
  Denominators const none{};
  CHECK(TokenMean<Window>{}.weight(none, 0) == 0);
  CHECK(SequenceMean<Window>{}.weight(none, 0) == 0);
  CHECK(SequenceMean<Window>{}.weight(some, 0) == 0);
  CHECK(SequenceSum<Local>{}.weight(none, 0) == 0);
  CHECK(ConstantLength<Window>{.length = 5}.weight(none, 0) == 0);
}

TEST_CASE("a constant length must be given") {
  std::string message;
  try {
    ConstantLength<Window>{}.weight(some, 5);
  } catch (Error const& e) {
    message = e.what();
  }
  CHECK(message == "ConstantLength: length is 0.000000; expected the longest completion allowed, in tokens");
}
