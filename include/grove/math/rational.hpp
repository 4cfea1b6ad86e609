// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace grove::math {

namespace detail {
struct BigRational;
struct BigRationalDelete {
  void operator()(BigRational* big) const noexcept;
};
}  // namespace detail

/// An exact rational number in lowest terms with a positive denominator. Two 64-bit words while it fits, GMP's mpq
/// beyond that. Every operation says beforehand how large its result may become: `bits()` adds up, so a caller bounds
/// work before doing it.
class Rational {
 public:
  Rational() = default;
  Rational(std::int64_t value) : numerator_(value) {}  // NOLINT(google-explicit-constructor): integers are rationals
  /// numerator / denominator; the denominator must not be 0.
  Rational(std::int64_t numerator, std::int64_t denominator);
  Rational(Rational const& other);
  Rational(Rational&& other) noexcept = default;
  Rational& operator=(Rational const& other);
  Rational& operator=(Rational&& other) noexcept = default;
  ~Rational() = default;

  /// An integer of decimal digits (at least one, nothing else) in a base of 2 to 36; none if a digit does not belong to
  /// the base.
  static std::optional<Rational> from_digits(std::string_view digits, int base = 10);
  /// base^exponent for an integer base and exponent >= 0.
  static Rational integer_power(std::int64_t base, std::uint32_t exponent);

  [[nodiscard]] bool is_zero() const { return !big_ && numerator_ == 0; }
  [[nodiscard]] bool is_one() const { return !big_ && numerator_ == 1 && denominator_ == 1; }
  [[nodiscard]] bool is_integer() const;
  [[nodiscard]] int sign() const;
  /// Bits of the numerator plus bits of the denominator.
  [[nodiscard]] std::uint64_t bits() const;
  /// The value, if it is an integer of 64 bits.
  [[nodiscard]] std::optional<std::int64_t> as_int64() const;
  [[nodiscard]] double to_double() const;
  /// "p" or "p/q".
  [[nodiscard]] std::string to_string() const;

  [[nodiscard]] Rational numerator() const;
  [[nodiscard]] Rational denominator() const;
  [[nodiscard]] Rational abs() const;
  /// The greatest integer that is not above the value.
  [[nodiscard]] Rational floor() const;
  /// The nearest multiple of 10^-decimals; halves go to the even neighbour.
  [[nodiscard]] Rational round(int decimals) const;
  /// this^exponent; 0 to a negative power must not be asked for.
  [[nodiscard]] Rational power(std::int64_t exponent) const;
  /// The exact degree-th root, if it is rational; of a negative number for odd degrees only.
  [[nodiscard]] std::optional<Rational> root(std::uint32_t degree) const;
  /// The value modulo a prime below 2^63; none if the prime divides the denominator.
  [[nodiscard]] std::optional<std::uint64_t> modulo(std::uint64_t prime) const;

  Rational operator-() const;
  friend Rational operator+(Rational const& a, Rational const& b);
  friend Rational operator-(Rational const& a, Rational const& b);
  friend Rational operator*(Rational const& a, Rational const& b);
  /// b must not be 0.
  friend Rational operator/(Rational const& a, Rational const& b);
  friend bool operator==(Rational const& a, Rational const& b);
  friend std::strong_ordering operator<=>(Rational const& a, Rational const& b);

  /// GMP's view of it, for the code that computes with it further; null while it is small.
  [[nodiscard]] detail::BigRational const* big() const { return big_.get(); }
  [[nodiscard]] std::int64_t small_numerator() const { return numerator_; }
  [[nodiscard]] std::int64_t small_denominator() const { return denominator_; }

 private:
  friend struct detail::BigRational;

  std::int64_t numerator_ = 0;
  std::int64_t denominator_ = 1;
  std::unique_ptr<detail::BigRational, detail::BigRationalDelete> big_;
};

}  // namespace grove::math
