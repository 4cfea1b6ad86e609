// SPDX-License-Identifier: Apache-2.0
// A policy and a critic for environments: two perceptrons side by side and a distribution over actions. It trains
// through the same Trainer, estimators and objectives as a language model.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/control/environment.hpp"
#include "grove/control/heads.hpp"
#include "grove/control/mlp.hpp"
#include "grove/control/orthogonal.hpp"
#include "grove/control/trajectories.hpp"
#include "grove/parameter.hpp"
#include "grove/update_plan.hpp"

namespace grove::control {

/// Sizes of hidden layers, the same for policy and critic.
template <std::size_t... Sizes>
struct Hidden {};

struct ActorCriticOptions {
  std::uint64_t seed = 0;
  double log_deviation = 0;   ///< initial logarithm of a Gaussian head's deviations
  double policy_gain = 0.01;  ///< length of the rows of the policy's last layer: small, so that it begins undecided
};

template <std::size_t Observation, Head HeadType, class HiddenLayers = Hidden<64, 64>, class Activation = Tanh>
class ActorCritic;

/// The parameters are one block: policy network, value network, free parameters of the head. Weights and biases begin
/// as Stable-Baselines3's do: orthogonal with gain sqrt(2), the last layers with `policy_gain` and 1, biases 0.
template <std::size_t Observation, Head HeadType, std::size_t... Sizes, class Activation>
class ActorCritic<Observation, HeadType, Hidden<Sizes...>, Activation> {
 public:
  using Real = float;
  using Action = typename HeadType::Action;
  using Trajectories = control::Trajectories<Observation, Action>;
  using PolicyNetwork = Mlp<Activation, Observation, Sizes..., HeadType::outputs>;
  using ValueNetwork = Mlp<Activation, Observation, Sizes..., 1>;

  static constexpr std::size_t observation_size = Observation;
  static constexpr ColumnSet provides = {Column::LogProb, Column::Entropy, Column::Value};
  static constexpr Unit unit = Unit::Token;  ///< an observation's outputs depend on no other one

  explicit ActorCritic(ActorCriticOptions options = {}) {
    RandomSequence random(RandomStream({options.seed, Purpose::Initialization}));
    std::span<float> const all(values_.data(), size);
    initialize<PolicyNetwork>(all, options.policy_gain, random);
    initialize<ValueNetwork>(all.subspan(value_start), 1.0, random);
    std::fill_n(values_.data() + head_start, HeadType::free_parameters, static_cast<float>(options.log_deviation));
  }

  static std::string describe() {
    std::string text = "ActorCritic<" + std::to_string(Observation) + ", " + HeadType::describe() + ", Hidden<";
    std::size_t left = sizeof...(Sizes);
    ((text += std::to_string(Sizes) + (--left > 0 ? ", " : "")), ...);
    return text + ">, " + std::string(Activation::name) + ">";
  }

  /// Draws an action for each observation [n x Observation]. Observation i's random numbers are those of draw index i
  /// and token `step`.
  void act(std::span<const float> observations, RandomStream const& random, std::uint32_t step,
           std::span<Action> actions, std::span<float> log_probs) const {
    HeadType const head(values_.data() + head_start);
    Forward<PolicyNetwork> forward;
    for_each_chunk(actions.size(), [&](std::size_t first, std::size_t n) {
      float const* out = forward(values_.data(), observations.data() + first * Observation, n);
      for (std::size_t i = 0; i < n; ++i) {
        float const* row = out + i * HeadType::outputs;
        actions[first + i] = head.sample(row, random, {.index = first + i, .token = step});
        log_probs[first + i] = head.likelihood(row, actions[first + i]).log_prob;
      }
    });
  }

  /// The likeliest action for each observation.
  void act_greedily(std::span<const float> observations, std::span<Action> actions) const {
    HeadType const head(values_.data() + head_start);
    Forward<PolicyNetwork> forward;
    for_each_chunk(actions.size(), [&](std::size_t first, std::size_t n) {
      float const* out = forward(values_.data(), observations.data() + first * Observation, n);
      for (std::size_t i = 0; i < n; ++i) actions[first + i] = head.mode(out + i * HeadType::outputs);
    });
  }

  void score(Trajectories const& t, Sequences sequences, ColumnSet wanted, TokenOutputs<float> out) const {
    std::vector<std::uint32_t> tokens;
    tokens.reserve(count_tokens(t.episodes, sequences));
    for (auto s : sequences)
      for (auto i = t.episodes.cu_seqlens[s]; i < t.episodes.cu_seqlens[s + 1]; ++i)
        tokens.push_back(static_cast<std::uint32_t>(i));
    HeadType const head(values_.data() + head_start);
    Forward<PolicyNetwork> policy;
    Forward<ValueNetwork> value;
    std::array<float, Observation * chunk> observations;
    bool const likelihood = wanted.contains(Column::LogProb) || wanted.contains(Column::Entropy);
    for_each_chunk(tokens.size(), [&](std::size_t first, std::size_t n) {
      gather(t.observations, std::span(tokens).subspan(first, n), observations.data());
      if (likelihood) {
        float const* rows = policy(values_.data(), observations.data(), n);
        for (std::size_t i = 0; i < n; ++i) {
          auto const l = head.likelihood(rows + i * HeadType::outputs, t.actions[tokens[first + i]]);
          if (!out.log_prob.empty()) out.log_prob[first + i] = l.log_prob;
          if (!out.entropy.empty()) out.entropy[first + i] = l.entropy;
        }
      }
      if (!out.value.empty()) std::copy_n(value(value_parameters(), observations.data(), n), n, &out.value[first]);
    });
    if (out.bootstrap.empty()) return;
    for_each_chunk(sequences.size(), [&](std::size_t first, std::size_t n) {
      gather(t.final_observations, sequences.subspan(first, n), observations.data());
      float const* values = value(value_parameters(), observations.data(), n);
      for (std::size_t i = 0; i < n; ++i)
        if (t.episodes.truncated[sequences[first + i]]) out.bootstrap[first + i] = values[i];
    });
  }

  /// Forward, `consume` once for all tokens, backward.
  template <OutputConsumer<float> F>
  void accumulate(Trajectories const& t, std::span<const std::uint32_t> tokens, ColumnSet wanted, Scope, F&& consume) {
    auto const n = tokens.size();
    bool const critic = wanted.contains(Column::Value);
    auto& w = work_;
    w.resize(n, critic);
    gather(t.observations, tokens, w.observations.data());
    HeadType const head(values_.data() + head_start);
    for_each_chunk(n, [&](std::size_t first, std::size_t m) {
      float const* x = w.observations.data() + first * Observation;
      float* activations = w.policy.data() + first * PolicyNetwork::kept;
      PolicyNetwork::forward(values_.data(), x, m, activations);
      float const* rows = PolicyNetwork::result(activations, m);
      for (std::size_t i = 0; i < m; ++i) {
        auto const l = head.likelihood(rows + i * HeadType::outputs, t.actions[tokens[first + i]]);
        w.log_prob[first + i] = l.log_prob;
        w.entropy[first + i] = l.entropy;
      }
      if (!critic) return;
      activations = w.value.data() + first * ValueNetwork::kept;
      ValueNetwork::forward(value_parameters(), x, m, activations);
      std::copy_n(ValueNetwork::result(activations, m), m, &w.values[first]);
    });
    consume(0, w.outputs(wanted), w.gradients(wanted));
    backward(t, tokens, head, critic);
  }

  std::span<const ParameterView> parameters() {
    views_.clear();
    add_views<PolicyNetwork>(policy_names, 0);
    add_views<ValueNetwork>(value_names, value_start);
    if constexpr (HeadType::free_parameters > 0) add_view("log_deviation", head_shape, head_start, false);
    return views_;
  }

  ActorCritic clone() const { return *this; }
  std::uint64_t version() const { return version_; }
  void commit() { ++version_; }
  void set_version(std::uint64_t version) { version_ = version; }

 private:
  static constexpr std::size_t layers = PolicyNetwork::layers;
  static constexpr std::size_t chunk = PolicyNetwork::columns_at_once;
  static constexpr std::size_t value_start = PolicyNetwork::parameters;
  static constexpr std::size_t head_start = value_start + ValueNetwork::parameters;
  static constexpr std::size_t size = head_start + HeadType::free_parameters;

  /// f(first, n) for pieces of at most `chunk` columns.
  template <class F>
  static void for_each_chunk(std::size_t n, F&& f) {
    for (std::size_t first = 0; first < n; first += chunk) f(first, std::min(chunk, n - first));
  }

  static void gather(std::vector<float> const& rows, std::span<const std::uint32_t> chosen, float* out) {
    for (std::size_t i = 0; i < chosen.size(); ++i)
      std::copy_n(rows.data() + chosen[i] * Observation, Observation, out + i * Observation);
  }

  /// One chunk forward, without keeping anything for backward.
  template <class Network>
  struct Forward {
    Eigen::VectorXf activations = Eigen::VectorXf::Zero(static_cast<Eigen::Index>(Network::kept * chunk));

    float const* operator()(float const* parameters, float const* input, std::size_t n) {
      Network::forward(parameters, input, n, activations.data());
      return Network::result(activations.data(), n);
    }
  };

  template <class Network>
  static void initialize(std::span<float> parameters, double last_gain, RandomSequence& random) {
    for (auto const& place : Network::places) {
      bool const last = place.biases == Network::places.back().biases;
      auto const matrix =
          orthogonal_matrix(place.outputs, place.inputs, last ? last_gain : std::numbers::sqrt2, random);
      for (std::size_t o = 0; o < place.outputs; ++o)
        for (std::size_t i = 0; i < place.inputs; ++i)
          parameters[place.weights + (place.by_output ? o * place.inputs + i : i * place.outputs + o)] =
              matrix[o * place.inputs + i];
    }
  }

  float const* value_parameters() const { return values_.data() + value_start; }

  void backward(Trajectories const& t, std::span<const std::uint32_t> tokens, HeadType const& head, bool critic) {
    auto& w = work_;
    PolicyNetwork::transpose(values_.data(), w.policy_scratch);
    if (critic) ValueNetwork::transpose(value_parameters(), w.value_scratch);
    std::array<float, HeadType::outputs * chunk> d_rows;
    for_each_chunk(tokens.size(), [&](std::size_t first, std::size_t m) {
      float const* x = w.observations.data() + first * Observation;
      float const* activations = w.policy.data() + first * PolicyNetwork::kept;
      float const* rows = PolicyNetwork::result(activations, m);
      for (std::size_t i = 0; i < m; ++i)
        head.add_gradient(rows + i * HeadType::outputs, t.actions[tokens[first + i]], w.d_log_prob[first + i],
                          w.d_entropy[first + i], d_rows.data() + i * HeadType::outputs,
                          gradients_.data() + head_start);
      PolicyNetwork::backward(values_.data(), x, activations, d_rows.data(), m, gradients_.data(), w.policy_scratch);
      if (!critic) return;
      ValueNetwork::backward(value_parameters(), x, w.value.data() + first * ValueNetwork::kept, &w.d_values[first], m,
                             gradients_.data() + value_start, w.value_scratch);
    });
  }

  /// What one `accumulate` keeps between forward and backward.
  struct Work {
    Eigen::VectorXf observations, policy, value;
    std::vector<float> log_prob, entropy, values, d_log_prob, d_entropy, d_values;
    typename PolicyNetwork::Scratch policy_scratch;
    typename ValueNetwork::Scratch value_scratch;

    void resize(std::size_t n, bool critic) {
      auto const grow = [](Eigen::VectorXf& v, std::size_t to) {
        if (static_cast<std::size_t>(v.size()) < to) v.resize(static_cast<Eigen::Index>(to));
      };
      grow(observations, n * Observation);
      grow(policy, n * PolicyNetwork::kept);
      if (critic) grow(value, n * ValueNetwork::kept);
      for (auto* v : {&log_prob, &entropy, &values}) v->resize(n);
      for (auto* v : {&d_log_prob, &d_entropy, &d_values}) v->assign(n, 0.0f);
    }
    TokenOutputs<float> outputs(ColumnSet wanted) {
      return {.log_prob = log_prob,
              .entropy = wanted.contains(Column::Entropy) ? std::span(entropy) : std::span<float>(),
              .value = wanted.contains(Column::Value) ? std::span(values) : std::span<float>()};
    }
    TokenGradients<float> gradients(ColumnSet wanted) {
      return {.log_prob = d_log_prob,
              .entropy = wanted.contains(Column::Entropy) ? std::span(d_entropy) : std::span<float>(),
              .value = wanted.contains(Column::Value) ? std::span(d_values) : std::span<float>()};
    }
  };

  using Shape = std::array<std::size_t, 2>;

  template <class Network>
  static constexpr std::array<std::array<Shape, 2>, layers> shapes = [] {
    std::array<std::array<Shape, 2>, layers> out{};
    for (std::size_t l = 0; l < layers; ++l) {
      auto const& p = Network::places[l];
      out[l] = {p.by_output ? Shape{p.outputs, p.inputs} : Shape{p.inputs, p.outputs}, Shape{p.outputs, 1}};
    }
    return out;
  }();
  static constexpr std::array<std::size_t, 1> head_shape{HeadType::free_parameters};

  static std::vector<std::string> names(std::string const& network) {
    std::vector<std::string> out;
    for (std::size_t l = 0; l < layers; ++l)
      for (char const* part : {".weight", ".bias"}) out.push_back(network + "." + std::to_string(l) + part);
    return out;
  }
  inline static std::vector<std::string> const policy_names = names("policy"), value_names = names("value");

  void add_view(std::string_view name, std::span<const std::size_t> shape, std::size_t start, bool decay) {
    std::size_t count = 1;
    for (auto extent : shape) count *= extent;
    views_.push_back({.name = name,
                      .shape = shape,
                      .size = count,
                      .value = values_.data() + start,
                      .gradient = gradients_.data() + start,
                      .dtype = Dtype::F32,
                      .decay = decay,
                      .critic = start >= value_start && start < head_start});
  }

  template <class Network>
  void add_views(std::vector<std::string> const& network_names, std::size_t start) {
    for (std::size_t l = 0; l < layers; ++l) {
      auto const& place = Network::places[l];
      add_view(network_names[2 * l], shapes<Network>[l][0], start + place.weights, true);
      add_view(network_names[2 * l + 1], std::span(shapes<Network>[l][1]).first(1), start + place.biases, false);
    }
  }

  Eigen::VectorXf values_ = Eigen::VectorXf::Zero(static_cast<Eigen::Index>(size));
  Eigen::VectorXf gradients_ = Eigen::VectorXf::Zero(static_cast<Eigen::Index>(size));
  Work work_;
  std::vector<ParameterView> views_;
  std::uint64_t version_ = 0;
};

namespace detail {

template <class Actions>
struct HeadOf;
template <std::size_t N>
struct HeadOf<Discrete<N>> {
  using type = Categorical<N>;
};
template <std::size_t N>
struct HeadOf<Box<N>> {
  using type = DiagonalGaussian<N>;
};

}  // namespace detail

/// The actor-critic that fits an environment: its observations, and the usual distribution over its actions.
template <Environment E, class HiddenLayers = Hidden<64, 64>, class Activation = Tanh>
using ActorCriticFor =
    ActorCritic<E::observation_size, typename detail::HeadOf<ActionsOf<E>>::type, HiddenLayers, Activation>;

}  // namespace grove::control
