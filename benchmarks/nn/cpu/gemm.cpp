// SPDX-License-Identifier: Apache-2.0
// The products of the CPU engine beside LibTorch's (MKL's) on the shapes of the models: one run, GFLOP/s each, and for
// few rows the speed at which weights stream by. Arguments: m, n (outputs), k (depth), threads.
#include "grove/nn/cpu/gemm.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <vector>

namespace {

using grove::nn::cpu::PackedMatrix;
using grove::nn::cpu::ThreadPool;

struct Shape {
  explicit Shape(benchmark::State const& state)
      : m(static_cast<std::size_t>(state.range(0))),
        n(static_cast<std::size_t>(state.range(1))),
        k(static_cast<std::size_t>(state.range(2))),
        threads(static_cast<std::size_t>(state.range(3))) {}

  std::size_t m, n, k, threads;
  std::vector<float> x = std::vector<float>(m * k, 0.5F);
  std::vector<float> w = std::vector<float>(n * k, 0.25F);
  std::vector<float> y = std::vector<float>(m * n, 1.0F);

  void report(benchmark::State& state, std::size_t weight_bytes) const {
    auto const runs = static_cast<double>(state.iterations());
    state.counters["GFLOP/s"] =
        benchmark::Counter(2e-9 * static_cast<double>(m * n * k) * runs, benchmark::Counter::kIsRate);
    state.counters["weights_GB/s"] =
        benchmark::Counter(1e-9 * static_cast<double>(n * k * weight_bytes) * runs, benchmark::Counter::kIsRate);
  }
};

void grove_product(benchmark::State& state) {
  Shape s(state);
  ThreadPool pool(s.threads);
  PackedMatrix packed;
  packed.pack(s.w.data(), s.n, s.k, pool);
  for (auto _ : state) grove::nn::cpu::gemm(pool, s.x.data(), s.k, s.m, packed, s.y.data(), s.n);
  s.report(state, sizeof(float));
}

void grove_product_bf16(benchmark::State& state) {
  Shape s(state);
  ThreadPool pool(s.threads);
  std::vector<std::uint16_t> const bits(s.n * s.k, 0x3E80);
  PackedMatrix packed;
  packed.pack_bf16(bits.data(), s.n, s.k, pool);
  for (auto _ : state) grove::nn::cpu::gemm(pool, s.x.data(), s.k, s.m, packed, s.y.data(), s.n);
  s.report(state, sizeof(std::uint16_t));
}

void grove_weight_gradient(benchmark::State& state) {
  Shape s(state);
  ThreadPool pool(s.threads);
  for (auto _ : state) {
    grove::nn::cpu::gemm_weight_gradient(pool, s.y.data(), s.n, s.x.data(), s.k, s.m, s.n, s.k, s.w.data(), s.k);
  }
  s.report(state, sizeof(float));
}

void grove_pack(benchmark::State& state) {
  Shape s(state);
  ThreadPool pool(s.threads);
  PackedMatrix forward;
  PackedMatrix backward;
  for (auto _ : state) {
    forward.pack(s.w.data(), s.n, s.k, pool);
    backward.pack_transposed(s.w.data(), s.n, s.k, pool);
  }
  s.report(state, 2 * sizeof(float));
}

// tiny: hidden 128, 4 heads of 32 and 2 of keys, inner 384, vocabulary 515. mid: 512 and 1536. 1.5B: 1536 and 8960.
constexpr std::array<std::array<std::int64_t, 2>, 8> layers = {
    {{256, 128}, {768, 128}, {128, 384}, {515, 128}, {512, 512}, {3072, 512}, {512, 1536}, {8960, 1536}}};

void products(benchmark::internal::Benchmark* b) {
  for (std::int64_t threads : {1, 2}) {
    for (auto const& [n, k] : layers) {
      for (std::int64_t m : {1, 4, 16, 64, 256}) b->Args({m, n, k, threads});
    }
    b->Args({4096, 512, 1536, threads});
    b->Args({1, 151936, 1536, threads});
  }
  b->ArgNames({"m", "n", "k", "threads"})->UseRealTime();
}

void gradients(benchmark::internal::Benchmark* b) {
  for (std::int64_t threads : {1, 2}) {
    for (auto const& [n, k] : layers) {
      for (std::int64_t m : {64, 256}) b->Args({m, n, k, threads});
    }
    b->Args({4096, 768, 128, threads});
    b->Args({4096, 512, 1536, threads});
  }
  b->ArgNames({"m", "n", "k", "threads"})->UseRealTime();
}

void packings(benchmark::internal::Benchmark* b) {
  for (std::int64_t threads : {1, 2}) {
    for (auto const& [n, k] : layers) b->Args({0, n, k, threads});
  }
  b->ArgNames({"m", "n", "k", "threads"})->UseRealTime();
}

BENCHMARK(grove_product)->Apply(products);
BENCHMARK(grove_product_bf16)->Apply(products);
BENCHMARK(grove_weight_gradient)->Apply(gradients);
BENCHMARK(grove_pack)->Apply(packings);
}  // namespace

#if __has_include(<ATen/ops/mm.h>)
#include <ATen/Parallel.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <c10/core/InferenceMode.h>

namespace {

at::Tensor view(std::vector<float>& values, std::size_t rows, std::size_t columns) {
  return at::from_blob(values.data(), {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)});
}

void torch_product(benchmark::State& state) {
  c10::InferenceMode const inference;
  Shape s(state);
  at::set_num_threads(static_cast<int>(s.threads));
  at::Tensor const x = view(s.x, s.m, s.k);
  at::Tensor const w = view(s.w, s.n, s.k).t();
  at::Tensor y = view(s.y, s.m, s.n);
  for (auto _ : state) at::mm_out(y, x, w);
  s.report(state, sizeof(float));
}

void torch_weight_gradient(benchmark::State& state) {
  c10::InferenceMode const inference;
  Shape s(state);
  at::set_num_threads(static_cast<int>(s.threads));
  at::Tensor const dy = view(s.y, s.m, s.n).t();
  at::Tensor const x = view(s.x, s.m, s.k);
  at::Tensor dw = view(s.w, s.n, s.k);
  for (auto _ : state) at::addmm_out(dw, dw, dy, x);
  s.report(state, sizeof(float));
}

BENCHMARK(torch_product)->Apply(products);
BENCHMARK(torch_weight_gradient)->Apply(gradients);

}  // namespace
#endif
