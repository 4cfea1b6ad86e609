// SPDX-License-Identifier: Apache-2.0
// Learning rates against transformers' (tests/oracle/schedule.py wrote the numbers) and open-rs's.
#include "grove/optim/schedule.hpp"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "support/catch.hpp"

using grove::Schedule;
using Decay = grove::Schedule::Decay;

TEST_CASE("schedules are transformers', update by update") {
  auto const data = nlohmann::json::parse(std::ifstream(GROVE_TEST_DATA "/optim/schedule.json"));
  std::map<std::string, Decay> const decays = {
      {"Constant", Decay::Constant}, {"Linear", Decay::Linear}, {"Cosine", Decay::Cosine}};
  REQUIRE(data.size() == 20);
  for (auto const& c : data) {
    Schedule const schedule{.peak = c["peak"],
                            .decay = decays.at(c["decay"]),
                            .warmup = c["warmup"],
                            .total = c["total"],
                            .min_ratio = c["min_ratio"]};
    std::size_t update = 0;
    for (double const rate : c["rates"]) {
      INFO(c["name"] << ", warm-up " << schedule.warmup << " of " << schedule.total << ", update " << update);
      CHECK(schedule(update++) == Approx(rate).epsilon(1e-12).margin(1e-20));
    }
  }
}

TEST_CASE("open-rs's schedule: cosine to a tenth over 500 updates, 50 of them warm-up") {
  Schedule const schedule{.peak = 1e-6, .decay = Decay::Cosine, .warmup = 50, .total = 500, .min_ratio = 0.1};
  std::map<std::size_t, double> const rates = {{0, 0},           {25, 5e-7},       {50, 1e-6},
                                               {100, 9.7286e-7}, {200, 7.75e-7},   {275, 5.5e-7},
                                               {300, 4.7186e-7}, {400, 2.0528e-7}, {499, 1.0001e-7}};
  for (auto const& [update, rate] : rates) CHECK(schedule(update) == Approx(rate).epsilon(5e-5).margin(1e-20));
  double sum = 0;
  for (std::size_t update = 0; update < 50; ++update) sum += schedule(update);
  CHECK(sum / 50 == Approx(4.9e-7));
}

TEST_CASE("after the last update the rate stays where it ended") {
  CHECK(Schedule{.peak = 1, .decay = Decay::Cosine, .total = 10, .min_ratio = 0.1}(25) == Approx(0.1));
  CHECK(Schedule{.peak = 1, .decay = Decay::Linear, .total = 10}(25) == 0);
  CHECK(Schedule{.peak = 0.5}(1000000) == 0.5);
}

TEST_CASE("a decay without an end is refused") {
  std::string message;
  try {
    Schedule{.decay = Decay::Cosine, .warmup = 5}(0);
  } catch (grove::Error const& e) {
    message = e.what();
  }
  CHECK(message == "Schedule: total is 0; expected the number of updates of the run, which a decay ends with");
}
