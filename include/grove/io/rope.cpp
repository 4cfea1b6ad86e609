// SPDX-License-Identifier: Apache-2.0
#include "grove/io/rope.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace grove::io {
namespace {

/// theta^(2 i / head_dim): the wavelengths over 2 pi.
std::vector<float> position_frequencies(double theta, std::size_t head_dim) {
  auto const base = static_cast<double>(static_cast<float>(theta));
  std::vector<float> result;
  for (std::size_t i = 0; i < head_dim; i += 2)
    result.push_back(static_cast<float>(std::pow(base, double{static_cast<float>(i) / static_cast<float>(head_dim)})));
  return result;
}

/// torch computes `scalar / tensor` as reciprocal and product, each rounded.
float scalar_over(double scalar, float x) { return (1.0f / x) * static_cast<float>(scalar); }

void stretch_llama3(Rope const& rope, std::vector<float>& inverse) {
  auto const old_context = static_cast<double>(rope.original_max);
  auto const low_wavelength = static_cast<float>(old_context / rope.low_freq_factor);
  auto const high_wavelength = static_cast<float>(old_context / rope.high_freq_factor);
  auto const factor = static_cast<float>(rope.factor);
  for (float& value : inverse) {
    float const wavelength = scalar_over(2 * std::numbers::pi, value);
    if (wavelength > low_wavelength) {
      value /= factor;
    } else if (!(wavelength < high_wavelength)) {
      float const smooth = (scalar_over(old_context, wavelength) - static_cast<float>(rope.low_freq_factor)) /
                           static_cast<float>(rope.high_freq_factor - rope.low_freq_factor);
      value = (1.0f - smooth) * value / factor + smooth * value;
    }
  }
}

/// The dimension that turns so many times within the original context.
double correction_dim(Rope const& rope, double rotations, std::size_t head_dim) {
  double const turns = static_cast<double>(rope.original_max) / (rotations * 2 * std::numbers::pi);
  return static_cast<double>(head_dim) * std::log(turns) / (2 * std::log(rope.theta));
}

void stretch_yarn(Rope const& rope, std::size_t head_dim, std::vector<float>& inverse) {
  double low = correction_dim(rope, rope.beta_fast, head_dim);
  double high = correction_dim(rope, rope.beta_slow, head_dim);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(head_dim) - 1);
  if (low == high) high += 0.001;

  std::vector<float> const positions = position_frequencies(rope.theta, head_dim);
  for (std::size_t i = 0; i < inverse.size(); ++i) {
    float const ramp = (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low);
    float const extrapolated = 1.0f - std::clamp(ramp, 0.0f, 1.0f);
    float const interpolation = 1.0f / (static_cast<float>(rope.factor) * positions[i]);
    inverse[i] = interpolation * (1.0f - extrapolated) + inverse[i] * extrapolated;
  }
}

double yarn_mscale(double factor, double mscale) { return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0; }

}  // namespace

std::vector<float> inverse_frequencies(Rope const& rope, std::size_t head_dim) {
  std::vector<float> inverse = position_frequencies(rope.theta, head_dim);
  for (float& value : inverse) value = 1.0f / value;
  switch (rope.type) {
    case RopeType::Default:
      break;
    case RopeType::Linear:
      for (float& value : inverse) value /= static_cast<float>(rope.factor);
      break;
    case RopeType::Llama3:
      stretch_llama3(rope, inverse);
      break;
    case RopeType::Yarn:
      stretch_yarn(rope, head_dim, inverse);
      break;
  }
  return inverse;
}

double attention_scaling(Rope const& rope) {
  if (rope.type != RopeType::Yarn) return 1.0;
  if (rope.attention_factor) return *rope.attention_factor;
  double const mscale = rope.mscale.value_or(0);
  double const all_dim = rope.mscale_all_dim.value_or(0);
  if (mscale != 0 && all_dim != 0) return yarn_mscale(rope.factor, mscale) / yarn_mscale(rope.factor, all_dim);
  return yarn_mscale(rope.factor, 1);
}

}  // namespace grove::io
