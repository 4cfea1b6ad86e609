// SPDX-License-Identifier: Apache-2.0
// Environments side by side: where sequences are cut, what follows them, normalisation, repeatability, faults.
#include "grove/control/vector_env.hpp"

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "grove/control/actor_critic.hpp"
#include "grove/control/cart_pole.hpp"
#include "grove/control/evaluate.hpp"
#include "grove/control/pendulum.hpp"
#include "grove/error.hpp"
#include "support/catch.hpp"

namespace control = grove::control;
using nlohmann::json;

namespace {

/// Observes (episode, age); pays its age; action 1 terminates.
struct Counting {
  static constexpr std::string_view name = "Counting";
  static constexpr std::size_t observation_size = 2;
  static constexpr std::size_t time_limit = 4;
  static constexpr control::Discrete<2> actions{};
  float episode = 0, age = 0;

  void reset(grove::RandomSequence&) {
    episode += 1;
    age = 0;
  }
  control::StepResult step(std::uint32_t action) {
    age += 1;
    return {static_cast<double>(age), action == 1};
  }
  void observe(std::span<float> out) const {
    out[0] = episode;
    out[1] = age;
  }
};

/// Takes action 1 in the given steps of a collection, else 0.
struct Scripted {
  std::vector<std::uint32_t> ends;
  std::uint64_t at = 3;

  void act(std::span<const float>, grove::RandomStream const&, std::uint32_t step, std::span<std::uint32_t> actions,
           std::span<float> log_probs) const {
    for (std::size_t e = 0; e < actions.size(); ++e) {
      actions[e] = std::ranges::find(ends, step) != ends.end();
      log_probs[e] = -1.0f - static_cast<float>(e);
    }
  }
  std::uint64_t version() const { return at; }
};

/// A wrong number at a given age.
struct Faulty : Counting {
  bool in_reward = false;

  control::StepResult step(std::uint32_t action) {
    auto result = Counting::step(action);
    if (in_reward && age == 2) result.reward = std::numeric_limits<double>::quiet_NaN();
    return result;
  }
  void observe(std::span<float> out) const {
    Counting::observe(out);
    if (!in_reward && age == 3) out[1] = std::numeric_limits<float>::infinity();
  }
};

template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (grove::Error const& e) {
    return e.what();
  }
  return {};
}

using CartPolicy = control::ActorCritic<4, control::Categorical<2>>;

}  // namespace

TEST_CASE("Sequences end with episodes, time limits and collections") {
  control::VectorEnv<Counting> rollout({.environments = 2, .steps = 7});
  // Steps 0, 1 end by action 1 after the second; then four until the time limit; then one until the collection's end.
  auto const t = rollout.collect(Scripted{{1}});
  CHECK(t.episodes.cu_seqlens == std::vector<std::size_t>{0, 2, 6, 7, 9, 13, 14});
  CHECK(t.episodes.truncated == std::vector<std::uint8_t>{0, 1, 1, 0, 1, 1});
  CHECK(t.token_reward == std::vector<float>{1, 2, 1, 2, 3, 4, 1, 1, 2, 1, 2, 3, 4, 1});
  CHECK(t.reward == std::vector<double>{3, 10, 1, 3, 10, 1});
  CHECK(t.actions == std::vector<std::uint32_t>{0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0});
  std::vector<float> const observed = {1, 0, 1, 1, 2, 0, 2, 1, 2, 2, 2, 3, 3, 0};
  CHECK(std::vector<float>(t.observations.begin(), t.observations.begin() + 14) == observed);
  CHECK(t.final_observations == std::vector<float>{1, 2, 2, 4, 3, 1, 1, 2, 2, 4, 3, 1});
  CHECK(t.log_probs == std::vector<float>{-1, -1, -1, -1, -1, -1, -1, -2, -2, -2, -2, -2, -2, -2});
  CHECK(t.versions == std::vector<std::uint64_t>(14, 3));

  grove::Metrics metrics;
  rollout.report(metrics);
  CHECK(*metrics.find("rollout/ep_rew_mean") == Approx(6.5));
  CHECK(*metrics.find("rollout/ep_len_mean") == Approx(3));
  CHECK(*metrics.find("rollout/episodes") == 4);

  SECTION("and the next collection goes on with the episode that was under way") {
    auto const next = rollout.collect(Scripted{{}});
    CHECK(next.episodes.cu_seqlens == std::vector<std::size_t>{0, 3, 7, 10, 14});
    CHECK(next.episodes.truncated == std::vector<std::uint8_t>{1, 1, 1, 1});
    CHECK(next.reward == std::vector<double>{9, 10, 9, 10});
    CHECK(std::vector<float>(next.observations.begin(), next.observations.begin() + 4) ==
          std::vector<float>{3, 1, 3, 2});
    // The whole episode counts in the report, not its piece.
    CHECK(rollout.recent().size() == 8);
    CHECK(rollout.recent()[4].reward == 10);
    CHECK(rollout.recent()[4].length == 4);
  }
}

TEST_CASE("An end at the last step of a collection is one cut, not two") {
  control::VectorEnv<Counting> rollout({.environments = 1, .steps = 2});
  auto const first = rollout.collect(Scripted{{1}});
  CHECK(first.episodes.cu_seqlens == std::vector<std::size_t>{0, 2});
  CHECK(first.episodes.truncated == std::vector<std::uint8_t>{0});
  auto const second = rollout.collect(Scripted{{}});
  CHECK(second.episodes.truncated == std::vector<std::uint8_t>{1});
  CHECK(second.final_observations == std::vector<float>{2, 2});
  auto const third = rollout.collect(Scripted{{}});  // the time limit and the end at once
  CHECK(third.episodes.truncated == std::vector<std::uint8_t>{1});
  CHECK(third.final_observations == std::vector<float>{2, 4});
  auto const both = rollout.collect(Scripted{{1}});
  CHECK(both.reward == std::vector<double>{3});
}

TEST_CASE("Termination at the time limit is a termination") {
  control::VectorEnv<Counting> rollout({.environments = 1, .steps = 4});
  CHECK(rollout.collect(Scripted{{3}}).episodes.truncated == std::vector<std::uint8_t>{0});
}

TEST_CASE("A collection is a function of seed, number and policy") {
  CartPolicy const policy({.seed = 1, .policy_gain = 1});
  auto const observations = [&](std::uint64_t seed, int collections) {
    control::VectorEnv<control::CartPole> rollout({.environments = 3, .steps = 50, .seed = seed});
    for (int i = 1; i < collections; ++i) rollout.collect(policy);
    return rollout.collect(policy).observations;
  };
  CHECK(observations(1, 2) == observations(1, 2));
  CHECK(observations(1, 2) != observations(2, 2));
  CHECK(observations(1, 1) != observations(1, 2));

  SECTION("A copy goes on as its original does") {
    control::VectorEnv<control::CartPole> rollout({.environments = 3, .steps = 50});
    rollout.collect(policy);
    auto copy = rollout;
    CHECK(copy.collect(policy).observations == rollout.collect(policy).observations);
  }
  SECTION("An evaluation changes nothing and depends on its own seed") {
    control::VectorEnv<control::CartPole> rollout({.environments = 3, .steps = 50, .normalize_observations = true});
    rollout.collect(policy);
    auto copy = rollout;
    auto const first = control::evaluate(policy, rollout, 20, 1);
    CHECK(first == control::evaluate(policy, rollout, 20, 1));
    CHECK(first != control::evaluate(policy, rollout, 20, 2));
    CHECK(copy.collect(policy).observations == rollout.collect(policy).observations);
  }
  SECTION("Environments of one rollout differ") {
    control::VectorEnv<control::CartPole> rollout({.environments = 2, .steps = 5});
    auto const t = rollout.collect(policy);
    CHECK(std::vector<float>(t.observations.begin(), t.observations.begin() + 20) !=
          std::vector<float>(t.observations.begin() + 20, t.observations.end()));
  }
}

TEST_CASE("Evaluation gives the return of whole episodes") {
  // A pole without control falls within some 10 steps; always balanced, it pays 500.
  CartPolicy policy({.seed = 1, .policy_gain = 1});
  control::VectorEnv<control::CartPole> const rollout({.environments = 1, .steps = 1});
  for (auto const& p : policy.parameters()) std::fill_n(static_cast<float*>(p.value), p.size, 0.0f);
  for (double value : control::evaluate(policy, rollout, 10)) CHECK((value >= 7 && value <= 12));
  control::VectorEnv<control::Pendulum> const pendulums({.environments = 1, .steps = 1});
  control::ActorCritic<3, control::DiagonalGaussian<1>> still({.policy_gain = 0});
  auto const returns = control::evaluate(still, pendulums, 50);
  double sum = 0;
  for (double value : returns) sum += value;
  CHECK(returns.size() == 50);
  CHECK((sum / 50 < -900 && sum / 50 > -1600));
}

namespace {

/// Plays the oracle's script: row after row, a reset takes the next one.
struct Script {
  static constexpr std::string_view name = "Script";
  static constexpr std::size_t observation_size = 2;
  static constexpr std::size_t time_limit = 5;
  static constexpr control::Discrete<2> actions{};
  std::vector<std::vector<std::vector<float>>> observations{};
  std::vector<std::vector<double>> rewards{};
  std::size_t index = 0, row = 0, age = 0, episode = 0;

  void reset(grove::RandomSequence& random) {
    if (episode == 0) index = next_index(random);
    age = 0;
    ++episode;
    ++row;
  }
  control::StepResult step(std::uint32_t) {
    double const reward = rewards[index][row];
    ++row;
    ++age;
    return {reward, age == time_limit && episode % 2 == 1};
  }
  void observe(std::span<float> out) const { std::ranges::copy(observations[index][row - 1], out.begin()); }

 private:
  /// Environments come in order of their random sequences: tell them apart by those.
  static std::size_t next_index(grove::RandomSequence& random) {
    double const drawn = random.uniform();
    for (std::size_t e = 0; e < 3; ++e) {
      grove::RandomSequence other(grove::RandomStream({0, grove::Purpose::Environment}, 0), e);
      if (other.uniform() == drawn) return e;
    }
    return 99;
  }
};

}  // namespace

TEST_CASE("Observations and rewards are normalised as VecNormalize does") {
  auto const data = json::parse(std::ifstream(GROVE_TEST_DATA "/control/normalization.json"));
  Script script;
  script.observations = data["observations"].get<decltype(script.observations)>();
  script.rewards = data["rewards"].get<decltype(script.rewards)>();
  control::VectorEnv<Script> rollout({.environments = 3,
                                      .steps = 12,
                                      .normalize_observations = true,
                                      .normalize_rewards = true,
                                      .gamma = data["gamma"]},
                                     script);
  auto const t = rollout.collect(Scripted{});
  auto const near = [](double expected) { return Approx(expected).epsilon(2e-6).margin(1e-6); };
  for (std::size_t e = 0; e < 3; ++e)
    for (std::size_t step = 0; step < 12; ++step) {
      INFO("environment " << e << " step " << step);
      CHECK(t.token_reward[e * 12 + step] == near(data["shaped"][step][e]));
      for (std::size_t k = 0; k < 2; ++k) {
        CHECK(t.observations[(e * 12 + step) * 2 + k] == near(data["seen"][step][e][k]));
      }
    }
  // Each environment has pieces of 5, 5 and 2 steps: terminated, truncated, cut off.
  CHECK(t.episodes.truncated == std::vector<std::uint8_t>{0, 1, 1, 0, 1, 1, 0, 1, 1});
  for (std::size_t e = 0; e < 3; ++e)
    for (std::size_t k = 0; k < 2; ++k) {
      CHECK(t.final_observations[(3 * e) * 2 + k] == near(data["finals"][4][e][k]));
      CHECK(t.final_observations[(3 * e + 1) * 2 + k] == near(data["finals"][9][e][k]));
      CHECK(t.final_observations[(3 * e + 2) * 2 + k] == near(data["seen"][12][e][k]));
      CHECK(rollout.observation_normalizer().mean()[k] == near(data["mean"][k]));
      CHECK(rollout.observation_normalizer().variance()[k] == near(data["variance"][k]));
    }
  CHECK(rollout.return_normalizer().variance()[0] == near(data["return_variance"]));
  double sum = 0;
  for (std::size_t step = 0; step < 5; ++step) sum += script.rewards[0][step + 1];
  CHECK(t.reward[0] == Approx(sum));  // what is reported stays as it was
}

TEST_CASE("Normalised numbers are clipped") {
  control::RunningNormalizer<1> normalizer;
  normalizer.update(std::span<const double>(std::vector<double>{-1, 1}));
  std::vector<float> rows = {-50, 0.5f, 50};
  normalizer.normalize(rows, 10);
  CHECK(rows[0] == -10);
  CHECK(rows[1] == Approx(0.5).epsilon(1e-3));
  CHECK(rows[2] == 10);
  CHECK(normalizer.scale(-50, 7) == -7);
}

TEST_CASE("Bad options are refused by name") {
  auto const refuse = [](control::VectorEnvOptions options, std::string const& name) {
    CHECK(error_of([&] { control::VectorEnv<Counting> rollout(options); }).find(name) != std::string::npos);
  };
  refuse({.environments = 0}, "environments is 0; expected at least 1");
  refuse({.steps = 0}, "steps is 0; expected at least 1");
  refuse({.gamma = 1.5}, "gamma is 1.5");
  refuse({.gamma = std::numeric_limits<double>::quiet_NaN()}, "gamma");
  refuse({.max_reward = 0}, "max_reward");
}

TEST_CASE("Numbers that are none are refused with their place") {
  for (bool in_reward : {true, false}) {
    Faulty faulty;
    faulty.in_reward = in_reward;
    control::VectorEnv<Faulty> rollout({.environments = 2, .steps = 8}, faulty);
    auto const error = error_of([&] { rollout.collect(Scripted{}); });
    CHECK(error.find(in_reward ? "the reward is nan; expected finite" : "an observation is inf") != std::string::npos);
    CHECK(error.find("environment 0, episode 1, step " + std::string(in_reward ? "2" : "3")) != std::string::npos);
  }
}
