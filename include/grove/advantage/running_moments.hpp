// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>

namespace grove {

/// Mean and deviation of numbers that arrive one by one (Welford). Equal numbers have exactly their value as mean and
/// exactly no deviation.
class RunningMoments {
 public:
  RunningMoments() = default;
  /// Moments that are known already: count, mean and sum of squared distances to it.
  RunningMoments(std::size_t count, double mean, double squares) : count_(count), mean_(mean), squares_(squares) {}

  void add(double x) {
    ++count_;
    double const delta = x - mean_;
    mean_ += delta / static_cast<double>(count_);
    squares_ += delta * (x - mean_);
  }
  std::size_t count() const { return count_; }
  double mean() const { return mean_; }
  /// sum (x - mean)^2
  double squares() const { return squares_; }
  /// sum (x - mean)^2 / (n - ddof); 0 for n <= ddof.
  double variance(std::size_t ddof) const {
    return count_ > ddof ? squares_ / static_cast<double>(count_ - ddof) : 0.0;
  }
  /// Square root of the variance.
  double deviation(std::size_t ddof) const { return std::sqrt(variance(ddof)); }

 private:
  std::size_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

}  // namespace grove
