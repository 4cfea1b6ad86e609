// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/matrix.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <type_traits>

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

void PackedMatrix::pack(float const* w, std::size_t n, std::size_t k, ThreadPool& pool) {
  storage_ = Storage::F32;
  fill(w, n, k, k, 1, pool);
}

void PackedMatrix::pack_transposed(float const* w, std::size_t n, std::size_t k, ThreadPool& pool) {
  storage_ = Storage::F32;
  fill(w, k, n, 1, k, pool);
}

void PackedMatrix::pack_bf16(std::uint16_t const* w, std::size_t n, std::size_t k, ThreadPool& pool) {
  storage_ = Storage::Bf16;
  fill(w, n, k, k, 1, pool);
}

void PackedMatrix::pack_bf16_transposed(std::uint16_t const* w, std::size_t n, std::size_t k, ThreadPool& pool) {
  storage_ = Storage::Bf16;
  fill(w, k, n, 1, k, pool);
}

template <class T>
void PackedMatrix::fill(T const* w, std::size_t outputs, std::size_t depth, std::size_t output_stride,
                        std::size_t depth_stride, ThreadPool& pool) {
  std::size_t const panels = (outputs + panel_width - 1) / panel_width;
  buffer_.resize(panels * panel_width * depth * sizeof(T));
  outputs_ = outputs;
  depth_ = depth;
  T* const packed = reinterpret_cast<T*>(buffer_.data());
  pool.parallel_for(panels, [=](std::size_t panel) {
    std::size_t const first = panel * panel_width;
    std::size_t const width = std::min(panel_width, outputs - first);
    T const* const source = w + first * output_stride;
    T* const target = packed + panel * panel_width * depth;
    for (std::size_t d = 0; d < depth; ++d) {
      for (std::size_t j = 0; j < panel_width; ++j)
        target[d * panel_width + j] = j < width ? source[j * output_stride + d * depth_stride] : T{0};
    }
  });
}

}  // namespace grove::nn::cpu
