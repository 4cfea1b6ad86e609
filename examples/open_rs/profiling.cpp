// SPDX-License-Identifier: Apache-2.0
#include "open_rs/profiling.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <vector>

#include "grove/nn/cpu/gemm.hpp"
#include "grove/nn/torch/device.hpp"
#include "grove/nn/torch/ranges.hpp"
#include "grove/plan/machine.hpp"
#include "open_rs/training.hpp"

namespace open_rs {
namespace {

namespace cpu = grove::nn::cpu;

/// Best seconds of some calls.
template <class F>
double seconds_of(F&& f) {
  double best = 1e9;
  for (int i = 0; i < 4; ++i) {
    auto const start = std::chrono::steady_clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

/// Operations and bytes a second of this machine: a matrix product that fits the caches well, and one row times a
/// matrix that does not fit them at all.
void measure_cpu(grove::ProfileOptions& options, std::size_t threads) {
  constexpr std::size_t n = 768, rows = 16384, depth = 2048;
  cpu::ThreadPool pool(threads);
  std::vector<float> const values(rows * depth, 0.5F), input(n * n, 0.5F);
  std::vector<float> result(std::max(n * n, rows));
  cpu::PackedMatrix square, tall;
  square.pack(values.data(), n, n, pool);
  tall.pack(values.data(), rows, depth, pool);
  options.operations =
      2.0 * n * n * n / seconds_of([&] { cpu::gemm(pool, input.data(), n, n, square, result.data(), n); });
  options.bandwidth =
      4.0 * rows * depth / seconds_of([&] { cpu::gemm(pool, input.data(), depth, 1, tall, result.data(), rows); });
}

/// The data sheet's figures of the device that is there, where the plan knows it.
void look_up_gpu(grove::ProfileOptions& options) {
  for (auto const& device : grove::nn::torch::cuda_devices())
    for (auto const& gpu : grove::plan::gpus)
      if (std::string_view(device.name).find(gpu.name.substr(0, gpu.name.find('-'))) != std::string_view::npos) {
        options.operations = gpu.operations;
        options.bandwidth = gpu.bandwidth;
        return;
      }
}

}  // namespace

std::unique_ptr<grove::Profile> profile_of(TrainFlags const& flags, Recipe const& recipe,
                                           grove::io::ModelConfig const& model) {
  if (flags.trace.empty() && !flags.profile) return nullptr;
  auto const lm = flags.model.resolved();
  grove::ProfileOptions options{.trace = flags.trace,
                                .rank = flags.ranks.rank(),
                                .model = grove::plan::shape_of(model),
                                .adapters = recipe.lora.use_peft};
  options.weight_bytes = options.model.multiplied() * (lm.dtype == grove::Dtype::BF16 ? 2 : 4);
  if (lm.device == grove::Device::Cpu)
    measure_cpu(options, flags.model.threads > 0 ? flags.model.threads : threads_of_rank());
  else
    look_up_gpu(options);
  return std::make_unique<grove::Profile>(std::move(options));
}

void attach(grove::Profile& profile, grove::TrainOptions& options) {
  options.on_span = profile.on_span(grove::nn::torch::range_hook());
  options.on_step = [&profile](grove::StepSize const& size, grove::Metrics& metrics) { profile.report(size, metrics); };
}

}  // namespace open_rs
