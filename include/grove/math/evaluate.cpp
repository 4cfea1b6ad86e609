// SPDX-License-Identifier: Apache-2.0
#include "grove/math/evaluate.hpp"

#include <algorithm>

namespace grove::math::detail {

namespace {

using State = Value::State;

constexpr std::int64_t largest_repetition = 2000;

bool takes_angle(Function which) { return which <= Function::Csc; }

}  // namespace

std::uint64_t stable_hash(std::string_view text, std::uint64_t salt) {
  std::uint64_t hash = 0xcbf29ce484222325U ^ (salt * 0x9e3779b97f4a7c15U);
  for (char const c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  // The finaliser of SplitMix64.
  hash = (hash ^ (hash >> 30U)) * 0xbf58476d1ce4e5b9U;
  hash = (hash ^ (hash >> 27U)) * 0x94d049bb133111ebU;
  return hash ^ (hash >> 31U);
}

Value Evaluator::operator()(Expr e) {  // NOLINT(misc-no-recursion): depth is bounded by the arena
  if (calculator_.fuel().empty()) return State::Undecided;
  switch (arena_.kind(e)) {
    case Kind::Number:
    case Kind::Decimal:
      return Real(arena_.value(e));
    case Kind::Constant:
      return constant(arena_.constant_of(e));
    case Kind::Symbol:
      return variable(e);
    case Kind::Add:
      return add(e);
    case Kind::Multiply:
      return multiply(e);
    case Kind::Power:
      return power(e);
    case Kind::Function:
      return function(e);
    case Kind::Apply:
      return apply(e);
    case Kind::Sum:
    case Kind::Product:
      return repeat(e);
    case Kind::Limit:
      return limit(e);
    case Kind::Percent:
      return calculator_.multiply((*this)(arena_.child(e, 0)), Value(Real(Rational(1, 100))));
    case Kind::Degrees: {
      Value value = (*this)(arena_.child(e, 0));
      if (options_.ignore_degrees || (options_.degrees_as_numbers && !in_angle_)) return value;
      return calculator_.multiply(calculator_.multiply(value, Value(calculator_.pi())), Value(Real(Rational(1, 180))));
    }
    case Kind::Unit:
    case Kind::Based:
      return (*this)(arena_.child(e, 0));
    case Kind::Ratio:
      if (arena_.size(e) != 2) return State::Undecided;
      return calculator_.multiply((*this)(arena_.child(e, 0)), calculator_.invert((*this)(arena_.child(e, 1))));
    default:
      return State::Undecided;
  }
}

Value Evaluator::constant(Constant which) {
  switch (which) {
    case Constant::Pi:
      return calculator_.pi();
    case Constant::E:
      return Real(Interval::e(calculator_.precision()));
    case Constant::I:
      return {Real(0), Real(1)};
    case Constant::Infinity:
      return Value::infinity(1);
    case Constant::Undefined:
      return State::Undefined;
    default:
      return State::Undecided;
  }
}

Value Evaluator::variable(Expr e) {
  std::uint32_t const name = arena_.name_id(e);
  for (std::size_t i = bound_.size(); i-- > 0;) {
    if (bound_[i].name == name) return bound_[i].value;
  }
  std::uint64_t const hash = stable_hash(arena_.name(e), point_.number);
  // Among four points in a row each variable has both signs: chance would leave |x| what x is for some names.
  std::uint64_t const sign = stable_hash(arena_.name(e), point_.number / 4) ^ (point_.number >> 1U);
  bool const negative = point_.mixed_signs && (sign & 1U) != 0;
  if (point_.whole != nullptr && std::find(point_.whole->begin(), point_.whole->end(), name) != point_.whole->end()) {
    return Real(Rational(3 + static_cast<std::int64_t>((hash >> 8U) % 29)));
  }
  // Between 0.3 and 4.3.
  auto const numerator = static_cast<std::int64_t>(80 + (hash >> 8U) % 1021);
  return Real(Rational(negative ? -numerator : numerator, 256));
}

Value Evaluator::add(Expr e) {  // NOLINT(misc-no-recursion)
  Value sum{Real(0)};
  for (Expr const term : arena_.children(e)) sum = calculator_.add(sum, (*this)(term));
  return sum;
}

Value Evaluator::multiply(Expr e) {  // NOLINT(misc-no-recursion)
  Value product{Real(1)};
  for (Expr const factor : arena_.children(e)) product = calculator_.multiply(product, (*this)(factor));
  return product;
}

Value Evaluator::power(Expr e) {  // NOLINT(misc-no-recursion)
  Expr const base = arena_.child(e, 0);
  Value const exponent = (*this)(arena_.child(e, 1));
  if (arena_.is(base, Constant::E)) return calculator_.exp(exponent);
  return calculator_.power((*this)(base), exponent);
}

Value Evaluator::function(Expr e) {  // NOLINT(misc-no-recursion)
  Function const which = arena_.function_of(e);
  auto const arguments = arena_.children(e);
  if (which >= Function::Gcd) return of_many(which, arguments);
  if (arguments.empty()) return State::Undecided;
  if (which == Function::Determinant) return determinant(arguments[0]);
  bool const outer = in_angle_;
  in_angle_ = takes_angle(which);
  Value const x = (*this)(arguments[0]);
  in_angle_ = outer;
  if (which < Function::Log) return arguments.size() == 1 ? of_one(which, x) : Value(State::Undecided);
  return arguments.size() == 2 ? of_two(which, x, (*this)(arguments[1])) : Value(State::Undecided);
}

Value Evaluator::apply(Expr e) {  // NOLINT(misc-no-recursion)
  // An undefined function stands for one particular smooth function, drawn from its name: equal arguments, equal
  // values.
  std::string_view const name = arena_.name(e);
  Value sum{Real(Rational(static_cast<std::int64_t>(stable_hash(name, point_.number + 7) % 97), 31))};
  std::uint64_t position = 0;
  for (Expr const argument : arena_.children(e)) {
    ++position;
    auto const scale = static_cast<std::int64_t>(40 + stable_hash(name, 1000 * position + 1) % 90);
    auto const shift = static_cast<std::int64_t>(stable_hash(name, 1000 * position + 2) % 64);
    Value const inside = calculator_.add(calculator_.multiply((*this)(argument), Value(Real(Rational(scale, 64)))),
                                         Value(Real(Rational(shift, 16))));
    sum = calculator_.add(sum, calculator_.multiply(calculator_.sin(inside),
                                                    Value(Real(Rational(static_cast<std::int64_t>(position) + 1)))));
  }
  return sum;
}

Value Evaluator::repeat(Expr e) {  // NOLINT(misc-no-recursion)
  auto const parts = arena_.children(e);
  if (parts.size() != 4 || !arena_.is(parts[1], Kind::Symbol)) return State::Undecided;
  Value const from = (*this)(parts[2]);
  Value const to = (*this)(parts[3]);
  if (from.exact() == nullptr || to.exact() == nullptr) return opaque(e);
  auto const first = from.exact()->as_int64();
  auto const last = to.exact()->as_int64();
  if (!first || !last) return State::Undecided;
  bool const is_sum = arena_.is(e, Kind::Sum);
  Value total{Real(is_sum ? 0 : 1)};
  // An empty range adds nothing; the reverse conventions of the field differ below that.
  if (*last < *first - 1) return State::Undecided;
  if (*first > *last) return total;
  if (static_cast<std::uint64_t>(*last) - static_cast<std::uint64_t>(*first) > largest_repetition)
    return State::Undecided;
  for (std::int64_t k = *first; k <= *last && !calculator_.fuel().empty(); ++k) {
    bound_.push_back({arena_.name_id(parts[1]), Value(Real(Rational(k)))});
    Value const term = (*this)(parts[0]);
    bound_.pop_back();
    total = is_sum ? calculator_.add(total, term) : calculator_.multiply(total, term);
    if (total.state == State::Undecided || total.state == State::Undefined) return total;
  }
  return total;
}

Value Evaluator::limit(Expr e) {  // NOLINT(misc-no-recursion)
  // Where the body has a value at a finite point, elementary functions have it as their limit.
  auto const parts = arena_.children(e);
  if (parts.size() < 3 || !arena_.is(parts[1], Kind::Symbol)) return State::Undecided;
  Value const point = (*this)(parts[2]);
  if (!point.finite()) return opaque(e);
  bound_.push_back({arena_.name_id(parts[1]), point});
  Value result = (*this)(parts[0]);
  bound_.pop_back();
  return result.finite() ? result : opaque(e);
}

Value Evaluator::opaque(Expr e) {
  constexpr std::size_t longest = 1U << 14U;
  std::string const text = to_string(arena_, e, longest);
  if (text.size() > longest || !calculator_.fuel().spend(static_cast<std::int64_t>(16 + text.size() / 8)))
    return State::Undecided;
  std::uint64_t const hash = stable_hash(text, 0);
  opaque_ += hash;
  return Real(Rational(static_cast<std::int64_t>(1 + (hash >> 16U) % 1000003), 1009));
}

Value Evaluator::determinant(Expr e) {  // NOLINT(misc-no-recursion)
  if (!arena_.is(e, Kind::Matrix)) return calculator_.absolute((*this)(e));
  auto const n = static_cast<std::size_t>(std::max(0, arena_.extra(e)));
  if (n == 0 || n > 6 || arena_.size(e) != n * n) return State::Undecided;
  std::vector<Value> entries;
  for (Expr const entry : arena_.children(e)) entries.push_back((*this)(entry));
  // Leibniz' sum over permutations: at most 720.
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = i;
  Value sum{Real(0)};
  do {
    int inversions = 0;
    Value product{Real(1)};
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = i + 1; j < n; ++j) inversions += order[i] > order[j] ? 1 : 0;
      product = calculator_.multiply(product, entries[i * n + order[i]]);
    }
    sum = calculator_.add(sum, inversions % 2 == 0 ? product : Calculator::negate(product));
  } while (std::next_permutation(order.begin(), order.end()) && !calculator_.fuel().empty());
  return sum;
}

}  // namespace grove::math::detail
