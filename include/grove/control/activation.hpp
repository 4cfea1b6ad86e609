// SPDX-License-Identifier: Apache-2.0
// What stands between the layers of a network.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <string_view>

namespace grove::control {

namespace detail {

using Numbers = Eigen::Map<Eigen::ArrayXf>;
using ConstNumbers = Eigen::Map<Eigen::ArrayXf const>;

}  // namespace detail

/// Eigen's rational approximation, within a few units of the last place.
struct Tanh {
  static constexpr std::string_view name = "Tanh";

  /// In place, n numbers.
  static void apply(float* values, std::size_t n) {
    detail::Numbers y(values, static_cast<Eigen::Index>(n));
    y = y.tanh();
  }
  /// Multiplies `derivative` by that of the activation, whose results are `values`.
  static void chain(float const* values, float* derivative, std::size_t n) {
    detail::ConstNumbers const y(values, static_cast<Eigen::Index>(n));
    detail::Numbers d(derivative, static_cast<Eigen::Index>(n));
    d *= 1.0f - y.square();
  }
};

struct Relu {
  static constexpr std::string_view name = "Relu";

  static void apply(float* values, std::size_t n) {
    detail::Numbers y(values, static_cast<Eigen::Index>(n));
    y = y.max(0.0f);
  }
  static void chain(float const* values, float* derivative, std::size_t n) {
    detail::ConstNumbers const y(values, static_cast<Eigen::Index>(n));
    detail::Numbers d(derivative, static_cast<Eigen::Index>(n));
    d = (y > 0.0f).select(d, 0.0f);
  }
};

}  // namespace grove::control
