// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <type_traits>

#if defined(__x86_64__) && !defined(__CUDACC__)
#include <emmintrin.h>
#endif

namespace grove::detail {

/// out[i] = sqrt(x[i]), rounded correctly. `std::sqrt` sets errno, so that no compiler makes vector instructions of a
/// loop over it.
template <std::floating_point T>
void square_roots(T const* x, std::size_t n, T* out) {
  std::size_t i = 0;
#if defined(__x86_64__) && !defined(__CUDACC__)
  if constexpr (std::is_same_v<T, float>) {
    for (; i + 4 <= n; i += 4) _mm_storeu_ps(out + i, _mm_sqrt_ps(_mm_loadu_ps(x + i)));
  } else if constexpr (std::is_same_v<T, double>) {
    for (; i + 2 <= n; i += 2) _mm_storeu_pd(out + i, _mm_sqrt_pd(_mm_loadu_pd(x + i)));
  }
#endif
  for (; i < n; ++i) out[i] = std::sqrt(x[i]);
}

}  // namespace grove::detail
