// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/matrix.hpp"

#include <cstdint>
#include <numeric>
#include <vector>

#include "grove/nn/cpu/thread_pool.hpp"
#include "support/catch.hpp"

using grove::nn::cpu::PackedMatrix;
using grove::nn::cpu::ThreadPool;

namespace {

constexpr std::size_t width = PackedMatrix::panel_width;

// What the matrix holds for (depth, output), zeros of the last panel included.
template <class T>
T at(PackedMatrix const& matrix, std::size_t depth, std::size_t output) {
  return static_cast<T const*>(matrix.panel(output / width, depth))[output % width];
}

template <class T>
std::vector<T> numbered(std::size_t count) {
  std::vector<T> w(count);
  std::iota(w.begin(), w.end(), T{1});
  return w;
}

template <class T>
void check_layout(PackedMatrix const& matrix, std::vector<T> const& w, std::size_t output_stride,
                  std::size_t depth_stride) {
  std::size_t const padded = (matrix.outputs() + width - 1) / width * width;
  std::size_t wrong = 0;
  for (std::size_t d = 0; d < matrix.depth(); ++d) {
    for (std::size_t o = 0; o < padded; ++o) {
      T const expected = o < matrix.outputs() ? w[o * output_stride + d * depth_stride] : T{0};
      if (at<T>(matrix, d, o) != expected) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("a weight is packed into panels of its outputs", "[matrix]") {
  ThreadPool pool(2);
  for (std::size_t n : {1, 2, 15, 16, 17, 31, 32, 33, 64, 100}) {
    for (std::size_t k : {1, 3, 15, 16, 17, 32, 70, 129}) {
      CAPTURE(n, k);
      auto const w = numbered<float>(n * k);
      auto const bits = numbered<std::uint16_t>(n * k);
      PackedMatrix matrix;
      matrix.pack(w.data(), n, k, pool);
      CHECK(matrix.outputs() == n);
      CHECK(matrix.depth() == k);
      CHECK(matrix.storage() == PackedMatrix::Storage::F32);
      check_layout(matrix, w, k, 1);

      matrix.pack_transposed(w.data(), n, k, pool);
      CHECK(matrix.outputs() == k);
      CHECK(matrix.depth() == n);
      check_layout(matrix, w, 1, k);

      matrix.pack_bf16(bits.data(), n, k, pool);
      CHECK(matrix.storage() == PackedMatrix::Storage::Bf16);
      check_layout(matrix, bits, k, 1);

      matrix.pack_bf16_transposed(bits.data(), n, k, pool);
      check_layout(matrix, bits, 1, k);
    }
  }
}

TEST_CASE("packing again replaces what was there, smaller or larger", "[matrix]") {
  ThreadPool pool(1);
  PackedMatrix matrix;
  CHECK(matrix.outputs() == 0);
  for (std::size_t n : {100, 7, 300}) {
    auto const w = numbered<float>(n * 5);
    matrix.pack(w.data(), n, 5, pool);
    check_layout(matrix, w, 5, 1);
  }
  matrix.pack(nullptr, 0, 5, pool);
  CHECK(matrix.outputs() == 0);
}

TEST_CASE("panels begin at cache lines and large matrices at huge pages", "[matrix]") {
  ThreadPool pool(2);
  auto const small = numbered<float>(33 * 9);
  PackedMatrix matrix;
  matrix.pack(small.data(), 33, 9, pool);
  CHECK(reinterpret_cast<std::uintptr_t>(matrix.panel(0)) % 64 == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(matrix.panel(1)) % 64 == 0);
  std::vector<float> const large(1024 * 1500, 1.0F);
  matrix.pack(large.data(), 1024, 1500, pool);
  CHECK(reinterpret_cast<std::uintptr_t>(matrix.panel(0)) % (1U << 21U) == 0);
}
