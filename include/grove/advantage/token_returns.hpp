// SPDX-License-Identifier: Apache-2.0
// The recurrence of GAE over all sequences of a batch.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include "grove/advantage/chosen_tokens.hpp"
#include "grove/advantage/discounted_scan.hpp"
#include "grove/advantage/estimate.hpp"
#include "grove/advantage/over_sequences.hpp"
#include "grove/error.hpp"

namespace grove::detail {

/// Throws Error unless there is one value a token.
template <std::floating_point T>
void require_values(EstimatorInput<T> const& in) {
  std::size_t const n = in.episodes.tokens(), sequences = in.episodes.sequences();
  if (in.value.size() != n)
    throw Error("values", std::to_string(in.value.size()) + " of them", std::to_string(n) + ", one a token");
  if (!in.bootstrap.empty() && in.bootstrap.size() != sequences)
    throw Error("values", std::to_string(in.bootstrap.size()) + " after the last token",
                std::to_string(sequences) + ", one a sequence");
}

/// Fills whichever of `advantage` and `target` ([tokens]) are not empty, for every sequence that was judged. lambda(l)
/// is that of a sequence of l decisions. Tokens of the environment are skipped: time does not pass there, nothing is
/// written there, and what they earn belongs to the decision before.
template <std::floating_point T, class Lambda>
void token_returns(EstimatorInput<T> const& in, std::span<const T> value, double gamma, Lambda const& lambda,
                   std::span<T> advantage, std::span<T> target, std::size_t threads) {
  auto const& cu = in.episodes.cu_seqlens;
  auto const at = [](auto span, std::size_t i) { return span.empty() ? nullptr : span.data() + i; };
  constexpr std::size_t beyond_caches = std::size_t{1} << 25;  // bytes
  bool const stream = (advantage.size() + target.size()) * sizeof(T) > beyond_caches;
  auto const whole = [&](std::size_t s) {
    discounted_scan(ScanTask<T>{.n = cu[s + 1] - cu[s],
                                .reward = at(in.token_reward, cu[s]),
                                .value = at(value, cu[s]),
                                .last_reward = in.reward[s],
                                .bootstrap = in.bootstrap.empty() ? T(0) : in.bootstrap[s],
                                .gamma = static_cast<T>(gamma),
                                .lambda = static_cast<T>(lambda(cu[s + 1] - cu[s])),
                                .advantage = at(advantage, cu[s]),
                                .target = at(target, cu[s]),
                                .stream = stream});
  };
  auto const with_gaps = [&](std::size_t s) {
    Decisions decisions;
    decisions.assign(in, s);
    auto const& token = decisions.token;
    std::vector<T> earned(decisions.earned.begin(), decisions.earned.end()), values(value.empty() ? 0 : token.size()),
        advantages(token.size()), targets(token.size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = value[token[i]];
    discounted_scan(ScanTask<T>{.n = token.size(),
                                .reward = earned.data(),
                                .value = at(std::span(values), 0),
                                .bootstrap = in.bootstrap.empty() ? T(0) : in.bootstrap[s],
                                .gamma = static_cast<T>(gamma),
                                .lambda = static_cast<T>(lambda(token.size())),
                                .advantage = advantages.data(),
                                .target = targets.data()});
    for (std::size_t i = 0; i < token.size(); ++i) {
      if (!advantage.empty()) advantage[token[i]] = advantages[i];
      if (!target.empty()) target[token[i]] = targets[i];
    }
  };
  over_sequences(in.episodes, threads, [&](std::size_t s) {
    if (!in.counted(s)) return;
    if (environment_of(in.episodes, s).empty())
      on_vector_units([&] { whole(s); });
    else
      with_gaps(s);
  });
}

/// Value targets of sequences that nobody judged: their own values, which teach a critic nothing.
template <std::floating_point T>
void keep_unjudged(EstimatorInput<T> const& in, std::span<T> target) {
  if (target.empty()) return;
  for (std::size_t s = 0; s < in.episodes.sequences(); ++s)
    if (!in.counted(s))
      for (auto t = in.episodes.cu_seqlens[s]; t < in.episodes.cu_seqlens[s + 1]; ++t) target[t] = in.value[t];
}

}  // namespace grove::detail
