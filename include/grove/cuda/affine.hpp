// SPDX-License-Identifier: Apache-2.0
// The arithmetic of scans on a device, apart from threads and memory, so that the host can run and test it.
#pragma once

#include <concepts>
#include <cstddef>

#include "grove/host_device.hpp"

namespace grove::cuda {

/// x -> scale x + offset. A step of GAE is one: A_t = d_t + gamma lambda A_{t+1}.
template <std::floating_point T>
struct Affine {
  T scale = 1;
  T offset = 0;

  GROVE_HOST_DEVICE constexpr T operator()(T x) const { return scale * x + offset; }
};

/// outer(inner(x))
template <std::floating_point T>
GROVE_HOST_DEVICE constexpr Affine<T> compose(Affine<T> outer, Affine<T> inner) {
  return {outer.scale * inner.scale, outer.offset + outer.scale * inner.offset};
}

/// What a step of a suffix scan over `threads` values makes of value i. After the steps 1, 2, 4, ... below `threads`,
/// value i is the composition of all from i on.
template <std::floating_point T>
GROVE_HOST_DEVICE constexpr Affine<T> suffix_step(Affine<T> const* values, unsigned i, unsigned distance,
                                                  unsigned threads) {
  return i + distance < threads ? compose(values[i], values[i + distance]) : values[i];
}

/// The step of GAE at token t of a sequence of n: rewards and values are those of its tokens.
template <std::floating_point T>
struct GaeStep {
  T gamma, lambda;
  T last_reward;  ///< added to the last token's
  T bootstrap;    ///< value after the last token

  GROVE_HOST_DEVICE constexpr Affine<T> operator()(T const* reward, T const* value, std::size_t t,
                                                   std::size_t n) const {
    bool const last = t + 1 == n;
    T const earned = (reward ? reward[t] : T(0)) + (last ? last_reward : T(0));
    T const next = last ? bootstrap : value[t + 1];
    return {gamma * lambda, earned + gamma * next - value[t]};
  }
};

}  // namespace grove::cuda
