// SPDX-License-Identifier: Apache-2.0
// Arithmetic.
#include "grove/text/jinja/operators.hpp"

#include <cmath>
#include <string>

#include "grove/text/jinja/format.hpp"
#include "grove/text/jinja/markup.hpp"

namespace grove::text::jinja {
namespace {

constexpr std::string_view symbols[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};

[[noreturn]] void unsupported(Runtime& runtime, Arithmetic operation, Value const& left, Value const& right) {
  if (operation == Arithmetic::add && left.as<Text>()) {
    runtime.fail("can only concatenate str (not \"" + type_name(right) + "\") to str");
  }
  runtime.fail("unsupported operand type(s) for " + std::string(symbols[static_cast<int>(operation)]) + ": '" +
               type_name(left) + "' and '" + type_name(right) + "'");
}

[[noreturn]] void overflow(Runtime& runtime) {
  runtime.fail("an integer beyond 64 bits", "integers from -2**63 to 2**63 - 1");
}

[[noreturn]] void division_by_zero(Runtime& runtime) { runtime.fail("division by zero"); }

std::int64_t integer_power(Runtime& runtime, std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) overflow(runtime);
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) overflow(runtime);
  }
  return result;
}

std::int64_t integer_floor_divide(Runtime& runtime, std::int64_t left, std::int64_t right) {
  if (right == 0) division_by_zero(runtime);
  if (right == -1) {
    std::int64_t result = 0;
    if (__builtin_sub_overflow(std::int64_t{0}, left, &result)) overflow(runtime);
    return result;
  }
  std::int64_t const quotient = left / right;
  return left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient;
}

std::int64_t integer_modulo(Runtime& runtime, std::int64_t left, std::int64_t right) {
  if (right == 0) division_by_zero(runtime);
  if (right == -1) return 0;
  std::int64_t const remainder = left % right;
  return remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder;
}

Value of_integers(Runtime& runtime, Arithmetic operation, std::int64_t left, std::int64_t right) {
  std::int64_t result = 0;
  switch (operation) {
    case Arithmetic::add:
      if (__builtin_add_overflow(left, right, &result)) overflow(runtime);
      return Value::integer(result);
    case Arithmetic::subtract:
      if (__builtin_sub_overflow(left, right, &result)) overflow(runtime);
      return Value::integer(result);
    case Arithmetic::multiply:
      if (__builtin_mul_overflow(left, right, &result)) overflow(runtime);
      return Value::integer(result);
    case Arithmetic::divide:
      if (right == 0) division_by_zero(runtime);
      return Value::real(static_cast<double>(static_cast<long double>(left) / static_cast<long double>(right)));
    case Arithmetic::floor_divide:
      return Value::integer(integer_floor_divide(runtime, left, right));
    case Arithmetic::modulo:
      return Value::integer(integer_modulo(runtime, left, right));
    case Arithmetic::power:
      if (right >= 0) return Value::integer(integer_power(runtime, left, right));
      if (left == 0) runtime.fail("0 cannot be raised to a negative power");
      return Value::real(std::pow(static_cast<double>(left), static_cast<double>(right)));
  }
  return Value();
}

// Quotient and remainder as Python's float_divmod has them.
double real_modulo(double left, double right) {
  double const remainder = std::fmod(left, right);
  if (remainder == 0) return std::copysign(0.0, right);
  return (right < 0) != (remainder < 0) ? remainder + right : remainder;
}

double real_floor_divide(double left, double right) {
  double const remainder = std::fmod(left, right);
  double quotient = (left - remainder) / right;
  if (remainder != 0 && (right < 0) != (remainder < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, left / right);
  double const whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

double real_power(Runtime& runtime, double left, double right) {
  if (left == 0 && right < 0) runtime.fail("0.0 cannot be raised to a negative power");
  if (left < 0 && std::isfinite(left) && std::isfinite(right) && right != std::floor(right)) {
    runtime.fail("a negative number to a fractional power is complex, which is not supported");
  }
  double const result = std::pow(left, right);
  if (std::isinf(result) && std::isfinite(left) && std::isfinite(right)) runtime.fail("the result is too large");
  return result;
}

Value of_reals(Runtime& runtime, Arithmetic operation, double left, double right) {
  bool const divides =
      operation == Arithmetic::divide || operation == Arithmetic::floor_divide || operation == Arithmetic::modulo;
  if (divides && right == 0) division_by_zero(runtime);
  switch (operation) {
    case Arithmetic::add:
      return Value::real(left + right);
    case Arithmetic::subtract:
      return Value::real(left - right);
    case Arithmetic::multiply:
      return Value::real(left * right);
    case Arithmetic::divide:
      return Value::real(left / right);
    case Arithmetic::floor_divide:
      return Value::real(real_floor_divide(left, right));
    case Arithmetic::modulo:
      return Value::real(real_modulo(left, right));
    case Arithmetic::power:
      return Value::real(real_power(runtime, left, right));
  }
  return Value();
}

Value concatenated(Runtime& runtime, Value const& left, Value const& right) {
  if (left.as<Text>() && right.as<Text>()) {
    auto const &a = *left.as<Text>(), &b = *right.as<Text>();
    runtime.charge_bytes(a.bytes.size() + b.bytes.size());
    if (a.markup == b.markup) return Value(std::make_shared<Text>(a.bytes + b.bytes, a.markup));
    return make_text(runtime, escaped(runtime, left) + escaped(runtime, right), true);
  }
  bool const lists = left.as<List>() && right.as<List>();
  if (!lists && !(left.as<Tuple>() && right.as<Tuple>())) unsupported(runtime, Arithmetic::add, left, right);
  std::vector<Value> items = collect(runtime, left);
  std::vector<Value> const more = collect(runtime, right);
  items.insert(items.end(), more.begin(), more.end());
  return lists ? make_list(runtime, std::move(items)) : make_tuple(runtime, std::move(items));
}

Value repeated(Runtime& runtime, Value const& value, std::int64_t times) {
  auto const count = static_cast<std::uint64_t>(times > 0 ? times : 0);
  std::uint64_t total = 0;
  if (auto const* text = value.as<Text>()) {
    if (__builtin_mul_overflow(text->bytes.size(), count, &total)) total = ~std::uint64_t{0};
    runtime.charge_bytes(total);
    std::string result;
    result.reserve(total);
    for (std::uint64_t i = 0; total > 0 && i < count; ++i) result += text->bytes;
    return make_text(runtime, std::move(result), text->markup);
  }
  std::vector<Value> const items = collect(runtime, value);
  if (__builtin_mul_overflow(std::uint64_t{2} * items.size(), count, &total)) total = ~std::uint64_t{0};
  runtime.charge(total);
  std::vector<Value> result;
  result.reserve(total / 2);
  for (std::uint64_t i = 0; total > 0 && i < count; ++i) result.insert(result.end(), items.begin(), items.end());
  return value.as<List>() ? make_list(runtime, std::move(result)) : make_tuple(runtime, std::move(result));
}

bool is_sequence(Value const& value) { return value.as<Text>() || value.as<List>() || value.as<Tuple>(); }

}  // namespace

void require_defined(Runtime& runtime, Value const& value) {
  if (auto const* undefined = value.as<Undefined>()) runtime.fail(undefined->message);
}

Value arithmetic(Runtime& runtime, Arithmetic operation, Value const& left, Value const& right) {
  if (operation == Arithmetic::modulo && left.as<Text>()) return formatted_percent(runtime, left, right);
  require_defined(runtime, left);
  require_defined(runtime, right);
  if (left.is_integer() && right.is_integer()) {
    return of_integers(runtime, operation, left.as_integer(), right.as_integer());
  }
  if (left.is_number() && right.is_number()) return of_reals(runtime, operation, left.as_real(), right.as_real());
  if (operation == Arithmetic::add && is_sequence(left)) return concatenated(runtime, left, right);
  if (operation == Arithmetic::multiply && is_sequence(left) && right.is_integer()) {
    return repeated(runtime, left, right.as_integer());
  }
  if (operation == Arithmetic::multiply && left.is_integer() && is_sequence(right)) {
    return repeated(runtime, right, left.as_integer());
  }
  unsupported(runtime, operation, left, right);
}

Value negated(Runtime& runtime, Value const& operand) {
  require_defined(runtime, operand);
  if (operand.is_integer()) return of_integers(runtime, Arithmetic::subtract, 0, operand.as_integer());
  if (operand.is_number()) return Value::real(-operand.as_real());
  runtime.fail("bad operand type for unary -: '" + type_name(operand) + "'");
}

Value positive(Runtime& runtime, Value const& operand) {
  require_defined(runtime, operand);
  if (operand.is_integer()) return Value::integer(operand.as_integer());
  if (operand.is_number()) return operand;
  runtime.fail("bad operand type for unary +: '" + type_name(operand) + "'");
}

}  // namespace grove::text::jinja
