// SPDX-License-Identifier: Apache-2.0
// Any module of LibTorch tensors as a policy over discrete actions (or tokens): a value that turns experience into
// logits and lists its parameters. Autograd carries derivatives through the module; those of the loss with respect to
// the logits are closed-form.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/columns.hpp"
#include "grove/concepts.hpp"
#include "grove/parameter.hpp"

namespace grove {

/// A tensor that is trained: f32, contiguous, on the CPU.
struct ModuleParameter {
  std::string name{};
  at::Tensor value{};
  bool decay = true;
};

/// Trajectories with the action (token) that was taken at each step.
template <class T>
concept DiscreteTrajectories = TrajectoriesOf<T, float> && requires(T const& t) {
  { t.actions() } -> std::convertible_to<std::span<std::int64_t const>>;  // [tokens]
};

/// What `ModulePolicy` needs of a module. For the chosen sequences, packed in their order, it returns the logits of
/// each step's actions `[tokens, actions]`, f32 or bf16; -inf forbids an action. What it reads of the trajectories
/// (observations, token ids and positions) is its own affair. Copies share tensors, as torch's modules do.
template <class M, class T>
concept LogitModule = requires(M const& m, T const& t, Sequences sequences) {
  { m(t, sequences) } -> std::convertible_to<at::Tensor>;
  { m.parameters() } -> std::convertible_to<std::vector<ModuleParameter>>;
};

namespace detail {

/// The parameters of a module with their gradients.
class ModuleTensors {
 public:
  /// Throws Error for a tensor of another type, device or layout, and where there is none.
  explicit ModuleTensors(std::vector<ModuleParameter> parameters);

  std::vector<ParameterView> views() const;

 private:
  struct Entry {
    ModuleParameter parameter;
    std::vector<std::size_t> shape;
  };
  std::vector<Entry> entries_;
};

/// The wanted columns; throws Error where logits are not `[actions.size(), n]` or an action is not among the n.
void write_outputs(at::Tensor const& logits, std::vector<std::int64_t> const& actions, TokenOutputs<float> out);

/// Runs autograd back from the logits.
void backward(at::Tensor const& logits, std::vector<std::int64_t> const& actions, TokenGradients<float> gradients);

}  // namespace detail

template <DiscreteTrajectories T, LogitModule<T> M>
class ModulePolicy {
 public:
  using Real = float;
  using Trajectories = T;
  static constexpr ColumnSet provides = {Column::LogProb, Column::Entropy, Column::SumSquares};

  explicit ModulePolicy(M module) : module_(std::move(module)), tensors_(module_.parameters()) {}

  void score(T const& t, Sequences sequences, ColumnSet, TokenOutputs<float> out) const {
    at::NoGradGuard const no_grad;
    detail::write_outputs(module_(t, sequences), actions(t, sequences), out);
  }

  /// One forward and backward pass; `f` sees all tokens at once, so sequences are whole whatever the scope.
  template <OutputConsumer<float> F>
  void accumulate(T const& t, Sequences sequences, ColumnSet wanted, Scope, F&& f) {
    auto const taken = actions(t, sequences);
    if (taken.empty()) return;
    at::AutoGradMode const grad(true);
    at::Tensor const logits = module_(t, sequences);
    auto const column = [&](Column c) { return std::vector<float>(wanted.contains(c) ? taken.size() : 0); };
    std::vector<float> log_prob(taken.size());
    std::vector<float> d_log_prob(taken.size());
    auto entropy = column(Column::Entropy);
    auto d_entropy = column(Column::Entropy);
    auto sum_squares = column(Column::SumSquares);
    TokenOutputs<float> const out{.log_prob = log_prob, .entropy = entropy, .sum_squares = sum_squares};
    detail::write_outputs(logits, taken, out);
    f(std::size_t{0}, out, TokenGradients<float>{.log_prob = d_log_prob, .entropy = d_entropy});
    detail::backward(logits, taken, {.log_prob = d_log_prob, .entropy = d_entropy});
  }

  std::vector<ParameterView> parameters() { return tensors_.views(); }
  std::uint64_t version() const { return version_; }
  void commit() { ++version_; }
  void set_version(std::uint64_t version) { version_ = version; }

  /// A frozen copy, of a module that has `M clone() const` with tensors of its own; a reference policy.
  ModulePolicy clone() const requires requires(M const& m) {
    { m.clone() } -> std::same_as<M>;
  }
  {
    ModulePolicy copy(module_.clone());
    copy.version_ = version_;
    return copy;
  }

  /// For the rollout, which acts with it.
  M const& module() const { return module_; }

 private:
  static std::vector<std::int64_t> actions(T const& t, Sequences sequences) {
    std::span<std::int64_t const> const all = t.actions();
    Episodes const& episodes = t.episodes;
    std::vector<std::int64_t> chosen;
    for (auto s : sequences) {
      auto const part = all.subspan(episodes.cu_seqlens[s], episodes.length(s));
      chosen.insert(chosen.end(), part.begin(), part.end());
    }
    return chosen;
  }

  M module_;
  detail::ModuleTensors tensors_;
  std::uint64_t version_ = 0;
};

}  // namespace grove
