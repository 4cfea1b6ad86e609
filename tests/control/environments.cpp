// SPDX-License-Identifier: Apache-2.0
// The environments against Gymnasium, step for step (tests/oracle/control_environments.py wrote the numbers).
#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "grove/control/acrobot.hpp"
#include "grove/control/cart_pole.hpp"
#include "grove/control/mountain_car_continuous.hpp"
#include "grove/control/pendulum.hpp"
#include "support/catch.hpp"

namespace control = grove::control;
using nlohmann::json;

namespace {

constexpr double tolerance = 1e-6;

template <class E>
std::vector<json> episodes() {
  std::vector<json> out;
  for (auto& episode : json::parse(std::ifstream(GROVE_TEST_DATA "/control/environments.json")))
    if (episode["env"] == E::name) out.push_back(episode);
  return out;
}

void check_near(std::vector<double> const& got, std::vector<double> const& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - expected[i]) <= tolerance);
}

template <class E>
std::vector<double> observation(E const& env) {
  std::array<float, E::observation_size> out{};
  env.observe(out);
  return {out.begin(), out.end()};
}

template <class E>
void check_step(E& env, json const& step) {
  auto const result = env.step(step["action"].get<control::ActionOf<E>>());
  check_near({env.state.begin(), env.state.end()}, step["state"]);
  check_near(observation(env), step["observation"]);
  CHECK(std::abs(result.reward - step["reward"].get<double>()) <= tolerance);
  CHECK(result.terminated == step["terminated"].get<bool>());
}

/// Sets a state as Gymnasium's is before a step; `fresh` where nothing was stepped yet.
template <class E>
void set_state(E& env, json const& state, bool fresh) {
  env.state = state.get<decltype(env.state)>();
  if constexpr (requires { env.fresh; }) env.fresh = fresh;
}

/// Least and greatest of each number of the state over many resets, and its mean.
template <class E>
void check_resets(std::vector<std::array<double, 2>> const& bounds) {
  constexpr int draws = 20000;
  std::vector<double> least(bounds.size(), 1e9), greatest(bounds.size(), -1e9), sum(bounds.size(), 0.0);
  for (std::uint64_t i = 0; i < draws; ++i) {
    grove::RandomSequence random(grove::RandomStream({7, grove::Purpose::Environment}), i);
    E env;
    env.reset(random);
    for (std::size_t k = 0; k < bounds.size(); ++k) {
      least[k] = std::min(least[k], env.state[k]);
      greatest[k] = std::max(greatest[k], env.state[k]);
      sum[k] += env.state[k];
    }
  }
  for (std::size_t k = 0; k < bounds.size(); ++k) {
    auto const [low, high] = bounds[k];
    double const width = high - low;
    CHECK(least[k] >= low - 1e-8);
    CHECK(least[k] <= low + 1e-3 * width);
    CHECK(greatest[k] <= high + 1e-8);
    CHECK(greatest[k] >= high - 1e-3 * width);
    CHECK(std::abs(sum[k] / draws - (low + high) / 2) <= 0.01 * width + 1e-12);  // 5 standard errors
  }
}

}  // namespace

TEMPLATE_TEST_CASE("Environments step as Gymnasium's do", "", control::CartPole, control::Pendulum, control::Acrobot,
                   control::MountainCarContinuous) {
  std::vector<json> const all = episodes<TestType>();
  REQUIRE(all.size() >= 4);
  bool ended_early = false, ended_late = false;
  for (json const& episode : all) {
    INFO(episode["env"] << ' ' << episode["policy"] << ' ' << episode["seed"]);
    json const& steps = episode["steps"];
    TestType env;
    set_state(env, steps[0]["before"], true);
    check_near(observation(env), episode["start_observation"]);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      set_state(env, steps[i]["before"], i == 0);
      check_step(env, steps[i]);
    }
    // Episodes that Gymnasium's time limit ended have just that length; none is longer.
    auto const length = episode["length"].get<std::size_t>();
    CHECK((episode["truncated"].get<bool>() ? length == TestType::time_limit : length < TestType::time_limit));
    ended_early |= episode["terminated"].get<bool>();
    ended_late |= episode["truncated"].get<bool>();
  }
  CHECK(ended_late);
  CHECK(ended_early == (TestType::name != control::Pendulum::name));
}

TEMPLATE_TEST_CASE("Environments keep to Gymnasium's path when they run freely", "", control::CartPole,
                   control::Pendulum, control::Acrobot, control::MountainCarContinuous) {
  for (json const& episode : episodes<TestType>()) {
    INFO(episode["env"] << ' ' << episode["policy"] << ' ' << episode["seed"]);
    json const& steps = episode["steps"];
    TestType env;
    set_state(env, steps[0]["before"], true);
    // Fifty steps: longer ones of Acrobot and of a balanced pole amplify the last bit beyond any tolerance.
    for (std::size_t i = 0; i < std::min<std::size_t>(50, steps.size()); ++i) check_step(env, steps[i]);
  }
}

TEST_CASE("Environments draw their initial states from Gymnasium's ranges") {
  double const pi = std::acos(-1.0);
  check_resets<control::CartPole>({{-0.05, 0.05}, {-0.05, 0.05}, {-0.05, 0.05}, {-0.05, 0.05}});
  check_resets<control::Pendulum>({{-pi, pi}, {-1, 1}});
  check_resets<control::Acrobot>({{-0.1, 0.1}, {-0.1, 0.1}, {-0.1, 0.1}, {-0.1, 0.1}});
  check_resets<control::MountainCarContinuous>({{-0.6, -0.4}, {0, 0}});
}
