// SPDX-License-Identifier: Apache-2.0
// Environments that run side by side: the rollout of control.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/checkpoint/state.hpp"
#include "grove/control/environment.hpp"
#include "grove/control/running_normalizer.hpp"
#include "grove/control/trajectories.hpp"
#include "grove/error.hpp"
#include "grove/metrics.hpp"
#include "grove/random.hpp"

namespace grove::control {

struct VectorEnvOptions {
  std::size_t environments = 8;
  std::size_t steps = 128;  ///< of each environment in a collection
  std::uint64_t seed = 0;
  bool normalize_observations = false;  ///< by the mean and deviation of all so far
  bool normalize_rewards = false;       ///< by the deviation of the running discounted return
  double gamma = 0.99;                  ///< of that return
  double max_observation = 10;          ///< normalised observations are clipped to this magnitude
  double max_reward = 10;               ///< normalised rewards too
};

/// An episode that has ended.
struct FinishedEpisode {
  double reward = 0;  ///< sum of the rewards as the environment gave them
  std::size_t length = 0;
};

/// A policy that draws actions for a batch of observations.
template <class P, class E>
concept Acts = requires(P const& policy, std::span<const float> observations, RandomStream const& random,
                        std::span<ActionOf<E>> actions, std::span<float> log_probs) {
  policy.act(observations, random, std::uint32_t{0}, actions, log_probs);
  { policy.version() } -> std::same_as<std::uint64_t>;
};

/// N environments, M steps each a collection. An episode that is under way when a collection ends goes on in the next
/// one; its pieces are sequences of their own, cut off with `truncated`, as are those that the time limit ends, so that
/// the value of what follows is added to both. Normalisation is that of Stable-Baselines3's VecNormalize.
///
/// Everything is a function of the seed, the number of the collection and the policy: resets are keyed by environment
/// and episode, actions by environment and step.
template <Environment E>
class VectorEnv {
 public:
  using Action = ActionOf<E>;
  using Normalizer = RunningNormalizer<E::observation_size>;
  static constexpr std::size_t observation_size = E::observation_size;
  static constexpr bool collects_groups = false;  ///< pieces of episodes are no answers to one problem

  explicit VectorEnv(VectorEnvOptions options = {}, E environment = {}) : options_(options) {
    check_options();
    running_.assign(options_.environments, {.environment = std::move(environment)});
    observations_.resize(options_.environments * observation_size);
    for (std::size_t e = 0; e < running_.size(); ++e) reset(e);
    normalize_all();
  }

  template <class P>
    requires Acts<P, E> Trajectories<observation_size, Action> collect(P const& policy) {
      auto const n = options_.environments, m = options_.steps;
      Trajectories<observation_size, Action> t;
      t.observations.resize(n * m * observation_size);
      t.actions.resize(n * m);
      t.log_probs.resize(n * m);
      t.token_reward.resize(n * m);
      t.versions.assign(n * m, policy.version());
      RandomStream const random({options_.seed, Purpose::Action}, collections_++);
      std::vector<Action> actions(n);
      std::vector<float> log_probs(n);
      std::vector<double> rewards(n);
      std::vector<std::vector<Cut>> cuts(n);
      for (std::size_t step = 0; step < m; ++step) {
        policy.act(observations_, random, static_cast<std::uint32_t>(step), actions, log_probs);
        for (std::size_t e = 0; e < n; ++e) {
          auto const token = e * m + step;
          std::ranges::copy(observation(e),
                            t.observations.begin() + static_cast<std::ptrdiff_t>(token * observation_size));
          t.actions[token] = actions[e];
          t.log_probs[token] = log_probs[e];
          rewards[e] = advance(e, actions[e], step, cuts[e]);
        }
        normalize_all();
        normalize_finals(step, cuts);
        for (std::size_t e = 0; e < n; ++e) t.token_reward[e * m + step] = shaped(e, rewards);
      }
      pack(cuts, t);
      return t;
    }

  /// Mean return and length of the last hundred finished episodes, under Stable-Baselines3's names.
  void report(Metrics& metrics) const {
    if (recent_.empty()) return;
    double reward = 0, length = 0;
    for (auto const& episode : recent_) {
      reward += episode.reward;
      length += static_cast<double>(episode.length);
    }
    auto const count = static_cast<double>(recent_.size());
    metrics.set("rollout/ep_rew_mean", reward / count);
    metrics.set("rollout/ep_len_mean", length / count);
    metrics.set("rollout/episodes", static_cast<double>(episodes_));
  }

  /// The last hundred finished episodes, oldest first.
  std::deque<FinishedEpisode> const& recent() const { return recent_; }
  std::uint64_t episodes() const { return episodes_; }
  std::uint64_t collections() const { return collections_; }
  VectorEnvOptions const& options() const { return options_; }
  Normalizer const& observation_normalizer() const { return observation_normalizer_; }
  RunningNormalizer<1> const& return_normalizer() const { return return_normalizer_; }

  /// Environments in the middle of their episodes, and the statistics. An environment is remembered byte by byte,
  /// unless it has `state(State&)` of its own.
  void state(State& s) {
    for (std::size_t e = 0; e < running_.size(); ++e)
      s.within("environment-" + std::to_string(e), [&] { running_[e].state(s); });
    s("observations", std::span(observations_));
    s("observation_normalizer", observation_normalizer_);
    s("return_normalizer", return_normalizer_);
    std::vector<double> rewards;
    std::vector<std::uint64_t> lengths;
    for (auto const& episode : recent_) {
      rewards.push_back(episode.reward);
      lengths.push_back(episode.length);
    }
    s.copied("recent_rewards", rewards);
    s.copied("recent_lengths", lengths);
    if (s.loading()) recent_.clear();
    for (std::size_t i = 0; s.loading() && i < rewards.size(); ++i) recent_.push_back({rewards[i], lengths[i]});
    s("episodes", episodes_);
    s("collections", collections_);
  }

  /// As the policy sees an observation; the statistics stay as they are.
  void normalize(std::span<float> rows) const {
    if (options_.normalize_observations) observation_normalizer_.normalize(rows, options_.max_observation);
  }

 private:
  /// One environment with the episode it is in.
  struct Running {
    E environment{};
    std::uint64_t episode = 0;     ///< resets so far
    FinishedEpisode so_far{};      ///< of the present episode
    double piece = 0;              ///< reward since the last cut
    double discounted_return = 0;  ///< for the normalisation of rewards
    bool ended = false;            ///< by the step just taken

    void state(State& s) {
      if constexpr (Stateful<E>) {
        s("environment", environment);
      } else {
        static_assert(
            std::is_trivially_copyable_v<E>,
            "grove::control::VectorEnv: a checkpoint cannot copy this environment byte by byte; give it `void "
            "state(State& s)` that lists its numbers.");
        s.array("environment", io::DType::U8, {sizeof environment}, std::as_writable_bytes(std::span(&environment, 1)));
      }
      s("episode", episode);
      s("reward", so_far.reward);
      s("length", so_far.length);
      s("piece", piece);
      s("discounted_return", discounted_return);
      s("ended", ended);
    }
  };

  /// The end of a sequence: after which step, why, where to, and what it earned.
  struct Cut {
    std::size_t step;
    bool truncated;
    std::array<float, observation_size> next;
    double reward;
  };

  void check_options() const {
    auto const positive = [](char const* name, std::size_t value) {
      if (value == 0) throw Error("VectorEnvOptions", std::string(name) + " is 0", "at least 1");
    };
    positive("environments", options_.environments);
    positive("steps", options_.steps);
    if (!(options_.gamma >= 0 && options_.gamma <= 1))
      throw Error("VectorEnvOptions", "gamma is " + std::to_string(options_.gamma), "0 to 1");
    if (!(options_.max_observation > 0) || !(options_.max_reward > 0))
      throw Error("VectorEnvOptions",
                  "max_observation and max_reward are " + std::to_string(options_.max_observation) + " and " +
                      std::to_string(options_.max_reward),
                  "above 0");
  }

  std::span<float> observation(std::size_t e) {
    return std::span(observations_).subspan(e * observation_size, observation_size);
  }

  void reset(std::size_t e) {
    auto& running = running_[e];
    RandomSequence random(RandomStream({options_.seed, Purpose::Environment}, running.episode++), e);
    running.environment.reset(random);
    running.so_far = {};
    observe(e, observation(e));
  }

  void observe(std::size_t e, std::span<float> out) const {
    running_[e].environment.observe(out);
    for (float x : out)
      if (!std::isfinite(x)) throw Error(where(e), "an observation is " + std::to_string(x), "finite observations");
  }

  std::string where(std::size_t e) const {
    return std::string(E::name) + ", environment " + std::to_string(e) + ", episode " +
           std::to_string(running_[e].episode) + ", step " + std::to_string(running_[e].so_far.length);
  }

  /// One step; resets where the episode ends. Answers the reward as the environment gave it.
  double advance(std::size_t e, Action const& action, std::size_t step, std::vector<Cut>& cuts) {
    auto& running = running_[e];
    auto const result = running.environment.step(E::actions.clip(action));
    ++running.so_far.length;
    if (!std::isfinite(result.reward))
      throw Error(where(e), "the reward is " + std::to_string(result.reward), "finite rewards");
    running.so_far.reward += result.reward;
    running.piece += result.reward;
    bool const timed_out = E::time_limit > 0 && running.so_far.length >= E::time_limit;
    running.ended = result.terminated || timed_out;
    bool const last = step + 1 == options_.steps;
    if (!running.ended && !last) {
      observe(e, observation(e));
      return result.reward;
    }
    cuts.push_back({step, !result.terminated, {}, std::exchange(running.piece, 0.0)});
    observe(e, cuts.back().next);
    if (!running.ended) {
      std::ranges::copy(cuts.back().next, observation(e).begin());
      return result.reward;
    }
    ++episodes_;
    recent_.push_back(running.so_far);
    if (recent_.size() > 100) recent_.pop_front();
    reset(e);
    return result.reward;
  }

  /// Takes the present observations into the statistics and normalises them.
  void normalize_all() {
    if (!options_.normalize_observations) return;
    observation_normalizer_.update(std::span<const float>(observations_));
    normalize(observations_);
  }

  void normalize_finals(std::size_t step, std::vector<std::vector<Cut>>& cuts) const {
    if (!options_.normalize_observations) return;
    for (auto& of_environment : cuts)
      if (!of_environment.empty() && of_environment.back().step == step) normalize(of_environment.back().next);
  }

  /// The reward that is trained on. Called for environment 0 first: that takes all returns into the statistics.
  float shaped(std::size_t e, std::span<const double> rewards) {
    if (!options_.normalize_rewards) return static_cast<float>(rewards[e]);
    if (e == 0) {
      returns_.clear();
      for (std::size_t i = 0; i < running_.size(); ++i) {
        auto& running = running_[i];
        running.discounted_return = running.discounted_return * options_.gamma + rewards[i];
        returns_.push_back(running.discounted_return);
        if (running.ended) running.discounted_return = 0;
      }
      return_normalizer_.update(std::span<const double>(returns_));
    }
    return static_cast<float>(return_normalizer_.scale(rewards[e], options_.max_reward));
  }

  void pack(std::vector<std::vector<Cut>> const& cuts, Trajectories<observation_size, Action>& t) const {
    for (auto const& of_environment : cuts) {
      std::size_t begin = 0;
      for (auto const& cut : of_environment) {
        t.episodes.add(cut.step + 1 - begin, 0, cut.truncated);
        t.final_observations.insert(t.final_observations.end(), cut.next.begin(), cut.next.end());
        t.reward.push_back(cut.reward);
        begin = cut.step + 1;
      }
    }
  }

  VectorEnvOptions options_;
  std::vector<Running> running_;
  std::vector<float> observations_;  ///< [environments x observation_size], normalised: what the policy sees next
  Normalizer observation_normalizer_;
  RunningNormalizer<1> return_normalizer_;
  std::vector<double> returns_;
  std::deque<FinishedEpisode> recent_;
  std::uint64_t episodes_ = 0, collections_ = 0;
};

}  // namespace grove::control
