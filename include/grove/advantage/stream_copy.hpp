// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__x86_64__) && !defined(__CUDACC__)
#include <emmintrin.h>
#endif

namespace grove::detail {

/// Copies to memory that nobody reads soon: whole cache lines go past the cache, which otherwise reads each line from
/// memory before it is overwritten. `end_stream` must follow before another thread reads.
template <class T>
void stream_copy(T const* from, std::size_t n, T* to) {
  static_assert(std::is_trivially_copyable_v<T>);
#if defined(__x86_64__) && !defined(__CUDACC__)
  constexpr std::size_t line = 64, vector = sizeof(__m128i);
  auto const* source = reinterpret_cast<char const*>(from);
  auto* target = reinterpret_cast<char*>(to);
  std::size_t bytes = n * sizeof(T);
  auto const before = std::min(bytes, (line - reinterpret_cast<std::uintptr_t>(target) % line) % line);
  std::memcpy(target, source, before);
  source += before, target += before, bytes -= before;
  for (; bytes >= line; source += line, target += line, bytes -= line)
    for (std::size_t i = 0; i < line; i += vector)
      _mm_stream_si128(reinterpret_cast<__m128i*>(target + i),
                       _mm_loadu_si128(reinterpret_cast<__m128i const*>(source + i)));
  std::memcpy(target, source, bytes);
#else
  std::memcpy(to, from, n * sizeof(T));
#endif
}

/// Makes what was streamed visible before anything that this thread writes from now on.
inline void end_stream() {
#if defined(__x86_64__) && !defined(__CUDACC__)
  _mm_sfence();
#endif
}

}  // namespace grove::detail
