// SPDX-License-Identifier: Apache-2.0
#include "grove/cuda/block.cuh"
#include "grove/cuda/decode_rows.hpp"
#include "grove/cuda/launch.cuh"

namespace grove::cuda {
namespace {

constexpr unsigned threads = 256;
constexpr unsigned heads_per_block = 4;

template <class T>
__global__ void __launch_bounds__(threads) add_norm_kernel(AddNorm<T> in) {
  __shared__ float shared[threads / 32];
  add_norm_row(Block{}, in, blockIdx.x, shared);
}

template <class T>
__global__ void rotate_kernel(RotateAndStore<T> in) {
  rotate_and_store_heads(Block{}, in, blockIdx.y, blockIdx.x);
}

template <class T>
__global__ void silu_kernel(GatedSilu<T> in) {
  std::size_t const i = std::size_t{blockIdx.x} * threads + threadIdx.x;
  if (i < std::size_t{in.rows} * in.n) gated_silu_element(in, i);
}

template <class T>
void launch(AddNorm<T> const& in, CUstream_st* stream) {
  if (in.rows == 0) return;
  add_norm_kernel<<<in.rows, threads, 0, stream>>>(in);
  check_launch("add_norm");
}

template <class T>
void launch(RotateAndStore<T> const& in, CUstream_st* stream) {
  if (in.rows == 0) return;
  unsigned const blocks = (in.all_heads() + heads_per_block - 1) / heads_per_block;
  rotate_kernel<<<dim3(blocks, in.rows), heads_per_block * 32, 0, stream>>>(in);
  check_launch("rotate_and_store");
}

template <class T>
void launch(GatedSilu<T> const& in, CUstream_st* stream) {
  std::size_t const elements = std::size_t{in.rows} * in.n;
  if (elements == 0) return;
  silu_kernel<<<static_cast<unsigned>((elements + threads - 1) / threads), threads, 0, stream>>>(in);
  check_launch("gated_silu");
}

}  // namespace

void add_norm(AddNorm<float> const& in, CUstream_st* stream) { launch(in, stream); }
void add_norm(AddNorm<Bf16> const& in, CUstream_st* stream) { launch(in, stream); }
void rotate_and_store(RotateAndStore<float> const& in, CUstream_st* stream) { launch(in, stream); }
void rotate_and_store(RotateAndStore<Bf16> const& in, CUstream_st* stream) { launch(in, stream); }
void gated_silu(GatedSilu<float> const& in, CUstream_st* stream) { launch(in, stream); }
void gated_silu(GatedSilu<Bf16> const& in, CUstream_st* stream) { launch(in, stream); }

}  // namespace grove::cuda
