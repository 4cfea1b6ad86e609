// SPDX-License-Identifier: Apache-2.0
#include "grove/math/interval.hpp"

#include <algorithm>
#include <utility>

#include "grove/math/big_rational.hpp"

namespace grove::math::detail {

void free_caches_with_thread() {
  struct Caches {
    Caches() = default;
    Caches(Caches const&) = delete;
    Caches& operator=(Caches const&) = delete;
    ~Caches() { mpfr_free_cache(); }
  };
  thread_local Caches const caches;
  static_cast<void>(caches);
}

Interval::Interval(Interval const& other) : Interval(other.precision()) { *this = other; }

Interval::Interval(Interval&& other) noexcept {
  // The other one is left with the smallest numbers there are, so that it can be destroyed.
  mpfr_init2(low_, MPFR_PREC_MIN);
  mpfr_init2(high_, MPFR_PREC_MIN);
  mpfr_swap(low_, other.low_);
  mpfr_swap(high_, other.high_);
}

Interval& Interval::operator=(Interval const& other) {
  if (this == &other) return *this;
  mpfr_set_prec(low_, other.precision());
  mpfr_set_prec(high_, other.precision());
  mpfr_set(low_, other.low_, MPFR_RNDD);
  mpfr_set(high_, other.high_, MPFR_RNDU);
  return *this;
}

Interval& Interval::operator=(Interval&& other) noexcept {
  mpfr_swap(low_, other.low_);
  mpfr_swap(high_, other.high_);
  return *this;
}

Interval Interval::of(Rational const& value, mpfr_prec_t precision) {
  Interval result(precision);
  if (value.big() != nullptr) {
    mpfr_set_q(result.low_, value.big()->value, MPFR_RNDD);
    mpfr_set_q(result.high_, value.big()->value, MPFR_RNDU);
    return result;
  }
  mpfr_set_si(result.low_, value.small_numerator(), MPFR_RNDD);
  mpfr_set_si(result.high_, value.small_numerator(), MPFR_RNDU);
  if (value.small_denominator() != 1) {
    mpfr_div_si(result.low_, result.low_, value.small_denominator(), MPFR_RNDD);
    mpfr_div_si(result.high_, result.high_, value.small_denominator(), MPFR_RNDU);
  }
  return result;
}

Interval Interval::pi(mpfr_prec_t precision) {
  Interval result(precision);
  mpfr_const_pi(result.low_, MPFR_RNDD);
  mpfr_const_pi(result.high_, MPFR_RNDU);
  return result;
}

Interval Interval::e(mpfr_prec_t precision) { return of(1, precision).exp(); }

int Interval::compare(Interval const& other) const {
  if (mpfr_cmp(high_, other.low_) < 0) return -1;
  return mpfr_cmp(other.high_, low_) < 0 ? 1 : 0;
}

long Interval::magnitude() const {
  auto const of = [](mpfr_srcptr x) -> long {
    if (mpfr_zero_p(x) != 0) return -(1L << 60);
    return mpfr_number_p(x) != 0 ? mpfr_get_exp(x) : 1L << 60;
  };
  return std::max(of(low_), of(high_));
}

long Interval::width() const {
  Interval difference(MPFR_PREC_MIN + 31);
  mpfr_sub(difference.high_, high_, low_, MPFR_RNDU);
  if (mpfr_zero_p(difference.high_) != 0) return -(1L << 60);
  return mpfr_number_p(difference.high_) != 0 ? mpfr_get_exp(difference.high_) : 1L << 60;
}

double Interval::middle() const { return mpfr_get_d(low_, MPFR_RNDN) / 2 + mpfr_get_d(high_, MPFR_RNDN) / 2; }

Interval Interval::negated() const {
  Interval result(precision());
  mpfr_neg(result.low_, high_, MPFR_RNDD);
  mpfr_neg(result.high_, low_, MPFR_RNDU);
  return result;
}

Interval operator+(Interval const& a, Interval const& b) {
  Interval result(a.precision());
  mpfr_add(result.low_, a.low_, b.low_, MPFR_RNDD);
  mpfr_add(result.high_, a.high_, b.high_, MPFR_RNDU);
  return result;
}

Interval operator-(Interval const& a, Interval const& b) {
  Interval result(a.precision());
  mpfr_sub(result.low_, a.low_, b.high_, MPFR_RNDD);
  mpfr_sub(result.high_, a.high_, b.low_, MPFR_RNDU);
  return result;
}

Interval operator*(Interval const& a, Interval const& b) {
  if (a.negative()) return (a.negated() * b).negated();
  if (b.negative()) return (a * b.negated()).negated();
  Interval result(a.precision());
  if (mpfr_sgn(a.low_) >= 0 && mpfr_sgn(b.low_) >= 0) {
    mpfr_mul(result.low_, a.low_, b.low_, MPFR_RNDD);
    mpfr_mul(result.high_, a.high_, b.high_, MPFR_RNDU);
    // Zero times infinity.
    if (mpfr_nan_p(result.low_) != 0) mpfr_set_zero(result.low_, 1);
    if (mpfr_nan_p(result.high_) != 0) mpfr_set_inf(result.high_, 1);
    return result;
  }
  Interval product(a.precision());
  mpfr_set_inf(result.low_, 1);
  mpfr_set_inf(result.high_, -1);
  for (mpfr_srcptr const x : {static_cast<mpfr_srcptr>(a.low_), static_cast<mpfr_srcptr>(a.high_)}) {
    for (mpfr_srcptr const y : {static_cast<mpfr_srcptr>(b.low_), static_cast<mpfr_srcptr>(b.high_)}) {
      mpfr_mul(product.low_, x, y, MPFR_RNDD);
      mpfr_mul(product.high_, x, y, MPFR_RNDU);
      if (mpfr_nan_p(product.low_) != 0) {
        mpfr_set_inf(result.low_, -1);
        mpfr_set_inf(result.high_, 1);
        return result;
      }
      mpfr_min(result.low_, result.low_, product.low_, MPFR_RNDD);
      mpfr_max(result.high_, result.high_, product.high_, MPFR_RNDU);
    }
  }
  return result;
}

std::optional<Interval> Interval::divide(Interval const& a, Interval const& b) {
  if (b.has_zero() || !b.finite()) return std::nullopt;
  Interval inverse(b.precision());
  mpfr_ui_div(inverse.low_, 1, b.high_, MPFR_RNDD);
  mpfr_ui_div(inverse.high_, 1, b.low_, MPFR_RNDU);
  return a * inverse;
}

Interval Interval::abs() const {
  if (negative()) return negated();
  if (mpfr_sgn(low_) >= 0) return *this;
  Interval result(precision());
  mpfr_set_zero(result.low_, 1);
  mpfr_neg(result.high_, low_, MPFR_RNDU);
  mpfr_max(result.high_, result.high_, high_, MPFR_RNDU);
  return result;
}

Interval Interval::power(unsigned long n) const {
  if (n % 2 == 1 && negative()) return negated().power(n).negated();
  Interval const base = n % 2 == 0 ? abs() : *this;
  return base.monotone([n](mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t round) { mpfr_pow_ui(y, x, n, round); });
}

Interval Interval::root(unsigned long degree) const {
  Interval base = *this;
  if (mpfr_sgn(base.low_) < 0) mpfr_set_zero(base.low_, 1);
  if (degree == 2) return base.monotone([](mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t round) { mpfr_sqrt(y, x, round); });
  return base.monotone([degree](mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t round) { mpfr_rootn_ui(y, x, degree, round); });
}

Interval Interval::exp() const { return monotone(mpfr_exp); }

std::optional<Interval> Interval::log() const {
  if (!positive()) return std::nullopt;
  return monotone(mpfr_log);
}

template <class Operation>
std::optional<Interval> Interval::gentle(Operation operation) const {
  constexpr long largest = 1L << 12;  // bits of an argument that pi is still computed for
  if (!finite() || magnitude() > largest) return std::nullopt;
  Interval result(precision());
  mpfr_t middle;
  mpfr_t width;
  mpfr_init2(middle, precision());
  mpfr_init2(width, 32);
  mpfr_add(middle, low_, high_, MPFR_RNDN);
  mpfr_div_2ui(middle, middle, 1, MPFR_RNDN);
  mpfr_sub(width, high_, low_, MPFR_RNDU);
  operation(result.low_, middle, MPFR_RNDD);
  operation(result.high_, middle, MPFR_RNDU);
  mpfr_sub(result.low_, result.low_, width, MPFR_RNDD);
  mpfr_add(result.high_, result.high_, width, MPFR_RNDU);
  if (mpfr_cmp_si(result.low_, -1) < 0) mpfr_set_si(result.low_, -1, MPFR_RNDD);
  if (mpfr_cmp_si(result.high_, 1) > 0) mpfr_set_si(result.high_, 1, MPFR_RNDU);
  mpfr_clear(middle);
  mpfr_clear(width);
  return result;
}

std::optional<Interval> Interval::sin() const { return gentle(mpfr_sin); }
std::optional<Interval> Interval::cos() const { return gentle(mpfr_cos); }
Interval Interval::atan() const { return monotone(mpfr_atan); }

namespace {

void clamp_to_one(mpfr_ptr x) {
  if (mpfr_cmp_si(x, 1) > 0) mpfr_set_si(x, 1, MPFR_RNDN);
  if (mpfr_cmp_si(x, -1) < 0) mpfr_set_si(x, -1, MPFR_RNDN);
}

}  // namespace

Interval Interval::asin() const {
  Interval base = *this;
  clamp_to_one(base.low_);
  clamp_to_one(base.high_);
  return base.monotone(mpfr_asin);
}

Interval Interval::acos() const {
  Interval base = *this;
  clamp_to_one(base.low_);
  clamp_to_one(base.high_);
  Interval result(precision());
  mpfr_acos(result.low_, base.high_, MPFR_RNDD);
  mpfr_acos(result.high_, base.low_, MPFR_RNDU);
  return result;
}

Interval Interval::sinh() const { return monotone(mpfr_sinh); }
Interval Interval::cosh() const { return abs().monotone(mpfr_cosh); }
Interval Interval::tanh() const { return monotone(mpfr_tanh); }
Interval Interval::asinh() const { return monotone(mpfr_asinh); }

std::optional<Interval> Interval::gamma() const {
  constexpr long largest = 10000;
  if (mpfr_cmp_ui(low_, 2) < 0 || mpfr_cmp_si(high_, largest) > 0) return std::nullopt;
  return monotone(mpfr_gamma);
}

Interval Interval::factorial(unsigned long n, mpfr_prec_t precision) {
  Interval result(precision);
  mpfr_fac_ui(result.low_, n, MPFR_RNDD);
  mpfr_fac_ui(result.high_, n, MPFR_RNDU);
  return result;
}

std::optional<Interval> Interval::floor() const {
  if (!finite() || magnitude() > precision()) return std::nullopt;
  Interval result(precision());
  mpfr_floor(result.low_, low_);
  mpfr_floor(result.high_, high_);
  if (mpfr_equal_p(result.low_, result.high_) == 0) return std::nullopt;
  return result;
}

Interval Interval::min(Interval const& a, Interval const& b) {
  Interval result(a.precision());
  mpfr_min(result.low_, a.low_, b.low_, MPFR_RNDD);
  mpfr_min(result.high_, a.high_, b.high_, MPFR_RNDU);
  return result;
}

Interval Interval::max(Interval const& a, Interval const& b) {
  Interval result(a.precision());
  mpfr_max(result.low_, a.low_, b.low_, MPFR_RNDD);
  mpfr_max(result.high_, a.high_, b.high_, MPFR_RNDU);
  return result;
}

}  // namespace grove::math::detail
