// SPDX-License-Identifier: Apache-2.0
#include "grove/math/plain_arithmetic.hpp"

#include "grove/math/ascii.hpp"
#include "grove/math/parser.hpp"

namespace grove::math::detail {
namespace {

class Arithmetic {
 public:
  Arithmetic(Arena& arena, std::string_view text) : arena_(arena), text_(text) {}

  Expr whole() {
    Expr const value = sum();
    return value && skip_space(text_, at_) == text_.size() ? value : Expr{};
  }

 private:
  bool accept(std::string_view what) {
    std::size_t const at = skip_space(text_, at_);
    if (!starts_with(text_, at, what)) return false;
    at_ = at + what.size();
    return true;
  }

  Expr sum() {
    if (++depth_ > 100) return {};
    Expr value = product();
    while (value) {
      if (accept("+")) {
        value = arena_.add(value, product());
      } else if (accept("-")) {
        value = arena_.subtract(value, product());
      } else {
        break;
      }
    }
    --depth_;
    return value;
  }

  Expr product() {
    Expr value = signed_power();
    while (value) {
      if (accept("**")) {
        value = {};
      } else if (accept("*")) {
        value = arena_.multiply(value, signed_power());
      } else if (accept("/")) {
        Expr const by = signed_power();
        bool const zero = by && arena_.is_numeral(by) && arena_.value(by).is_zero();
        value = zero ? arena_.constant(Constant::Undefined) : arena_.divide(value, by);
      } else {
        break;
      }
    }
    return value;
  }

  Expr signed_power() {
    if (++depth_ > 100) return {};
    Expr value;
    if (accept("-")) {
      value = arena_.negate(signed_power());
    } else if (accept("+")) {
      value = signed_power();
    } else {
      value = atom();
      if (value && (accept("^") || accept("**"))) value = arena_.power(value, signed_power());
    }
    --depth_;
    return value;
  }

  Expr atom() {
    if (accept("(")) {
      Expr const inside = sum();
      return inside && accept(")") ? inside : Expr{};
    }
    std::size_t const begin = skip_space(text_, at_);
    std::size_t end = begin;
    bool point = false;
    while (end < text_.size() && (is_digit(text_[end]) || (text_[end] == '.' && !point))) {
      point = point || text_[end] == '.';
      ++end;
    }
    if (end == begin || (end == begin + 1 && point)) return {};
    at_ = end;
    std::string digits(text_.substr(begin, end - begin));
    if (digits.back() == '.') digits += '0';
    // Python refuses 007.
    if (!point && digits.size() > 1 && digits[0] == '0') return {};
    return parse_numeral(arena_, digits);
  }

  Arena& arena_;
  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Expr parse_arithmetic(Arena& arena, std::string_view text) {
  if (text.size() > 1000) return {};
  return Arithmetic(arena, text).whole();
}

}  // namespace grove::math::detail
