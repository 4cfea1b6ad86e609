// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace grove::metrics {

/// Mean, spread and range of numbers as they come, in one pass (Welford), in double. Two can be merged (Chan), so parts
/// may be gathered by thread or rank.
class Statistics {
 public:
  void add(double value) {
    ++count_;
    double const delta = value - mean_;
    mean_ += delta / static_cast<double>(count_);
    squares_ += delta * (value - mean_);
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }

  void merge(Statistics const& other) {
    if (other.count_ == 0) return;
    double const total = static_cast<double>(count_ + other.count_);
    double const delta = other.mean_ - mean_;
    squares_ +=
        other.squares_ + delta * delta * static_cast<double>(count_) * static_cast<double>(other.count_) / total;
    mean_ += delta * static_cast<double>(other.count_) / total;
    count_ += other.count_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
  }

  std::size_t count() const { return count_; }

  /// NaN where there is nothing to tell, as are the others.
  double mean() const { return count_ > 0 ? mean_ : nan; }
  double min() const { return count_ > 0 ? min_ : nan; }
  double max() const { return count_ > 0 ? max_ : nan; }

  /// Of a sample: the sum of squares over n - 1, as torch.std; needs two values.
  double standard_deviation() const { return count_ > 1 ? std::sqrt(squares_ / static_cast<double>(count_ - 1)) : nan; }

 private:
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();

  std::size_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // sum of squared distances from the mean
  double min_ = std::numeric_limits<double>::infinity();
  double max_ = -std::numeric_limits<double>::infinity();
};

}  // namespace grove::metrics
