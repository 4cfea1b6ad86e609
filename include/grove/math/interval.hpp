// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mpfr.h>

#include <optional>

#include "grove/math/rational.hpp"

namespace grove::math::detail {

/// MPFR keeps pi and the like for each thread, and forgets to free them when the thread ends. Whoever computes with
/// intervals on a thread says so here once, and they are freed with it.
void free_caches_with_thread();

/// A real number known to lie between two MPFR numbers of one precision, rounded outward by every operation. Bounds may
/// be infinite; an operation without a value on part of the interval returns none. Only compiled files include this.
class Interval {
 public:
  explicit Interval(mpfr_prec_t precision) {
    mpfr_init2(low_, precision);
    mpfr_init2(high_, precision);
  }
  Interval(Interval const& other);
  Interval(Interval&& other) noexcept;
  Interval& operator=(Interval const& other);
  Interval& operator=(Interval&& other) noexcept;
  ~Interval() {
    mpfr_clear(low_);
    mpfr_clear(high_);
  }

  static Interval of(Rational const& value, mpfr_prec_t precision);
  static Interval pi(mpfr_prec_t precision);
  static Interval e(mpfr_prec_t precision);

  [[nodiscard]] mpfr_prec_t precision() const { return mpfr_get_prec(low_); }
  [[nodiscard]] bool positive() const { return mpfr_sgn(low_) > 0; }
  [[nodiscard]] bool negative() const { return mpfr_sgn(high_) < 0; }
  [[nodiscard]] bool has_zero() const { return mpfr_sgn(low_) <= 0 && mpfr_sgn(high_) >= 0; }
  [[nodiscard]] bool finite() const { return mpfr_number_p(low_) != 0 && mpfr_number_p(high_) != 0; }
  [[nodiscard]] bool disjoint(Interval const& other) const {
    return mpfr_cmp(high_, other.low_) < 0 || mpfr_cmp(other.high_, low_) < 0;
  }
  /// -1, 0, 1 if this lies below, overlaps, lies above the other.
  [[nodiscard]] int compare(Interval const& other) const;
  /// Upper bound of log2 |x|; a very negative number for 0.
  [[nodiscard]] long magnitude() const;
  /// Upper bound of log2 of the width.
  [[nodiscard]] long width() const;
  [[nodiscard]] double middle() const;

  [[nodiscard]] Interval negated() const;
  friend Interval operator+(Interval const& a, Interval const& b);
  friend Interval operator-(Interval const& a, Interval const& b);
  friend Interval operator*(Interval const& a, Interval const& b);
  /// None if b may be 0.
  static std::optional<Interval> divide(Interval const& a, Interval const& b);

  [[nodiscard]] Interval abs() const;
  /// x^n, n >= 0.
  [[nodiscard]] Interval power(unsigned long n) const;
  /// Of x >= 0; bounds below 0 count as 0.
  [[nodiscard]] Interval root(unsigned long degree) const;
  [[nodiscard]] Interval exp() const;
  /// None unless x > 0.
  [[nodiscard]] std::optional<Interval> log() const;
  /// None if the argument is too large to be reduced at a reasonable cost.
  [[nodiscard]] std::optional<Interval> sin() const;
  [[nodiscard]] std::optional<Interval> cos() const;
  [[nodiscard]] Interval atan() const;
  /// Bounds beyond -1 and 1 count as these.
  [[nodiscard]] Interval asin() const;
  [[nodiscard]] Interval acos() const;
  [[nodiscard]] Interval sinh() const;
  [[nodiscard]] Interval cosh() const;
  [[nodiscard]] Interval tanh() const;
  [[nodiscard]] Interval asinh() const;
  /// None unless x >= 2: where gamma grows.
  [[nodiscard]] std::optional<Interval> gamma() const;
  /// n!
  static Interval factorial(unsigned long n, mpfr_prec_t precision);
  /// The greatest integer not above x, if the whole interval has the same.
  [[nodiscard]] std::optional<Interval> floor() const;
  static Interval min(Interval const& a, Interval const& b);
  static Interval max(Interval const& a, Interval const& b);

 private:
  template <class Operation>
  [[nodiscard]] Interval monotone(Operation operation) const {
    Interval result(precision());
    operation(result.low_, low_, MPFR_RNDD);
    operation(result.high_, high_, MPFR_RNDU);
    return result;
  }
  /// f at the middle, widened by the interval's width: for functions with |f'| <= 1 and values in [-1, 1].
  template <class Operation>
  [[nodiscard]] std::optional<Interval> gentle(Operation operation) const;

  mpfr_t low_;
  mpfr_t high_;
};

}  // namespace grove::math::detail
