// SPDX-License-Identifier: Apache-2.0
#include "grove/math/matrix.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

namespace grove::math::detail {

namespace {

constexpr std::size_t most_entries = 64;
constexpr std::int64_t largest_power = 8;
constexpr std::size_t largest_inverse = 6;
constexpr std::uint64_t most_bits = 128;   // of an entry to be inverted
constexpr int most_symbolic_products = 3;  // entries double in size with each

class Folder {
 public:
  Folder(Arena& arena, Inverses inverses) : arena_(arena), inverses_(inverses) {}

  /// A matrix, or nothing.
  Expr fold(Expr e) {  // NOLINT(misc-no-recursion): depth is bounded by the arena
    auto const parts = arena_.children(e);
    switch (arena_.kind(e)) {
      case Kind::Matrix:
        return arena_.size(e) <= most_entries && arena_.extra(e) > 0 ? e : Expr{};
      case Kind::Add:
        return sum(parts);
      case Kind::Multiply:
        return product(parts);
      case Kind::Power:
        return power(e);
      case Kind::Function:
        return arena_.is(e, Function::Transpose) && !parts.empty() ? transpose(fold(parts[0])) : Expr{};
      default:
        return {};
    }
  }

 private:
  [[nodiscard]] std::size_t rows(Expr m) const { return static_cast<std::size_t>(arena_.extra(m)); }
  [[nodiscard]] std::size_t columns(Expr m) const { return arena_.size(m) / rows(m); }
  Expr make(std::vector<Expr> const& entries, std::size_t rows) {
    return arena_.node(Kind::Matrix, entries, 0, static_cast<std::int32_t>(rows));
  }

  Expr sum(std::span<Expr const> parts) {  // NOLINT(misc-no-recursion)
    Expr total;
    for (Expr const part : parts) {
      Expr const m = fold(part);
      if (!m) return {};
      if (!total) {
        total = m;
        continue;
      }
      if (rows(m) != rows(total) || columns(m) != columns(total)) return {};
      std::vector<Expr> entries;
      for (std::size_t i = 0; i < arena_.size(m); ++i)
        entries.push_back(arena_.add(arena_.child(total, i), arena_.child(m, i)));
      total = make(entries, rows(m));
      if (!total) return {};
    }
    return total;
  }

  Expr product(std::span<Expr const> parts) {  // NOLINT(misc-no-recursion)
    Expr matrix;
    Expr scalar;
    for (Expr const part : parts) {
      Expr const m = fold(part);
      if (m) {
        matrix = matrix ? multiply(matrix, m) : m;
        if (!matrix) return {};
      } else {
        scalar = scalar ? arena_.multiply(scalar, part) : part;
      }
    }
    if (!matrix || !scalar) return matrix;
    std::vector<Expr> entries;
    for (Expr const entry : arena_.children(matrix)) entries.push_back(arena_.multiply(scalar, entry));
    return make(entries, rows(matrix));
  }

  Expr multiply(Expr a, Expr b) {
    if (columns(a) != rows(b) || rows(a) * columns(b) > most_entries) return {};
    if (!(numeric(a) && numeric(b)) && ++symbolic_products_ > most_symbolic_products) return {};
    std::vector<Expr> entries;
    for (std::size_t i = 0; i < rows(a); ++i) {
      for (std::size_t j = 0; j < columns(b); ++j) entries.push_back(entry(a, b, i, j));
    }
    return make(entries, rows(a));
  }

  [[nodiscard]] bool numeric(Expr m) const {
    auto const entries = arena_.children(m);
    return std::all_of(entries.begin(), entries.end(), [&](Expr e) { return arena_.is(e, Kind::Number); });
  }

  /// Row i of a times column j of b; numbers are worked out at once.
  Expr entry(Expr a, Expr b, std::size_t i, std::size_t j) {
    Rational constant;
    std::vector<Expr> terms;
    for (std::size_t k = 0; k < columns(a); ++k) {
      Expr const x = arena_.child(a, i * columns(a) + k);
      Expr const y = arena_.child(b, k * columns(b) + j);
      if (arena_.is(x, Kind::Number) && arena_.is(y, Kind::Number)) {
        constant = constant + arena_.value(x) * arena_.value(y);
      } else {
        terms.push_back(arena_.multiply(x, y));
      }
    }
    if (terms.empty()) return arena_.number(std::move(constant));
    if (!constant.is_zero()) terms.push_back(arena_.number(std::move(constant)));
    return arena_.node(Kind::Add, terms);
  }

  Expr power(Expr e) {  // NOLINT(misc-no-recursion)
    Expr const base = fold(arena_.child(e, 0));
    Expr const exponent = arena_.child(e, 1);
    if (!base || !arena_.is(exponent, Kind::Number)) return {};
    auto const n = arena_.value(exponent).as_int64();
    std::int64_t const least = inverses_ == Inverses::WorkedOut ? -largest_power : 1;
    if (!n || *n < least || *n > largest_power) return {};
    if (*n == 0) return rows(base) == columns(base) ? identity(rows(base)) : Expr{};
    Expr const factor = *n > 0 ? base : inverse(base);
    Expr result = factor;
    for (std::int64_t i = 1; i < std::abs(*n) && result; ++i) result = multiply(result, factor);
    return result;
  }

  Expr identity(std::size_t size) {
    std::vector<Expr> entries;
    for (std::size_t i = 0; i < size * size; ++i) entries.push_back(arena_.number(i % (size + 1) == 0 ? 1 : 0));
    return make(entries, size);
  }

  /// By Gauss and Jordan, of numbers only; nothing where there is none.
  Expr inverse(Expr m) {
    std::size_t const size = rows(m);
    if (size != columns(m) || size > largest_inverse || !numeric(m)) return {};
    for (Expr const entry : arena_.children(m))
      if (arena_.value(entry).bits() > most_bits) return {};
    std::vector<Rational> left;
    std::vector<Rational> right;
    for (std::size_t i = 0; i < size * size; ++i) {
      left.push_back(arena_.value(arena_.child(m, i)));
      right.emplace_back(i % (size + 1) == 0 ? 1 : 0);
    }
    for (std::size_t c = 0; c < size; ++c) {
      std::size_t pivot = c;
      while (pivot < size && left[pivot * size + c].is_zero()) ++pivot;
      if (pivot == size) return {};
      Rational const by = left[pivot * size + c];
      for (std::size_t k = 0; k < size; ++k) {
        std::swap(left[c * size + k], left[pivot * size + k]);
        std::swap(right[c * size + k], right[pivot * size + k]);
      }
      for (std::size_t k = 0; k < size; ++k) {
        left[c * size + k] = left[c * size + k] / by;
        right[c * size + k] = right[c * size + k] / by;
      }
      for (std::size_t r = 0; r < size; ++r) {
        Rational const times = left[r * size + c];
        if (r == c || times.is_zero()) continue;
        for (std::size_t k = 0; k < size; ++k) {
          left[r * size + k] = left[r * size + k] - times * left[c * size + k];
          right[r * size + k] = right[r * size + k] - times * right[c * size + k];
        }
      }
    }
    std::vector<Expr> entries;
    for (Rational const& entry : right) entries.push_back(arena_.number(entry));
    return make(entries, size);
  }

  Expr transpose(Expr m) {
    if (!m) return {};
    std::vector<Expr> entries;
    for (std::size_t j = 0; j < columns(m); ++j) {
      for (std::size_t i = 0; i < rows(m); ++i) entries.push_back(arena_.child(m, i * columns(m) + j));
    }
    return make(entries, columns(m));
  }

  Arena& arena_;
  Inverses inverses_;
  int symbolic_products_ = 0;
};

}  // namespace

Expr fold_matrices(Arena& arena, Expr e, Inverses inverses) {
  switch (arena.kind(e)) {
    case Kind::Add:
    case Kind::Multiply:
    case Kind::Power:
    case Kind::Function:
      break;
    default:
      return e;
  }
  Expr const folded = Folder(arena, inverses).fold(e);
  return folded ? folded : e;
}

}  // namespace grove::math::detail
