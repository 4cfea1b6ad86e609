// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace grove::math {

__extension__ typedef __int128 Int128;            // NOLINT(modernize-use-using): the extension mark needs a typedef
__extension__ typedef unsigned __int128 Uint128;  // NOLINT(modernize-use-using)

/// a * b modulo a prime below 2^63, for a and b below it.
inline std::uint64_t multiply_modulo(std::uint64_t a, std::uint64_t b, std::uint64_t prime) {
  return static_cast<std::uint64_t>(static_cast<Uint128>(a) * b % prime);
}

/// base^exponent modulo a prime below 2^63.
inline std::uint64_t power_modulo(std::uint64_t base, std::uint64_t exponent, std::uint64_t prime) {
  std::uint64_t result = 1 % prime;
  for (base %= prime; exponent != 0; exponent >>= 1U) {
    if ((exponent & 1U) != 0) result = multiply_modulo(result, base, prime);
    base = multiply_modulo(base, base, prime);
  }
  return result;
}

}  // namespace grove::math
