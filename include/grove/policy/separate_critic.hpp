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

  /// Forward of the critic, forward of the policy, `f`, and both backward.
  template <OutputConsumer<float> F>
  void accumulate(Trajectories const& t, Sequences sequences, ColumnSet wanted, Scope scope, F&& f) {
    if (!wanted.contains(Column::Value)) return P::accumulate(t, sequences, wanted, scope, f);
    critic_.accumulate(t, sequences, Column::Value, scope,
                       [&](std::size_t, TokenOutputs<float> values, TokenGradients<float> d_values) {
                         P::accumulate(t, sequences, wanted - Column::Value, scope,
                                       [&](std::size_t first, TokenOutputs<float> out, TokenGradients<float> d) {
                                         auto const n = out.log_prob.size();
                                         out.value = values.value.subspan(first, n);
                                         d.value = d_values.value.subspan(first, n);
                                         f(first, out, d);
                                       });
                       });
  }

  /// The policy's, then the critic's under "critic." and their names.
  std::vector<ParameterView> parameters() {
    auto views = P::parameters();
    std::size_t i = 0;
    for (auto p : critic_.parameters()) {
      p.name = names_[i++];
      p.rate = options_.rate;
      p.critic = true;
      views.push_back(p);
    }
    return views;
  }

  void commit() {
    P::commit();
    critic_.commit();
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
