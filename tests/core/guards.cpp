// SPDX-License-Identifier: Apache-2.0
#include "grove/guards.hpp"

#include <limits>
#include <string>
#include <vector>

#include "grove/observers.hpp"
#include "support/catch.hpp"

namespace {

/// An observer needs the trainer only to hand it on.
struct Nobody {};

struct Run {
  std::vector<std::string> said{};

  grove::GuardOptions options(std::size_t steps, bool stop) {
    return {.steps = steps, .stop = stop, .say = [this](std::string const& line) { said.push_back(line); }};
  }
};

grove::StepReport report(std::uint64_t step, std::string const& name, double value) {
  grove::StepReport r{.step = step};
  r.metrics.set(name, value);
  return r;
}

}  // namespace

TEST_CASE("guards: a metric beyond its bound is logged, and ends the run after so many steps in a row") {
  Run run;
  grove::Guards guards({{.name = "kl", .metric = "kl", .bound = 0.3}}, run.options(3, true));
  Nobody nobody;
  std::uint64_t step = 0;
  std::vector<double> const values{0.1, 0.4, 0.5, 0.3, 0.31, 0.6, 0.52};
  std::vector<double> const in_a_row{0, 1, 2, 0, 1, 2, 3};
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto r = report(++step, "kl", values[i]);
    CHECK(guards(nobody, r) == (i == 6));
    CHECK(r.metrics.find("guards/kl") == in_a_row[i]);
  }
  REQUIRE(run.said.size() == 1);
  CHECK(run.said[0] == "step 7: guard kl stops the run: kl is 0.52, above 0.3 for 3 steps");
}

TEST_CASE("guards: without stop one line is said when the bound is left, and the run goes on") {
  Run run;
  grove::Guards guards({{.name = "entropy", .metric = "entropy", .bound = 0.2, .bad = grove::Guard::Bad::Below}},
                       run.options(1, false));
  Nobody nobody;
  for (double const value : {0.5, 0.1, 0.1, 0.4, std::numeric_limits<double>::quiet_NaN()}) {
    auto r = report(1, "entropy", value);
    CHECK_FALSE(guards(nobody, r));
  }
  REQUIRE(run.said.size() == 2);
  CHECK(run.said[0] == "step 1: guard entropy: entropy is 0.1, below 0.2 for 1 step");
  CHECK(run.said[1].find("is nan") != std::string::npos);
}

TEST_CASE("guards: a metric that the run lacks is an error") {
  grove::Guards guards({{.name = "kl", .metric = "kl", .bound = 1}});
  Nobody nobody;
  auto r = report(1, "reward", 0);
  REQUIRE_THROWS_AS(guards(nobody, r), grove::Error);
}

TEST_CASE("guards: a plateau ends the run after `patience` reports without a gain, others do not count") {
  std::string said;
  grove::StopOnPlateau plateau(
      {.metric = "eval", .patience = 2, .least = 0.01, .say = [&](std::string const& line) { said = line; }});
  Nobody nobody;
  auto const stops = [&](std::uint64_t step, std::string const& name, double value) {
    return plateau(nobody, report(step, name, value));
  };
  CHECK_FALSE(stops(1, "eval", 0.5));
  CHECK_FALSE(stops(2, "reward", 0.1));
  CHECK_FALSE(stops(3, "eval", 0.505));
  CHECK_FALSE(stops(4, "eval", 0.52));
  CHECK_FALSE(stops(5, "eval", 0.4));
  CHECK_FALSE(stops(6, "reward", 0.1));
  CHECK(stops(7, "eval", 0.525));
  CHECK(said == "step 7: eval has not improved on 0.52 of step 4 in 2 evaluations: the run stops");

  grove::StopOnPlateau down({.metric = "eval", .patience = 1, .greater_is_better = false});
  CHECK_FALSE(down(nobody, report(1, "eval", 0.5)));
  CHECK_FALSE(down(nobody, report(2, "eval", 0.4)));
  CHECK(down(nobody, report(3, "eval", 0.4)));
}

TEST_CASE("observers: each n-th step is seen; f may add metrics and stop") {
  Nobody nobody;
  int calls = 0;
  grove::EveryN every{3, [&](Nobody&, grove::StepReport& r) {
                        ++calls;
                        r.metrics.set("eval", 1);
                        return r.step == 6;
                      }};
  for (std::uint64_t step = 1; step <= 6; ++step) {
    auto r = report(step, "reward", 0);
    CHECK(every(nobody, r) == (step == 6));
    CHECK(r.metrics.find("eval").has_value() == (step % 3 == 0));
  }
  CHECK(calls == 2);
  grove::EveryN never{0, [&](Nobody&, grove::StepReport const&) { ++calls; }};
  auto r = report(1, "reward", 0);
  CHECK_FALSE(never(nobody, r));
  CHECK(calls == 2);
}
