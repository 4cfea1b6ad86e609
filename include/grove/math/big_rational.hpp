// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmp.h>

#include "grove/math/rational.hpp"

namespace grove::math::detail {

/// What a Rational holds beyond 64 bits. Only compiled files include this: GMP is no part of the public headers.
struct BigRational {
  BigRational() { mpq_init(value); }
  BigRational(BigRational const& other) : BigRational() { mpq_set(value, other.value); }
  BigRational(BigRational&&) = delete;
  BigRational& operator=(BigRational const&) = delete;
  BigRational& operator=(BigRational&&) = delete;
  ~BigRational() { mpq_clear(value); }

  /// Small where it fits, else what it holds itself; `value` must be canonical.
  static Rational make(std::unique_ptr<BigRational, BigRationalDelete> big);
  /// Copies any Rational.
  static void copy(mpq_t to, Rational const& from);

  mpq_t value;
};

using BigPointer = std::unique_ptr<BigRational, BigRationalDelete>;
inline BigPointer make_big() { return BigPointer(new BigRational); }

}  // namespace grove::math::detail
