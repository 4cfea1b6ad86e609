// SPDX-License-Identifier: Apache-2.0
// Causal attention of rows of one sequence over pages of keys and values, for the query heads that share one key/value
// head. A row's result is the same number for number whichever rows it is computed with: a score is one chain over the
// head's dimensions, the softmax works on sixteen keys at a time, and values are added key by key in ascending order.
#pragma once

#include <cstddef>

#include "grove/nn/cpu/kv_cache.hpp"

namespace grove::nn::cpu::detail {

struct AttentionShape {
  std::size_t group = 1;  ///< query heads that share the key/value head
  std::size_t head_dim = 0;
  std::size_t value_stride = 0;  ///< head_dim rounded up to 16
  std::size_t window = 0;        ///< how many keys a query sees, itself included; 0: all earlier ones
  float scale = 1;               ///< of the scores
};

/// Rows `first` .. `first + rows - 1` of a sequence. Query head g of row r is at q[r * ldq + g * head_dim], its result
/// at out[r * ldo + g * head_dim], its statistics (maximum, sum) at statistics[r * lds + 2 * g].
struct AttentionRows {
  float const* q = nullptr;
  std::size_t ldq = 0;
  float* const* pages = nullptr;  ///< of the sequence, in order; keys as in KvShape
  std::size_t offset = 0;         ///< of the keys of this layer and head in a page; the values follow
  std::size_t first = 0;
  std::size_t rows = 0;
  float* out = nullptr;
  std::size_t ldo = 0;
  float* statistics = nullptr;  ///< may be null
  std::size_t lds = 0;
  float* scratch = nullptr;  ///< attention_scratch(first + rows)
};

/// Floats of scratch for rows that see up to `keys` keys.
[[nodiscard]] constexpr std::size_t attention_scratch(std::size_t keys) noexcept {
  return 8 * (KvShape::pages(keys) + 4) * KvShape::page_tokens;
}

/// A whole sequence and one key/value head: from the gradient of `out` to those of queries, keys and values.
/// Row r's query head g at q[r * ld + g * head_dim], its key at k[r * ld], its value at v[r * ld]; dq, dk and dv alike
/// with `ldd`; they are written, not added to.
struct AttentionGradient {
  float const* q = nullptr;
  float const* k = nullptr;
  float const* v = nullptr;
  std::size_t ld = 0;
  float const* out = nullptr;
  float const* dout = nullptr;
  std::size_t ldo = 0;
  float const* statistics = nullptr;
  std::size_t lds = 0;
  std::size_t rows = 0;
  float* dq = nullptr;
  float* dk = nullptr;
  float* dv = nullptr;
  std::size_t ldd = 0;
  float* scratch = nullptr;  ///< attention_backward_scratch(rows, shape.value_stride)
};

[[nodiscard]] constexpr std::size_t attention_backward_scratch(std::size_t rows, std::size_t value_stride) noexcept {
  std::size_t const keys = (KvShape::pages(rows) + 4) * KvShape::page_tokens;
  return keys * (5 * value_stride + 2 * 8) + 3 * 8 * value_stride;
}

// The rest is the kernels' own. It stands here and not beside them, since they are compiled for instruction sets that
// not every CPU has, and a function that several files compile must not be among those.

/// Where the pages of a sequence lie: a table of addresses, or one block of equal steps.
struct PageTable {
  float* const* pages;
  std::size_t offset;
  float const* operator()(std::size_t page) const { return pages[page] + offset; }
};
struct PageBlock {
  float const* begin;
  std::size_t step;
  float const* operator()(std::size_t page) const { return begin + page * step; }
};

/// The keys that a tile's queries see, together and each.
struct KeyRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  [[nodiscard]] std::size_t page_begin() const { return begin / KvShape::page_tokens; }
  [[nodiscard]] std::size_t page_end() const { return KvShape::pages(end); }
};

inline KeyRange keys_of(AttentionShape const& shape, std::size_t position) {
  std::size_t const end = position + 1;
  return {shape.window != 0 && end > shape.window ? end - shape.window : 0, end};
}

}  // namespace grove::nn::cpu::detail
