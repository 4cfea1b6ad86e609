// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace grove::math {

/// What bounds the work of one check in place of a clock, so that a verdict is the same on every machine and under
/// every load. A unit is roughly the work on one node at 64 bits; work on longer numbers costs in proportion to its
/// growth.
class Fuel {
 public:
  explicit Fuel(std::int64_t units) : left_(units) {}

  /// Takes units; false once there are none left (and from then on).
  bool spend(std::int64_t units) {
    left_ = left_ >= units ? left_ - units : -1;
    return left_ >= 0;
  }
  [[nodiscard]] bool empty() const { return left_ < 0; }
  [[nodiscard]] std::int64_t left() const { return left_ < 0 ? 0 : left_; }

 private:
  std::int64_t left_;
};

}  // namespace grove::math
