// SPDX-License-Identifier: Apache-2.0
// Who owns which part of the parameters: all of them in a row, cut into buckets, each bucket into one piece a rank.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "grove/parameter.hpp"

namespace grove {

/// What ranks divide among themselves (ZeRO, arXiv 1910.02054). Results are the same bits at each level.
enum class Zero : std::uint8_t {
  Nothing,    ///< every rank has all of it
  Optimizer,  ///< moments and masters: each rank updates its pieces and hands out the new values
  Gradients,  ///< besides, no rank keeps the others' gradients after a micro-batch
};

struct Sharding {
  Zero level = Zero::Nothing;
  std::size_t bucket = std::size_t{1} << 22U;  ///< elements that are sent at once
};

/// Bytes that one rank holds for the optimizer.
struct HeldBytes {
  std::size_t moments = 0, masters = 0, gradients = 0;
  std::size_t on_host = 0;  ///< of moments and masters
};

class ShardLayout {
 public:
  /// A stretch of one parameter within a bucket.
  struct Part {
    std::size_t parameter = 0;
    std::size_t offset = 0;  ///< in the parameter
    std::size_t at = 0;      ///< in the bucket
    std::size_t size = 0;
  };
  struct Bucket {
    Dtype dtype = Dtype::F32;
    DeviceMemory const* device = nullptr;
    std::vector<Part> parts{};
    std::size_t size = 0;
    std::size_t piece = 0;  ///< elements of each rank's; the last may reach over the end
  };

  ShardLayout() = default;
  /// Parts begin, and pieces of ranks are cut, at multiples of `unit` elements of their parameter; what is between a
  /// part's end and the next one's beginning belongs to nobody.
  ShardLayout(std::span<const ParameterView> parameters, std::size_t ranks, std::size_t elements,
              std::size_t unit = 1) {
    auto const up = [&](std::size_t n) { return (n + unit - 1) / unit * unit; };
    auto const most = up(std::max<std::size_t>(1, elements));
    for (std::size_t p = 0; p < parameters.size(); ++p)
      for (std::size_t done = 0; done < parameters[p].size;) {
        if (buckets_.empty() || buckets_.back().size >= most || buckets_.back().dtype != parameters[p].dtype ||
            buckets_.back().device != parameters[p].device)
          buckets_.push_back({.dtype = parameters[p].dtype, .device = parameters[p].device});
        auto& bucket = buckets_.back();
        auto const n = std::min(parameters[p].size - done, most - bucket.size);
        bucket.parts.push_back({.parameter = p, .offset = done, .at = bucket.size, .size = n});
        bucket.size += up(n);
        done += n;
      }
    for (auto& bucket : buckets_) bucket.piece = up((bucket.size + ranks - 1) / ranks);
  }

  std::vector<Bucket> const& buckets() const { return buckets_; }

  /// What a rank owns of a bucket, its parts cut to the rank's piece.
  static std::vector<Part> owned(Bucket const& bucket, std::size_t rank) {
    std::vector<Part> parts;
    auto const first = rank * bucket.piece, last = std::min(bucket.size, first + bucket.piece);
    for (auto part : bucket.parts) {
      auto const begin = std::max(part.at, first), end = std::min(part.at + part.size, last);
      if (begin >= end) continue;
      part.offset += begin - part.at;
      part.at = begin;
      part.size = end - begin;
      parts.push_back(part);
    }
    return parts;
  }

 private:
  std::vector<Bucket> buckets_;
};

namespace detail {

inline std::byte* value_of(ParameterView const& p, std::size_t offset) {
  return static_cast<std::byte*>(p.value) + offset * value_bytes(p.dtype);
}
inline std::byte* gradient_of(ParameterView const& p, std::size_t offset) {
  return static_cast<std::byte*>(p.gradient) + offset * gradient_bytes(p.dtype);
}

/// Sets the host's memory to zero; with `give_back`, whole pages of it return to the system until they are written
/// again.
inline void clear(std::byte* memory, std::size_t bytes, bool give_back) {
#if defined(__linux__)
  auto const page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  auto const first = (page - reinterpret_cast<std::uintptr_t>(memory) % page) % page;
  if (give_back && bytes >= first + page) {
    auto const whole = (bytes - first) / page * page;
    std::memset(memory, 0, first);
    if (::madvise(memory + first, whole, MADV_DONTNEED) != 0) std::memset(memory + first, 0, whole);
    std::memset(memory + first + whole, 0, bytes - first - whole);
    return;
  }
#endif
  static_cast<void>(give_back);
  std::memset(memory, 0, bytes);
}

}  // namespace detail

}  // namespace grove
