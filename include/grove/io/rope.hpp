// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace grove::io {

enum class RopeType : std::uint8_t { Default, Linear, Llama3, Yarn };

/// Rotary position embedding as `config.json` describes it. Fields that a type does not use keep their defaults.
/// Source: transformers 5.23, modeling_rope_utils.py.
struct Rope {
  RopeType type = RopeType::Default;
  double theta = 10000.0;                  ///< base of the frequencies
  double factor = 1.0;                     ///< Linear, Llama3, Yarn: how far positions are stretched
  std::size_t original_max = 0;            ///< Llama3, Yarn: context of the pretraining, in tokens
  double low_freq_factor = 1.0;            ///< Llama3
  double high_freq_factor = 4.0;           ///< Llama3
  double beta_fast = 32.0;                 ///< Yarn
  double beta_slow = 1.0;                  ///< Yarn
  std::optional<double> attention_factor;  ///< Yarn: given, or derived from factor and the mscales
  std::optional<double> mscale;            ///< Yarn
  std::optional<double> mscale_all_dim;    ///< Yarn
  bool truncate = true;                    ///< Yarn: whole-numbered bounds of the ramp

  bool operator==(Rope const&) const = default;
};

/// The head_dim / 2 inverse frequencies (radians per token), rounded operation by operation as transformers does in
/// f32; only the power is rounded from double, so a value may differ by a unit in the last place from torch's powf.
std::vector<float> inverse_frequencies(Rope const& rope, std::size_t head_dim);

/// What cosines and sines are multiplied with: 1 but for Yarn.
double attention_scaling(Rope const& rope);

}  // namespace grove::io
