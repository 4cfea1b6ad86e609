// SPDX-License-Identifier: Apache-2.0
#include "grove/math/rational.hpp"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "grove/math/big_rational.hpp"
#include "grove/math/wide.hpp"

namespace grove::math {
namespace detail {

void BigRationalDelete::operator()(BigRational* big) const noexcept { delete big; }

Rational BigRational::make(BigPointer big) {
  // The least int64 has no negative; it stays big so that small values negate freely.
  auto const fits = [](mpz_srcptr z) {
    return mpz_fits_slong_p(z) != 0 && mpz_cmp_si(z, std::numeric_limits<long>::min()) != 0;
  };
  Rational result;
  if (fits(mpq_numref(big->value)) && fits(mpq_denref(big->value))) {
    result.numerator_ = mpz_get_si(mpq_numref(big->value));
    result.denominator_ = mpz_get_si(mpq_denref(big->value));
  } else {
    result.big_ = std::move(big);
  }
  return result;
}

void BigRational::copy(mpq_t to, Rational const& from) {
  if (from.big_) {
    mpq_set(to, from.big_->value);
  } else {
    mpz_set_si(mpq_numref(to), from.numerator_);
    mpz_set_si(mpq_denref(to), from.denominator_);
  }
}

}  // namespace detail

namespace {

using detail::BigPointer;
using detail::BigRational;
using detail::make_big;

BigPointer big_copy(Rational const& r) {
  BigPointer big = make_big();
  BigRational::copy(big->value, r);
  return big;
}

template <class Operation>
Rational by_gmp(Rational const& a, Rational const& b, Operation operation) {
  BigPointer x = big_copy(a);
  BigPointer const y = big_copy(b);
  operation(x->value, x->value, y->value);
  return BigRational::make(std::move(x));
}

std::uint64_t magnitude(std::int64_t value) {
  return value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
}

Rational from_integer(mpz_srcptr value) {
  BigPointer big = make_big();
  mpq_set_z(big->value, value);
  return BigRational::make(std::move(big));
}

/// A GMP integer for the length of a scope.
struct Integer {
  Integer() { mpz_init(value); }
  Integer(Integer const&) = delete;
  Integer(Integer&&) = delete;
  Integer& operator=(Integer const&) = delete;
  Integer& operator=(Integer&&) = delete;
  ~Integer() { mpz_clear(value); }
  mpz_t value;
};

}  // namespace

Rational::Rational(std::int64_t numerator, std::int64_t denominator) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  if (numerator == least || denominator == least) {
    *this = by_gmp(Rational(numerator), Rational(denominator), mpq_div);
    return;
  }
  std::int64_t const divisor = std::gcd(numerator, denominator);
  if (divisor > 1) {
    numerator /= divisor;
    denominator /= divisor;
  }
  numerator_ = denominator < 0 ? -numerator : numerator;
  denominator_ = denominator < 0 ? -denominator : denominator;
}

Rational::Rational(Rational const& other) : numerator_(other.numerator_), denominator_(other.denominator_) {
  if (other.big_) big_.reset(new BigRational(*other.big_));
}

Rational& Rational::operator=(Rational const& other) {
  if (this != &other) *this = Rational(other);
  return *this;
}

std::optional<Rational> Rational::from_digits(std::string_view digits, int base) {
  if (digits.empty() || base < 2 || base > 36) return std::nullopt;
  std::uint64_t small = 0;
  for (char const c : digits) {
    int const digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 10
                      : c >= 'A' && c <= 'Z' ? c - 'A' + 10
                                             : 99;
    if (digit >= base) return std::nullopt;
    if (digits.size() <= 11) small = small * static_cast<std::uint64_t>(base) + static_cast<std::uint64_t>(digit);
  }
  if (digits.size() <= 11) return Rational(static_cast<std::int64_t>(small));
  BigPointer big = make_big();
  mpz_set_str(mpq_numref(big->value), std::string(digits).c_str(), base);
  return BigRational::make(std::move(big));
}

Rational Rational::integer_power(std::int64_t base, std::uint32_t exponent) { return Rational(base).power(exponent); }

bool Rational::is_integer() const { return big_ ? mpz_cmp_ui(mpq_denref(big_->value), 1) == 0 : denominator_ == 1; }

int Rational::sign() const {
  if (big_) return mpq_sgn(big_->value);
  return numerator_ > 0 ? 1 : numerator_ < 0 ? -1 : 0;
}

std::uint64_t Rational::bits() const {
  if (big_) return mpz_sizeinbase(mpq_numref(big_->value), 2) + mpz_sizeinbase(mpq_denref(big_->value), 2);
  return static_cast<std::uint64_t>(std::bit_width(magnitude(numerator_)) + std::bit_width(magnitude(denominator_)));
}

std::optional<std::int64_t> Rational::as_int64() const {
  if (big_ || denominator_ != 1) return std::nullopt;
  return numerator_;
}

double Rational::to_double() const {
  if (big_) return mpq_get_d(big_->value);
  return static_cast<double>(numerator_) / static_cast<double>(denominator_);
}

std::string Rational::to_string() const {
  if (!big_)
    return denominator_ == 1 ? std::to_string(numerator_)
                             : std::to_string(numerator_) + "/" + std::to_string(denominator_);
  std::string text(mpz_sizeinbase(mpq_numref(big_->value), 10) + mpz_sizeinbase(mpq_denref(big_->value), 10) + 3, '\0');
  mpq_get_str(text.data(), 10, big_->value);
  text.resize(text.find('\0'));
  return text;
}

Rational Rational::numerator() const { return big_ ? from_integer(mpq_numref(big_->value)) : Rational(numerator_); }
Rational Rational::denominator() const { return big_ ? from_integer(mpq_denref(big_->value)) : Rational(denominator_); }
Rational Rational::abs() const { return sign() < 0 ? -*this : *this; }

Rational Rational::floor() const {
  if (!big_) {
    std::int64_t const quotient = numerator_ / denominator_;
    return quotient - (numerator_ < 0 && numerator_ % denominator_ != 0 ? 1 : 0);
  }
  Integer result;
  mpz_fdiv_q(result.value, mpq_numref(big_->value), mpq_denref(big_->value));
  return from_integer(result.value);
}

Rational Rational::round(int decimals) const {
  Rational const scale = integer_power(10, static_cast<std::uint32_t>(std::abs(decimals)));
  Rational const scaled = decimals >= 0 ? *this * scale : *this / scale;
  Rational rounded = scaled.floor();
  Rational const rest = scaled - rounded;
  Rational const half(1, 2);
  if (rest > half || (rest == half && !(rounded / Rational(2)).is_integer())) rounded = rounded + Rational(1);
  return decimals >= 0 ? rounded / scale : rounded * scale;
}

Rational Rational::power(std::int64_t exponent) const {
  if (exponent == 1) return *this;
  auto const count = static_cast<unsigned long>(magnitude(exponent));
  if (!big_ && count <= 64) {
    // Squares of what is in lowest terms are in lowest terms.
    std::int64_t top = 1;
    std::int64_t bottom = 1;
    bool fits = true;
    for (unsigned long i = 0; fits && i < count; ++i) {
      fits = !__builtin_mul_overflow(top, numerator_, &top) && !__builtin_mul_overflow(bottom, denominator_, &bottom);
    }
    if (fits && top != std::numeric_limits<std::int64_t>::min())
      return exponent < 0 ? Rational(bottom, top) : Rational(top, bottom);
  }
  BigPointer big = big_copy(*this);
  if (exponent < 0) mpq_inv(big->value, big->value);
  mpz_pow_ui(mpq_numref(big->value), mpq_numref(big->value), count);
  mpz_pow_ui(mpq_denref(big->value), mpq_denref(big->value), count);
  return BigRational::make(std::move(big));
}

std::optional<Rational> Rational::root(std::uint32_t degree) const {
  if (degree == 0 || (sign() < 0 && degree % 2 == 0)) return std::nullopt;
  if (!big_ && degree == 2 && numerator_ < (std::int64_t{1} << 52) && denominator_ < (std::int64_t{1} << 52)) {
    auto const top = static_cast<std::int64_t>(std::sqrt(static_cast<double>(numerator_)));
    auto const bottom = static_cast<std::int64_t>(std::sqrt(static_cast<double>(denominator_)));
    if (top * top != numerator_ || bottom * bottom != denominator_) return std::nullopt;
    return Rational(top, bottom);
  }
  BigPointer big = big_copy(*this);
  if (mpz_root(mpq_numref(big->value), mpq_numref(big->value), degree) == 0) return std::nullopt;
  if (mpz_root(mpq_denref(big->value), mpq_denref(big->value), degree) == 0) return std::nullopt;
  return BigRational::make(std::move(big));
}

std::optional<std::uint64_t> Rational::modulo(std::uint64_t prime) const {
  std::uint64_t top = 0;
  std::uint64_t bottom = 1;
  if (big_) {
    top = mpz_fdiv_ui(mpq_numref(big_->value), prime);
    bottom = mpz_fdiv_ui(mpq_denref(big_->value), prime);
  } else {
    top = magnitude(numerator_) % prime;
    if (numerator_ < 0 && top != 0) top = prime - top;
    bottom = magnitude(denominator_) % prime;
  }
  if (bottom == 0) return std::nullopt;
  if (bottom == 1) return top;
  // Fermat: bottom^(prime - 2) is its inverse.
  return multiply_modulo(top, power_modulo(bottom, prime - 2, prime), prime);
}

Rational Rational::operator-() const {
  Rational result(*this);
  if (big_) {
    mpq_neg(result.big_->value, result.big_->value);
    return BigRational::make(std::move(result.big_));
  }
  if (numerator_ == std::numeric_limits<std::int64_t>::min()) return Rational() - *this;
  result.numerator_ = -numerator_;
  return result;
}

Rational operator+(Rational const& a, Rational const& b) {
  if (!a.big_ && !b.big_) {
    std::int64_t x = 0;
    std::int64_t y = 0;
    std::int64_t denominator = 0;
    if (a.denominator_ == 1 && b.denominator_ == 1) {
      if (!__builtin_add_overflow(a.numerator_, b.numerator_, &x)) return x;
    } else if (!__builtin_mul_overflow(a.numerator_, b.denominator_, &x) &&
               !__builtin_mul_overflow(b.numerator_, a.denominator_, &y) && !__builtin_add_overflow(x, y, &x) &&
               !__builtin_mul_overflow(a.denominator_, b.denominator_, &denominator)) {
      return {x, denominator};
    }
  }
  return by_gmp(a, b, mpq_add);
}

Rational operator-(Rational const& a, Rational const& b) {
  if (!b.big_ && b.numerator_ != std::numeric_limits<std::int64_t>::min()) return a + -b;
  return by_gmp(a, b, mpq_sub);
}

Rational operator*(Rational const& a, Rational const& b) {
  if (!a.big_ && !b.big_) {
    std::int64_t numerator = 0;
    std::int64_t denominator = 0;
    if (!__builtin_mul_overflow(a.numerator_, b.numerator_, &numerator) &&
        !__builtin_mul_overflow(a.denominator_, b.denominator_, &denominator)) {
      return denominator == 1 ? Rational(numerator) : Rational(numerator, denominator);
    }
  }
  return by_gmp(a, b, mpq_mul);
}

Rational operator/(Rational const& a, Rational const& b) {
  if (!a.big_ && !b.big_) {
    std::int64_t numerator = 0;
    std::int64_t denominator = 0;
    if (!__builtin_mul_overflow(a.numerator_, b.denominator_, &numerator) &&
        !__builtin_mul_overflow(a.denominator_, b.numerator_, &denominator)) {
      return {numerator, denominator};
    }
  }
  return by_gmp(a, b, mpq_div);
}

bool operator==(Rational const& a, Rational const& b) {
  if (a.big_ && b.big_) return mpq_equal(a.big_->value, b.big_->value) != 0;
  if (!a.big_ && !b.big_) return a.numerator_ == b.numerator_ && a.denominator_ == b.denominator_;
  return (a <=> b) == std::strong_ordering::equal;
}

std::strong_ordering operator<=>(Rational const& a, Rational const& b) {
  if (!a.big_ && !b.big_) {
    return static_cast<Int128>(a.numerator_) * b.denominator_ <=> static_cast<Int128>(b.numerator_) * a.denominator_;
  }
  return mpq_cmp(big_copy(a)->value, big_copy(b)->value) <=> 0;
}

}  // namespace grove::math
