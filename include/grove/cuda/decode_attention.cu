// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "grove/cuda/block.cuh"
#include "grove/cuda/decode_attention.hpp"
#include "grove/cuda/launch.cuh"
#include "grove/error.hpp"

namespace grove::cuda {
namespace {

constexpr unsigned threads = 128;
constexpr unsigned elements = 8;  // of a head in a lane

template <unsigned Dim, unsigned Q, class T>
__global__ void __launch_bounds__(threads) attend_kernel(PagedAttention<T> attention) {
  __shared__ float shared[attention_shared<Dim, Q>(threads, 32)];
  unsigned const tiles = attention.tiles();
  attend_part<Dim, Dim / elements, Q>(Block{}, attention, blockIdx.z, blockIdx.y / tiles, blockIdx.y % tiles,
                                      blockIdx.x, shared);
}

template <unsigned Dim, class T>
__global__ void join_kernel(PagedAttention<T> attention) {
  join_parts<Dim>(Block{}, attention, blockIdx.y, blockIdx.x);
}

template <unsigned Dim, unsigned Q, class T>
void launch(PagedAttention<T> const& in, CUstream_st* stream) {
  attend_kernel<Dim, Q><<<dim3(in.splits(), in.kv_heads * in.tiles(), in.rows), threads, 0, stream>>>(in);
  check_launch("decode_attention");
  if (in.splits() > 1) join_kernel<Dim><<<dim3(in.heads, in.rows), Dim, 0, stream>>>(in);
  check_launch("decode_attention, join");
}

template <unsigned Dim, class T>
void launch_group(PagedAttention<T> const& in, CUstream_st* stream) {
  switch (std::min(in.group(), most_queries)) {
    case 1:
      return launch<Dim, 1>(in, stream);
    case 2:
      return launch<Dim, 2>(in, stream);
    case 3:
    case 4:
      return launch<Dim, 4>(in, stream);
    case 5:
    case 6:
      return launch<Dim, 6>(in, stream);
    default:
      return launch<Dim, 8>(in, stream);
  }
}

template <class T>
void attend(PagedAttention<T> const& in, CUstream_st* stream) {
  if (in.rows == 0) return;
  if (in.head_dim == 64) return launch_group<64>(in, stream);
  if (in.head_dim == 128) return launch_group<128>(in, stream);
  throw Error("decode_attention", "heads of " + std::to_string(in.head_dim), "64 or 128");
}

}  // namespace

void decode_attention(PagedAttention<float> const& attention, CUstream_st* stream) { attend(attention, stream); }
void decode_attention(PagedAttention<Bf16> const& attention, CUstream_st* stream) { attend(attention, stream); }

}  // namespace grove::cuda
