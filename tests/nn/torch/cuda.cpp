// SPDX-License-Identifier: Apache-2.0
// The tensor engine on a CUDA device against the CPU engine; skips, and says so, where there is none.
#include <map>

#include "decoder_support.hpp"
#include "grove/nn/torch/generation.hpp"
#include "support/catch.hpp"

using namespace grove;
using namespace grove::nn;
using torch::test::largest_difference;
using torch::test::Pair;
using torch::test::relative_error;

namespace {

template <class Variant>
void check_device(Dtype dtype, io::ModelConfig const& config) {
  double const tolerance = dtype == Dtype::F32 ? 1e-4 : 0.5;
  double const gradient_tolerance = dtype == Dtype::F32 ? 1e-4 : 5e-2;
  Pair<Variant> pair(cpu::test::random_parameters(config), {.device = Device::Cuda, .dtype = dtype});
  auto const batch = cpu::test::random_batch(6, 40, 67);
  auto const got = torch::test::score(pair.other, batch, 0.7F);
  auto const want = cpu::test::score(pair.own, batch, pair.workspace, 0.7F);
  CHECK(largest_difference(got.log_prob, want.log_prob) < tolerance);
  CHECK(largest_difference(got.entropy, want.entropy) < tolerance);
  HeadColumns const columns{.entropy = true, .sum_squares = true, .hidden = true};
  cpu::Parameters own(pair.parameters.config());
  pair.own.accumulate(batch.packed(), batch.head(0.7F), columns, cpu::test::fill_gradients, own, pair.workspace);
  auto const gradients = torch::test::gradients(pair.other, batch, 0.7F, columns);
  CHECK(relative_error(gradients.values(), own.values()) < gradient_tolerance);

  std::vector<TokenId> const prompt = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  std::vector<cpu::GenerationRequest> const requests = {{.id = 0, .prompt = prompt, .samples = 6}};
  cpu::ThreadPool pool(1);
  auto const check = [&](cpu::GeneratedCompletion&& g) {
    auto sequence = prompt;
    sequence.insert(sequence.end(), g.completion.tokens.begin(), g.completion.tokens.end());
    cpu::test::Batch whole;
    whole.add(sequence);
    auto const scores = torch::test::score(pair.other, whole);
    std::span<float const> const completion = std::span(scores.log_prob).subspan(prompt.size() - 1);
    CHECK(largest_difference(g.completion.log_probs, completion) < tolerance);
  };
  torch::generate(pair.other, requests, {.max_tokens = 40}, check, pool, 1 << 20);
}

/// A model that decodes in ATen operations, and those that decode by kernels.
template <class Variant>
void check_devices(Dtype dtype) {
  auto config = cpu::test::small_config<Variant>();
  for (std::size_t head_dim : {config.head_dim, std::size_t{64}, std::size_t{128}}) {
    config.head_dim = head_dim;
    check_device<Variant>(dtype, config);
  }
}

}  // namespace

TEST_CASE("On a CUDA device the tensor engine agrees with the CPU engine and with itself") {
  if (torch::cuda_devices().empty()) {
    WARN("skipped: no CUDA device");
    return;
  }
  for (auto dtype : {Dtype::F32, Dtype::BF16}) {
    check_devices<Qwen2>(dtype);
    check_devices<Qwen3>(dtype);
    check_devices<Llama>(dtype);
  }
}
