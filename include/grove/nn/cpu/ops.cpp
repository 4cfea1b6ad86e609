// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/ops.hpp"

#include "grove/nn/cpu/ops_lanes_portable.hpp"
#include "grove/nn/cpu/ops_set.hpp"

namespace grove::nn::cpu::detail {

RowOps const& portable_row_ops() noexcept {
  static constexpr RowOps ops = make_row_ops<LanesPortable>();
  return ops;
}

RowOps const* find_row_ops(Isa isa) noexcept {
#if defined(__x86_64__)
  if (isa == Isa::Avx512) {
    bool const has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return has ? &avx512_row_ops() : nullptr;
  }
  if (isa == Isa::Avx2) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2_row_ops() : nullptr;
  }
#endif
  return isa == Isa::Portable ? &portable_row_ops() : nullptr;
}

RowOps const& row_ops() noexcept {
  static RowOps const& best = []() -> RowOps const& {
    for (Isa isa : {Isa::Avx512, Isa::Avx2}) {
      if (RowOps const* const found = find_row_ops(isa)) return *found;
    }
    return portable_row_ops();
  }();
  return best;
}

}  // namespace grove::nn::cpu::detail
