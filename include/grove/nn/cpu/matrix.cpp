// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/matrix.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "grove/nn/cpu/thread_pool.hpp"

namespace grove::nn::cpu {
namespace detail {
namespace {

constexpr std::size_t cache_line = 64;
constexpr std::size_t huge_page = std::size_t{1} << 21U;

}  // namespace

void AlignedDelete::operator()(std::byte* memory) const noexcept { std::free(memory); }

void AlignedBuffer::resize(std::size_t bytes) {
  if (bytes <= capacity_ && bytes > 0) return;
  data_.reset();
  capacity_ = 0;
  if (bytes == 0) return;
  std::size_t const alignment = bytes >= 2 * huge_page ? huge_page : cache_line;
  std::size_t const rounded = (bytes + alignment - 1) / alignment * alignment;
  if (rounded < bytes) throw std::bad_alloc();
  data_.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, rounded)));
  if (!data_) throw std::bad_alloc();
  capacity_ = rounded;
#if defined(MADV_HUGEPAGE)
  if (alignment == huge_page) madvise(data_.get(), rounded, MADV_HUGEPAGE);
#endif
}

}  // namespace detail

namespace {

constexpr std::size_t width = PackedMatrix::panel_width;

// Rows of the source become columns of a panel: `count` rows of `depth` numbers, by blocks of 4 x 4 turned in
// registers.
template <class T>
void pack_panel(T const* rows, std::size_t count, std::size_t depth, T* panel) {
  using Four [[gnu::vector_size(4 * sizeof(T))]] = T;
  constexpr std::size_t near = 32;  // steps of the depth for which the panel's lines stay in the first-level cache
  std::size_t const square_rows = count / 4 * 4;
  std::size_t const square_depth = depth / 4 * 4;
  for (std::size_t from = 0; from < square_depth; from += near) {
    for (std::size_t j = 0; j < square_rows; j += 4) {
      for (std::size_t d = from; d < std::min(from + near, square_depth); d += 4) {
        Four r[4];
        for (std::size_t i = 0; i < 4; ++i) std::memcpy(&r[i], rows + (j + i) * depth + d, sizeof(Four));
        Four const low01 = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
        Four const high01 = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
        Four const low23 = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
        Four const high23 = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
        r[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
        r[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
        r[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
        r[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
        for (std::size_t i = 0; i < 4; ++i) std::memcpy(panel + (d + i) * width + j, &r[i], sizeof(Four));
      }
    }
  }
  for (std::size_t d = 0; d < depth; ++d) {
    for (std::size_t j = d < square_depth ? square_rows : 0; j < count; ++j) panel[d * width + j] = rows[j * depth + d];
    std::fill(panel + d * width + count, panel + (d + 1) * width, T{0});
  }
}

// Some rows of the source in the type that is stored: themselves, or the upper halves of floats.
template <class T, class Source>
class Rows {
 public:
  Rows(Source const* rows, std::size_t count) : narrow_(count) {
    for (std::size_t i = 0; i < count; ++i) narrow_[i] = static_cast<T>(std::bit_cast<std::uint32_t>(rows[i]) >> 16U);
  }
  [[nodiscard]] T const* data() const noexcept { return narrow_.data(); }

 private:
  std::vector<T> narrow_;
};
template <class T>
class Rows<T, T> {
 public:
  Rows(T const* rows, std::size_t) : rows_(rows) {}
  [[nodiscard]] T const* data() const noexcept { return rows_; }

 private:
  T const* rows_;
};

// `steps` rows of the source, from one row of each panel on.
template <class T>
void pack_rows(T const* rows, std::size_t steps, std::size_t outputs, T* first_panel, std::size_t panel_size) {
  for (std::size_t d = 0; d < steps; ++d) {
    T const* source = rows + d * outputs;
    T* target = first_panel + d * width;
    for (std::size_t left = outputs; left > 0; source += width, target += panel_size) {
      std::size_t const count = std::min(width, left);
      if (count == width) {
        std::memcpy(target, source, width * sizeof(T));
      } else {
        std::fill(std::copy_n(source, count, target), target + width, T{0});
      }
      left -= count;
    }
  }
}

}  // namespace

void PackedMatrix::pack(float const* w, std::size_t n, std::size_t k, ThreadPool& pool) {
  pack_plain<float>(w, n, k, Storage::F32, pool);
}

void PackedMatrix::pack_transposed(float const* w, std::size_t n, std::size_t k, ThreadPool& pool) {
  pack_turned<float>(w, n, k, Storage::F32, pool);
}

void PackedMatrix::pack_narrow(float const* w, std::size_t n, std::size_t k, ThreadPool& pool) {
  pack_plain<std::uint16_t>(w, n, k, Storage::Bf16, pool);
}

void PackedMatrix::pack_narrow_transposed(float const* w, std::size_t n, std::size_t k, ThreadPool& pool) {
  pack_turned<std::uint16_t>(w, n, k, Storage::Bf16, pool);
}

void PackedMatrix::pack_bf16(std::uint16_t const* w, std::size_t n, std::size_t k, ThreadPool& pool) {
  pack_plain<std::uint16_t>(w, n, k, Storage::Bf16, pool);
}

void PackedMatrix::pack_bf16_transposed(std::uint16_t const* w, std::size_t n, std::size_t k, ThreadPool& pool) {
  pack_turned<std::uint16_t>(w, n, k, Storage::Bf16, pool);
}

std::byte* PackedMatrix::prepare(std::size_t outputs, std::size_t depth, Storage storage) {
  std::size_t const panels = (outputs + panel_width - 1) / panel_width;
  std::size_t const element = storage == Storage::F32 ? sizeof(float) : sizeof(std::uint16_t);
  outputs_ = 0;
  depth_ = 0;
  buffer_.resize(panels * panel_width * depth * element);
  outputs_ = outputs;
  depth_ = depth;
  storage_ = storage;
  return buffer_.data();
}

template <class T, class Source>
void PackedMatrix::pack_plain(Source const* w, std::size_t n, std::size_t k, Storage storage, ThreadPool& pool) {
  T* const packed = reinterpret_cast<T*>(prepare(n, k, storage));
  pool.parallel_for((n + width - 1) / width, [=](std::size_t panel) {
    std::size_t const first = panel * width;
    std::size_t const count = std::min(width, n - first);
    Rows<T, Source> const rows(w + first * k, count * k);
    pack_panel(rows.data(), count, k, packed + first * k);
  });
}

template <class T, class Source>
void PackedMatrix::pack_turned(Source const* w, std::size_t n, std::size_t k, Storage storage, ThreadPool& pool) {
  constexpr std::size_t block = 32;  // rows of w a task
  T* const packed = reinterpret_cast<T*>(prepare(k, n, storage));
  pool.parallel_for((n + block - 1) / block, [=](std::size_t task) {
    std::size_t const first = task * block;
    std::size_t const count = std::min(block, n - first);
    Rows<T, Source> const rows(w + first * k, count * k);
    pack_rows(rows.data(), count, k, packed + first * width, n * width);
  });
}

bool all_bf16(std::span<float const> values, ThreadPool& pool) {
  constexpr std::size_t block = std::size_t{1} << 16U;
  std::atomic<bool> all{true};
  pool.parallel_for((values.size() + block - 1) / block, [&](std::size_t task) {
    if (!all.load(std::memory_order_relaxed)) return;
    auto const part = values.subspan(task * block, std::min(block, values.size() - task * block));
    std::uint32_t low = 0;
    for (float const x : part) low |= std::bit_cast<std::uint32_t>(x) & 0xFFFFU;
    if (low != 0) all.store(false, std::memory_order_relaxed);
  });
  return all;
}

}  // namespace grove::nn::cpu
