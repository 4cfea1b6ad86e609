// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace grove::nn::cpu {

class ThreadPool;

namespace detail {

/// Releases what AlignedBuffer allocates.
struct AlignedDelete {
  void operator()(std::byte* memory) const noexcept;
};

/// Uninitialised memory at a cache line's border; from some megabytes on in huge pages where the system has them, since
/// streaming weights through 4 KiB pages costs a table walk each 4 KiB.
class AlignedBuffer {
 public:
  /// Makes room for at least `bytes`, losing what was there; shrinks only to nothing. Throws std::bad_alloc.
  void resize(std::size_t bytes);
  [[nodiscard]] std::byte* data() const noexcept { return data_.get(); }

 private:
  std::unique_ptr<std::byte, AlignedDelete> data_;
  std::size_t capacity_ = 0;
};

}  // namespace detail

/// The right-hand side of a product, stored for the kernels of gemm.hpp: panels of 32 outputs, each `[depth, 32]`, the
/// last one filled up with zeros. Packing costs about as much as copying the weights, so it is done once for each
/// version of them and the result used for every step.
class PackedMatrix {
 public:
  enum class Storage { F32, Bf16 };
  static constexpr std::size_t panel_width = 32;

  /// `w` is `[n, k]` row-major, as Hugging Face stores a linear layer: y[m, n] = x[m, k] * W^T; n outputs, depth k.
  void pack(float const* w, std::size_t n, std::size_t k, ThreadPool& pool);

  /// The other orientation of the same `[n, k]` memory, for the input's gradient: dx[m, k] = dy[m, n] * W; k outputs,
  /// depth n.
  void pack_transposed(float const* w, std::size_t n, std::size_t k, ThreadPool& pool);

  /// Like pack and pack_transposed, kept as bfloat16 bits, to which every value is rounded down: a product is the same,
  /// bit for bit, where all are bfloat16 numbers already (see `all_bf16`), and needs half the memory traffic.
  void pack_narrow(float const* w, std::size_t n, std::size_t k, ThreadPool& pool);
  void pack_narrow_transposed(float const* w, std::size_t n, std::size_t k, ThreadPool& pool);

  /// Like pack and pack_transposed with bfloat16 bits, kept as they are: half the memory traffic. A product equals
  /// that with the same weights widened to f32, bit for bit.
  void pack_bf16(std::uint16_t const* w, std::size_t n, std::size_t k, ThreadPool& pool);
  void pack_bf16_transposed(std::uint16_t const* w, std::size_t n, std::size_t k, ThreadPool& pool);

  [[nodiscard]] std::size_t outputs() const noexcept { return outputs_; }
  [[nodiscard]] std::size_t depth() const noexcept { return depth_; }
  [[nodiscard]] Storage storage() const noexcept { return storage_; }

  /// Panel `index` from depth `from` on: `[depth - from, 32]` floats or bfloat16 bits.
  [[nodiscard]] void const* panel(std::size_t index, std::size_t from = 0) const noexcept {
    return buffer_.data() + (index * depth_ + from) * panel_width * element_size();
  }
  [[nodiscard]] std::size_t element_size() const noexcept { return storage_ == Storage::F32 ? 4 : 2; }

 private:
  std::byte* prepare(std::size_t outputs, std::size_t depth, Storage storage);
  template <class T, class Source>
  void pack_plain(Source const* w, std::size_t n, std::size_t k, Storage storage, ThreadPool& pool);
  template <class T, class Source>
  void pack_turned(Source const* w, std::size_t n, std::size_t k, Storage storage, ThreadPool& pool);

  detail::AlignedBuffer buffer_;
  std::size_t outputs_ = 0;
  std::size_t depth_ = 0;
  Storage storage_ = Storage::F32;
};

/// Whether every value is a bfloat16 number.
bool all_bf16(std::span<float const> values, ThreadPool& pool);

}  // namespace grove::nn::cpu
