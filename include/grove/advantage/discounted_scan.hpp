// SPDX-License-Identifier: Apache-2.0
// The recurrence of GAE over one sequence, backwards in time, in blocks of a vector.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "grove/advantage/stream_copy.hpp"
#include "grove/objective/vector_units.hpp"

namespace grove::detail {

/// One sequence of n tokens. Null `reward` or `value` are zeros; null outputs are not written.
template <std::floating_point T>
struct ScanTask {
  std::size_t n = 0;
  T const* reward = nullptr;  ///< [n]
  T const* value = nullptr;   ///< [n]
  T last_reward = 0;          ///< added to the last token's
  T bootstrap = 0;            ///< value after the last token
  T gamma = 1;
  T lambda = 1;
  T* advantage = nullptr;  ///< [n]
  T* target = nullptr;     ///< [n] advantage + value
  bool stream = false;     ///< whether the outputs are too large for the cache anyway
};

/// Asks for what will be read a few thousand bytes further on, which lies before `at`.
inline void prefetch_before(void const* at) {
  __builtin_prefetch(reinterpret_cast<void const*>(reinterpret_cast<std::uintptr_t>(at) - 4096));
}

/// What a token's advantage depends on from the tokens after it.
template <std::floating_point T>
struct ScanState {
  T advantage = 0;  ///< A_{t+1}
  T value = 0;      ///< V_{t+1}
};

/// Tokens [begin, end) of a task, to `advantage` and `target` ([end - begin]; null: not written).
///
/// A_t = d_t + c A_{t+1} with d_t = r_t + gamma V_{t+1} - V_t and c = gamma lambda. Eight tokens at once: within the
/// block a suffix scan in three steps (x_t += c^s x_{t+s}, s = 1, 2, 4), then one fused multiply-add with what came
/// before, so that one sequence waits for an addition every eight tokens. Blocks are laid from the sequence's end: its
/// neighbours and its place in memory change nothing.
template <std::floating_point T>
void scan_tokens(ScanTask<T> const& task, std::size_t begin, std::size_t end, ScanState<T>& state, T* advantage,
                 T* target) {
  using Vector [[gnu::vector_size(8 * sizeof(T))]] = T;
  T const* const reward = task.reward ? task.reward + begin : nullptr;
  T const* const value = task.value ? task.value + begin : nullptr;
  T const gamma = task.gamma, c1 = gamma * task.lambda, c2 = c1 * c1, c4 = c2 * c2;
  Vector const none = {};
  Vector powers = none;  // c^8 ... c^1
  powers[7] = c1;
  for (int i = 7; i-- > 0;) powers[i] = powers[i + 1] * c1;

  std::size_t t = end - begin;
  T carry = state.advantage, next = state.value;
  auto const one = [&](T earned) {
    T const here = value ? value[t] : T(0);
    carry = (earned + gamma * next - here) + c1 * carry;
    next = here;
    if (advantage) advantage[t] = carry;
    if (target) target[t] = carry + here;
  };
  if (end == task.n) {
    --t;
    one((reward ? reward[t] : T(0)) + task.last_reward);
  }
  while (t >= 8) {
    t -= 8;
    if (task.stream) {
      prefetch_before(reward + t);
      prefetch_before(value + t);
    }
    Vector x = none, v = none;
    if (reward) std::memcpy(&x, reward + t, sizeof x);
    if (value) {
      Vector after;
      std::memcpy(&after, value + t + 1, sizeof after);
      std::memcpy(&v, value + t, sizeof v);
      x += gamma * after - v;
    }
    x += c1 * __builtin_shufflevector(x, none, 1, 2, 3, 4, 5, 6, 7, 8);
    x += c2 * __builtin_shufflevector(x, none, 2, 3, 4, 5, 6, 7, 8, 8);
    x += c4 * __builtin_shufflevector(x, none, 4, 5, 6, 7, 8, 8, 8, 8);
    x += powers * carry;
    carry = x[0];
    if (advantage) std::memcpy(advantage + t, &x, sizeof x);
    v += x;
    if (target) std::memcpy(target + t, &v, sizeof v);
  }
  if (value) next = value[t];
  while (t > 0) {
    --t;
    one(reward ? reward[t] : T(0));
  }
  state = {carry, next};
}

/// The whole sequence. Outputs that are streamed are made piece by piece in the nearest cache.
template <std::floating_point T>
void discounted_scan(ScanTask<T> const& task) {
  if (task.n == 0) return;
  ScanState<T> state{.value = task.bootstrap};
  if (!task.stream) {
    scan_tokens(task, 0, task.n, state, task.advantage, task.target);
    return;
  }
  constexpr std::size_t piece = 1024;  // of whole blocks
  alignas(64) T advantage[piece + 1], target[piece + 1];
  for (std::size_t end = task.n; end > 0;) {
    std::size_t const wanted = end == task.n ? piece + 1 : piece;  // the last token is a block of its own
    std::size_t const begin = end - std::min(end, wanted);
    scan_tokens(task, begin, end, state, advantage, target);
    if (task.advantage) stream_copy(advantage, end - begin, task.advantage + begin);
    if (task.target) stream_copy(target, end - begin, task.target + begin);
    end = begin;
  }
  end_stream();
}

}  // namespace grove::detail
