// SPDX-License-Identifier: Apache-2.0
#include "grove/metrics/statistics.hpp"

#include <initializer_list>

#include "support/catch.hpp"

using grove::metrics::Statistics;

namespace {

Statistics of(std::initializer_list<double> values) {
  Statistics statistics;
  for (double const value : values) statistics.add(value);
  return statistics;
}

}  // namespace

TEST_CASE("mean, spread and range") {
  Statistics const some = of({2, 4, 4, 4, 5, 5, 7, 9});
  CHECK(some.count() == 8);
  CHECK(some.mean() == 5);
  CHECK(some.standard_deviation() == Approx(std::sqrt(32.0 / 7)).epsilon(1e-14));
  CHECK(some.min() == 2);
  CHECK(some.max() == 9);
  CHECK(of({1e9 + 1, 1e9 + 2, 1e9 + 3}).standard_deviation() == Approx(1).epsilon(1e-12));
}

TEST_CASE("nothing has no mean, one value no spread") {
  CHECK(std::isnan(of({}).mean()));
  CHECK(std::isnan(of({}).max()));
  CHECK(of({3}).mean() == 3);
  CHECK(std::isnan(of({3}).standard_deviation()));
}

TEST_CASE("merged parts are the whole") {
  Statistics part = of({2, 4, 4});
  part.merge(of({}));
  part.merge(of({4, 5, 5, 7, 9}));
  CHECK(part.count() == 8);
  CHECK(part.mean() == Approx(5).epsilon(1e-15));
  CHECK(part.standard_deviation() == Approx(std::sqrt(32.0 / 7)).epsilon(1e-14));
  Statistics none;
  none.merge(of({1, 3}));
  CHECK(none.mean() == 2);
  CHECK(none.min() == 1);
}
