// SPDX-License-Identifier: Apache-2.0
// Runs a loop on the widest vector unit of this machine. A header-only library cannot ask its users for -march, so the
// loop is compiled once for each unit and the machine chooses when it runs.
#pragma once

#include "grove/host_device.hpp"

namespace grove::detail {

#if defined(__x86_64__) && !defined(__CUDACC__)

template <class F>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"), gnu::flatten]] void with_avx512(F const& f) {
  f();
}

template <class F>
[[gnu::target("avx2,fma"), gnu::flatten]] void with_avx2(F const& f) {
  f();
}

/// f(), compiled for AVX-512, AVX2 and plain x86-64. Results may differ in the last bits between machines, because
/// multiplications and additions are fused where the unit can.
template <class F>
void on_vector_units(F const& f) {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
    with_avx512(f);
  else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    with_avx2(f);
  else
    f();
}

#else

template <class F>
void on_vector_units(F const& f) {
  f();
}

#endif

}  // namespace grove::detail
