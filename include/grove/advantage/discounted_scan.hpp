// SPDX-License-Identifier: Apache-2.0
// The recurrence of GAE over one sequence, backwards in time, in blocks of a vector.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstring>

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
};

/// A_t = d_t + c A_{t+1} with d_t = r_t + gamma V_{t+1} - V_t and c = gamma lambda. Eight tokens at once: within the
/// block a suffix scan in three steps (x_t += c^s x_{t+s}, s = 1, 2, 4), then one fused multiply-add with what came
/// before, so that one sequence waits for an addition every eight tokens. Blocks are laid from the sequence's end: its
/// neighbours and its place in memory change nothing.
template <std::floating_point T>
void discounted_scan(ScanTask<T> const& task) {
  using Vector [[gnu::vector_size(8 * sizeof(T))]] = T;
  if (task.n == 0) return;
  T const* const reward = task.reward;
  T const* const value = task.value;
  T* const advantage = task.advantage;
  T* const target = task.target;
  T const gamma = task.gamma, c1 = gamma * task.lambda, c2 = c1 * c1, c4 = c2 * c2;
  Vector const none = {};
  Vector powers = none;  // c^8 ... c^1
  powers[7] = c1;
  for (int i = 7; i-- > 0;) powers[i] = powers[i + 1] * c1;

  std::size_t t = task.n;
  T carry = 0, next = task.bootstrap;
  auto const one = [&](T earned) {
    T const here = value ? value[t] : T(0);
    carry = (earned + gamma * next - here) + c1 * carry;
    next = here;
    if (advantage) advantage[t] = carry;
    if (target) target[t] = carry + here;
  };
  --t;
  one((reward ? reward[t] : T(0)) + task.last_reward);
  while (t >= 8) {
    t -= 8;
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
}

}  // namespace grove::detail
