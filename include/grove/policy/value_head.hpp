// SPDX-License-Identifier: Apache-2.0
// Values for language models, V(s_t) = w . h_t + b, where h_t is the state that token t is predicted from (the last
// hidden state, after the final norm). On a shared trunk it is TRL's AutoModelForCausalLMWithValueHead and the network
// with two heads of arXiv 1707.06347; on a model of its own see separate_critic.hpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/columns.hpp"
#include "grove/concepts.hpp"
#include "grove/parameter.hpp"
#include "grove/policy/causal_lm.hpp"

namespace grove {

struct ValueHeadOptions {
  double rate = 1;  ///< learning rate of the head, times that of the schedule
};

/// The linear head with its gradient; f32. It begins at 0: the first advantages are those without a critic.
class ValueHead {
 public:
  explicit ValueHead(std::size_t width, ValueHeadOptions options = {});

  /// values [n] of states [n, width].
  void values(std::span<float const> states, std::span<float> values) const;

  /// Adds to the head's gradient and to `d_states` [n, width]. Both sums go over rows in order.
  void backward(std::span<float const> states, std::span<float const> d_values, std::span<float> d_states);

  /// Weight [1, width] and bias [1], named "value_head.weight" and "value_head.bias".
  std::vector<ParameterView> parameters();

  std::size_t width() const { return shape_[1]; }
  ValueHeadOptions const& options() const { return options_; }

  static constexpr char const* file_name = "value_head.safetensors";

  /// Writes the two tensors into a folder as `file_name`, which transformers passes over.
  void save(std::filesystem::path const& folder) const;
  /// Reads them, where the folder has the file. Throws Error for tensors of another name, type or shape.
  void load(std::filesystem::path const& folder);

 private:
  ValueHeadOptions options_;
  std::vector<std::size_t> shape_, one_{1};
  std::vector<float> values_, gradients_;  // weight, then bias
};

/// A language model whose states a head can read.
template <class P>
concept StatefulModel = Policy<P> && std::same_as<typename P::Real, float> &&
    requires(P& p, P const& c, typename P::Trajectories const& t, Sequences sequences, ColumnSet wanted,
             TokenOutputs<float> out, StateReader const& read, StateConsumer const& f, CompleteFrom const& complete) {
  c.score_states(t, sequences, wanted, out, read);
  p.accumulate_states(t, sequences, wanted, Scope::Token, f, complete);
  { c.config().hidden_size } -> std::convertible_to<std::size_t>;
  { c.clone() } -> std::same_as<P>;
};

/// A language model with values from the same trunk: their derivatives flow into trunk and head. It is the model in all
/// else, so whatever samples from P samples from it. A completion that ends at the token limit ends: no value follows.
template <StatefulModel P>
class WithValueHead : public P {
 public:
  using Trajectories = typename P::Trajectories;
  static constexpr ColumnSet provides = P::provides | Column::Value;

  explicit WithValueHead(P model, ValueHeadOptions options = {})
      : P(std::move(model)), head_(P::config().hidden_size, options) {}

  void score(Trajectories const& t, Sequences sequences, ColumnSet wanted, TokenOutputs<float> out) const {
    if (!wanted.contains(Column::Value)) return P::score(t, sequences, wanted, out);
    auto const width = head_.width();
    P::score_states(t, sequences, wanted, out, [&](std::size_t first, std::span<float const> states) {
      head_.values(states, out.value.subspan(first, states.size() / width));
    });
  }

  template <OutputConsumer<float> F>
  void accumulate(Trajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope, F&& f) {
    if (!wanted.contains(Column::Value)) return P::accumulate(t, sequences, wanted, scope, f);
    // The head stands behind the trunk and has its gradients before the way back through the trunk begins.
    auto const consume = [&](StateOutputs const& s) {
      auto const n = s.states.size() / head_.width();
      values_.resize(n);
      d_values_.assign(n, 0.0f);
      head_.values(s.states, values_);
      auto outputs = s.outputs;
      auto gradients = s.gradients;
      outputs.value = values_;
      gradients.value = d_values_;
      f(s.first, outputs, gradients);
      head_.backward(s.states, d_values_, s.d_states);
    };
    P::accumulate_states(t, sequences, wanted, scope, consume, complete_from(f));
  }

  std::vector<ParameterView> parameters() {
    auto views = P::parameters();
    for (auto const& p : head_.parameters()) views.push_back(p);
    return views;
  }

  WithValueHead clone() const {
    WithValueHead copy(P::clone(), head_.options());
    copy.head_ = head_;
    return copy;
  }

  ValueHead& head() { return head_; }
  ValueHead const& head() const { return head_; }

  /// The model's own files and value_head.safetensors.
  void save(std::filesystem::path const& folder) const {
    P::save(folder);
    head_.save(folder);
  }

 private:
  ValueHead head_;
  std::vector<float> values_, d_values_;
};
static_assert(Policy<WithValueHead<AnyCausalLm>>);

}  // namespace grove
