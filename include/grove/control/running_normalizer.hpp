// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>

#include "grove/checkpoint/state.hpp"

namespace grove::control {

/// Mean and variance of all rows seen so far, in double (Chan et al.'s update for batches, as Stable-Baselines3's
/// RunningMeanStd). It begins with mean 0 and variance 1, weighted as a ten-thousandth of a row.
template <std::size_t N>
class RunningNormalizer {
 public:
  /// What the variance is increased by before its root is divided by.
  static constexpr double epsilon = 1e-8;

  /// Takes in [rows x N].
  template <class Real>
  void update(std::span<const Real> rows) {
    auto const n = static_cast<double>(rows.size() / N);
    if (rows.empty()) return;
    double const total = count_ + n;
    for (std::size_t k = 0; k < N; ++k) {
      double mean = 0, squares = 0;
      for (std::size_t i = k; i < rows.size(); i += N) mean += static_cast<double>(rows[i]);
      mean /= n;
      for (std::size_t i = k; i < rows.size(); i += N) {
        double const d = static_cast<double>(rows[i]) - mean;
        squares += d * d;
      }
      double const delta = mean - mean_[k];
      mean_[k] += delta * n / total;
      variance_[k] = (variance_[k] * count_ + squares + delta * delta * count_ * n / total) / total;
    }
    count_ = total;
    for (std::size_t k = 0; k < N; ++k) inverse_[k] = 1.0 / std::sqrt(variance_[k] + epsilon);
  }

  /// (x - mean) / deviation, at most `limit` in magnitude; [rows x N] in place.
  void normalize(std::span<float> rows, double limit) const {
    for (std::size_t i = 0; i < rows.size(); i += N)
      for (std::size_t k = 0; k < N; ++k)
        rows[i + k] =
            static_cast<float>(std::clamp((static_cast<double>(rows[i + k]) - mean_[k]) * inverse_[k], -limit, limit));
  }

  /// x / deviation, at most `limit` in magnitude.
  double scale(double x, double limit) const requires(N == 1) { return std::clamp(x * inverse_[0], -limit, limit); }

  std::array<double, N> const& mean() const { return mean_; }
  std::array<double, N> const& variance() const { return variance_; }
  double count() const { return count_; }

  void state(State& s) {
    s("mean", std::span(mean_));
    s("variance", std::span(variance_));
    s("inverse", std::span(inverse_));
    s("count", count_);
  }

 private:
  static constexpr std::array<double, N> filled(double value) {
    std::array<double, N> all{};
    all.fill(value);
    return all;
  }

  std::array<double, N> mean_{}, variance_ = filled(1), inverse_ = filled(1);
  double count_ = 1e-4;
};

}  // namespace grove::control
