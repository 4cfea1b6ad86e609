// SPDX-License-Identifier: Apache-2.0
// The kernel of an objective, instantiated from the functions of its terms: what the host's loop over tokens inlines is
// inlined here. A block of threads a sequence: its statistics first where a term has them, then each token once for all
// terms, then the derivatives that go through the statistics. A file that instantiates it is compiled with
// --expt-relaxed-constexpr.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <tuple>
#include <utility>

#include "grove/cuda/launch.cuh"
#include "grove/objective/token.hpp"

namespace grove::cuda {

/// Columns in the device's memory; null: zeros, or a derivative that nobody asks for.
template <class T>
struct ObjectiveColumns {
  std::size_t const* cu_seqlens;  ///< [sequences + 1]
  std::uint32_t const* lengths;   ///< [sequences] tokens that count
  std::size_t sequences;
  std::uint8_t const* counts;  ///< [tokens], as all that follow
  T const *log_p, *log_p_old, *log_p_rollout, *log_p_ref, *entropy, *advantage, *value, *value_old, *return_, *reward,
      *selected;
  T *d_log_p, *d_entropy, *d_value;  ///< added to

  __device__ Token<T> token(std::size_t i, T length) const {
    auto const at = [i](T const* column, T absent) { return column ? column[i] : absent; };
    return {.log_p = at(log_p, 0),
            .log_p_detached = at(log_p, 0),
            .log_p_old = at(log_p_old, 0),
            .log_p_rollout = at(log_p_rollout, 0),
            .log_p_ref = at(log_p_ref, 0),
            .entropy = at(entropy, 0),
            .advantage = at(advantage, 0),
            .value = at(value, 0),
            .value_old = at(value_old, 0),
            .return_ = at(return_, 0),
            .reward = at(reward, 0),
            .selected = at(selected, 1),
            .length = length};
  }
};

namespace detail {

inline constexpr unsigned threads = 256;
struct NoStatistic {};

/// The combination of every thread's value, in an order that does not depend on chance.
template <class X, class Combine>
__device__ X over_block(X mine, Combine const& combine) {
  alignas(X) __shared__ unsigned char memory[threads * sizeof(X)];
  auto* const all = reinterpret_cast<X*>(memory);
  unsigned const i = threadIdx.x;
  __syncthreads();
  new (&all[i]) X(mine);
  __syncthreads();
  for (unsigned half = threads / 2; half > 0; half /= 2) {
    if (i < half) all[i] = combine(all[i], all[i + half]);
    __syncthreads();
  }
  return all[0];
}

template <class Term, class T>
__device__ bool includes(Term const&, Token<T> const& token) {
  if constexpr (grove::detail::SubsetTerm<Term>)
    return Term::includes(token);
  else
    return true;
}

/// f(token's index, token) for this thread's tokens of the sequence that count.
template <class T, class F>
__device__ void for_each_token(ObjectiveColumns<T> const& columns, std::size_t s, F const& f) {
  auto const length = static_cast<T>(columns.lengths[s]);
  for (auto i = columns.cu_seqlens[s] + threadIdx.x; i < columns.cu_seqlens[s + 1]; i += threads)
    if (columns.counts[i]) f(i, columns.token(i, length));
}

template <class T, class Term>
__device__ auto statistic(ObjectiveColumns<T> const& columns, std::size_t s, Term const& term) {
  if constexpr (grove::detail::SequenceTerm<Term>) {
    decltype(term.prepare(Token<T>{})) mine{};
    for_each_token(columns, s, [&](std::size_t, Token<T> const& token) {
      if (includes(term, token)) mine = Term::combine(mine, term.prepare(token));
    });
    return over_block(mine, [](auto const& a, auto const& b) { return Term::combine(a, b); });
  } else {
    return NoStatistic{};
  }
}

/// Adds a term's answer for one token; returns its loss and what goes through the statistic, weighted.
template <class T, class Term, class Statistic>
__device__ void answer(ObjectiveColumns<T> const& columns, std::size_t i, Token<T> const& token, Term const& term,
                       Statistic const& statistic, T weight, double& loss, double& d_stat) {
  if (!includes(term, token)) return;
  auto const value = [&] {
    if constexpr (grove::detail::SequenceTerm<Term>)
      return term(token, statistic);
    else
      return term(token);
  }();
  loss += static_cast<double>(weight * value.loss);
  d_stat += static_cast<double>(weight * value.d_stat);
  if (columns.d_log_p) columns.d_log_p[i] += weight * value.d_log_p;
  if (columns.d_entropy) columns.d_entropy[i] += weight * value.d_entropy;
  if (columns.d_value) columns.d_value[i] += weight * value.d_value;
}

template <class T, class... Ts, std::size_t... I>
__device__ void evaluate_sequence(ObjectiveColumns<T> const& columns, std::size_t s, T const* weights, double* losses,
                                  std::index_sequence<I...>, Ts const&... terms) {
  std::tuple<decltype(statistic(columns, s, terms))...> const statistics(statistic(columns, s, terms)...);
  double loss[sizeof...(Ts)] = {}, d_stat[sizeof...(Ts)] = {};
  for_each_token(columns, s, [&](std::size_t i, Token<T> const& token) {
    (answer(columns, i, token, terms, std::get<I>(statistics), weights[I * columns.sequences + s], loss[I], d_stat[I]),
     ...);
  });
  auto const sum = [](double a, double b) { return a + b; };
  auto const finish = [&](auto const& term, std::size_t index) {
    using Term = std::remove_cvref_t<decltype(term)>;
    losses[index * columns.sequences + s] = over_block(loss[index], sum);
    if constexpr (grove::detail::SequenceTerm<Term>) {
      auto const through = static_cast<T>(over_block(d_stat[index], sum));
      for_each_token(columns, s, [&](std::size_t i, Token<T> const& token) {
        if (columns.d_log_p && includes(term, token)) columns.d_log_p[i] += through * term.d_prepare(token);
      });
    }
  };
  (finish(terms, I), ...);
}

template <class T, class... Ts>
__global__ void objective_kernel(ObjectiveColumns<T> columns, T const* weights, double* losses, Ts... terms) {
  evaluate_sequence(columns, blockIdx.x, weights, losses, std::index_sequence_for<Ts...>{}, terms...);
}

}  // namespace detail

/// Queues the kernel: adds derivatives to the columns and writes `losses` ([terms x sequences], to be summed).
/// `weights`
/// ([terms x sequences]) are what the aggregate gives a token of each sequence; all lie in the device's memory.
template <class T, class... Ts>
void evaluate(ObjectiveColumns<T> const& columns, T const* weights, double* losses, cudaStream_t stream,
              Ts const&... terms) {
  if (columns.sequences == 0) return;
  detail::objective_kernel<<<static_cast<unsigned>(columns.sequences), detail::threads, 0, stream>>>(columns, weights,
                                                                                                     losses, terms...);
  check_launch("objective");
}

}  // namespace grove::cuda
