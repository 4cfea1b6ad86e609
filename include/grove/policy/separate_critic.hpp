// SPDX-License-Identifier: Apache-2.0
// A critic that shares nothing with the policy: a second model of the same architecture with a value head, its own
// parameters and its own learning rate (VC-PPO, arXiv 2503.01491, and VAPO, arXiv 2504.05118, train such a one; verl
// and OpenRLHF have only this kind).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/policy/value_head.hpp"

namespace grove {

struct SeparateCriticOptions {
  double rate = 1;  ///< learning rate of the critic, times that of the schedule
};

/// A consumer that also passes on which parameters a backward pass has completed: what one of two models calls during
/// its pass.
template <class F>
class Followed {
 public:
  Followed(F& consume, CompleteFrom const& told) : consume_(consume), told_(told) {}
  void operator()(std::size_t first, TokenOutputs<float> outputs, TokenGradients<float> gradients) const {
    consume_(first, outputs, gradients);
  }
  void complete(std::size_t parameter) const {
    if (told_) told_(parameter);
  }

 private:
  F& consume_;
  CompleteFrom const& told_;
};

/// A language model beside its critic, which begins as a copy of it and never projects to the vocabulary. Memory is
/// that of two models. Both see the same rows: a value stands where WithValueHead has it.
template <StatefulModel P>
class SeparateCritic : public P {
 public:
  using Trajectories = typename P::Trajectories;
  static constexpr ColumnSet provides = P::provides | Column::Value;

  explicit SeparateCritic(P model, SeparateCriticOptions options = {})
      : P(std::move(model)), options_(options), critic_(P::clone()) {
    name_parameters();
  }

  /// With a critic that was trained before.
  SeparateCritic(P model, WithValueHead<P> critic, SeparateCriticOptions options)
      : P(std::move(model)), options_(options), critic_(std::move(critic)) {
    name_parameters();
  }

  void score(Trajectories const& t, Sequences sequences, ColumnSet wanted, TokenOutputs<float> out) const {
    if (wanted.contains(Column::Value)) critic_.score(t, sequences, Column::Value, {.value = out.value});
    if (auto const own = wanted - Column::Value; !own.empty()) P::score(t, sequences, own, out);
  }

  /// Forward of the critic, forward of the policy, `f`, backward of the policy, backward of the critic.
  template <OutputConsumer<float> F>
  void accumulate(Trajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope, F&& f) {
    auto const policys = complete_from(f, names_.size());
    if (!wanted.contains(Column::Value)) return P::accumulate(t, sequences, wanted, scope, Followed(f, policys));
    auto const consume = [&](std::size_t, TokenOutputs<float> values, TokenGradients<float> d_values) {
      auto const with_values = [&](std::size_t first, TokenOutputs<float> out, TokenGradients<float> d) {
        auto const n = out.log_prob.size();
        out.value = values.value.subspan(first, n);
        d.value = d_values.value.subspan(first, n);
        f(first, out, d);
      };
      P::accumulate(t, sequences, wanted - Column::Value, scope, Followed(with_values, policys));
    };
    auto const critics = complete_from(f);
    critic_.accumulate(t, sequences, Column::Value, scope, Followed(consume, critics));
  }

  /// The critic's under "critic." and their names, then the policy's: in the order of the way back, ranks exchange
  /// gradients behind both.
  std::vector<ParameterView> parameters() {
    auto views = critic_.parameters();
    for (std::size_t i = 0; i < views.size(); ++i) {
      views[i].name = names_[i];
      views[i].rate = options_.rate;
      views[i].critic = true;
    }
    for (auto const& p : P::parameters()) views.push_back(p);
    return views;
  }

  void commit() {
    P::commit();
    critic_.commit();
  }

  /// Both models.
  void offload() requires requires(P& p) { p.offload(); }
  {
    P::offload();
    critic_.offload();
  }
  void onload() requires requires(P& p) { p.onload(); }
  {
    P::onload();
    critic_.onload();
  }

  SeparateCritic clone() const { return SeparateCritic(P::clone(), critic_.clone(), options_); }

  WithValueHead<P>& critic() { return critic_; }
  WithValueHead<P> const& critic() const { return critic_; }

  /// The model's own files, and the critic's in the folder `critic`.
  void save(std::filesystem::path const& folder) const {
    P::save(folder);
    std::filesystem::create_directories(folder / "critic");
    critic_.save(folder / "critic");
  }

 private:
  void name_parameters() {
    for (auto const& p : critic_.parameters()) names_.push_back("critic." + std::string(p.name));
  }

  SeparateCriticOptions options_;
  WithValueHead<P> critic_;
  std::vector<std::string> names_;
};
static_assert(Policy<SeparateCritic<AnyCausalLm>>);

}  // namespace grove
