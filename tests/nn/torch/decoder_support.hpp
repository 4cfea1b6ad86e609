// SPDX-License-Identifier: Apache-2.0
// The two engines side by side on one model.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "grove/nn/torch/decoder.hpp"
#include "nn/cpu/decoder_support.hpp"
#include "support/columns.hpp"

namespace grove::nn::torch::test {

using cpu::test::Batch;
using cpu::test::Scores;

inline std::filesystem::path const fixtures = std::filesystem::path(GROVE_TEST_DATA) / "decoder";

/// A model's parameters in both engines.
template <class Variant>
struct Pair {
  explicit Pair(cpu::Parameters values, DecoderOptions options = {})
      : parameters(std::move(values)),
        pool(1),
        workspace(pool),
        own(parameters.config()),
        other(parameters.config(), options) {
    if (options.dtype == Dtype::BF16) parameters.round_to_bf16();
    own.load(parameters, 1, pool);
    other.load(parameters, 1);
  }
  static Pair load(std::string const& name, DecoderOptions options = {}) {
    auto const path = (fixtures / name).string();
    return Pair(cpu::Parameters::load(io::WeightFolder::open(path), io::read_model_config(path)), options);
  }

  cpu::Parameters parameters;
  cpu::ThreadPool pool;
  cpu::Workspace workspace;
  cpu::Decoder<Variant> own;
  Decoder<Variant> other;
};

template <class Variant>
Scores score(Decoder<Variant> const& decoder, Batch const& batch, float temperature = 1) {
  auto const n = batch.rows.size();
  Scores scores{std::vector<float>(n), std::vector<float>(n), std::vector<float>(n),
                std::vector<float>(n * decoder.config().hidden_size)};
  decoder.score(batch.packed(), batch.head(temperature),
                {scores.log_prob, scores.entropy, scores.sum_squares, scores.hidden});
  return scores;
}

/// Gradients of a scalar that depends on every output.
template <class Variant>
cpu::Parameters gradients(Decoder<Variant>& decoder, Batch const& batch, float temperature, HeadColumns columns) {
  cpu::Parameters result(decoder.config());
  decoder.accumulate(batch.packed(), batch.head(temperature), columns, cpu::test::fill_gradients);
  decoder.take_gradients(result);
  return result;
}

/// Relative where numbers are large: a log-prob of -15 has steps of 1e-6.
inline double largest_difference(std::span<float const> got, std::span<float const> want) {
  double most = got.size() == want.size() ? 0 : HUGE_VAL;
  for (std::size_t i = 0; i < std::min(got.size(), want.size()); ++i)
    most = std::max(most, std::abs(static_cast<double>(got[i]) - want[i]) / std::max(1.0F, std::abs(want[i])));
  return most;
}

using grove::test::relative_error;

}  // namespace grove::nn::torch::test
