// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "grove/math/expression.hpp"

namespace grove::math {
namespace {

constexpr std::array<std::string_view, 13> constant_names{"pi",        "e",        "i",        "oo",        "undefined",
                                                          "empty set", "naturals", "integers", "rationals", "reals",
                                                          "complexes", "true",     "false"};
constexpr std::array<std::string_view, 53> function_names{
    "sin",          "cos",    "tan",        "cot",    "sec",     "csc",       "arcsin",       "arccos",
    "arctan",       "arccot", "arcsec",     "arccsc", "sinh",    "cosh",      "tanh",         "coth",
    "sech",         "csch",   "arsinh",     "arcosh", "artanh",  "arcoth",    "arsech",       "arcsch",
    "exp",          "ln",     "abs",        "floor",  "ceiling", "sign",      "factorial",    "double_factorial",
    "subfactorial", "gamma",  "re",         "im",     "arg",     "conjugate", "det",          "transpose",
    "trace",        "norm",   "complement", "log",    "root",    "binomial",  "permutations", "mod",
    "gcd",          "lcm",    "max",        "min",    "?"};
constexpr std::array<std::string_view, 19> relation_names{" = ",
                                                          " != ",
                                                          " < ",
                                                          " <= ",
                                                          " > ",
                                                          " >= ",
                                                          " ~ ",
                                                          " == ",
                                                          " in ",
                                                          " not in ",
                                                          " subset ",
                                                          " subset= ",
                                                          " superset ",
                                                          " superset= ",
                                                          " similar ",
                                                          " parallel ",
                                                          " perpendicular ",
                                                          " divides ",
                                                          " -> "};

class Writer {
 public:
  Writer(Arena const& arena, std::size_t limit) : arena_(arena), limit_(limit) {}

  /// `level`: 0 anything stands bare, 1 sums get parentheses, 2 products too, 3 powers too.
  void write(Expr e, int level) {  // NOLINT(misc-no-recursion): depth is bounded by the arena
    if (full()) return;
    auto const items = arena_.children(e);
    switch (arena_.kind(e)) {
      case Kind::None:
        put("?");
        break;
      case Kind::Number:
        number(e, level);
        break;
      case Kind::Decimal:
        decimal(e, level);
        break;
      case Kind::Constant:
        put(constant_names[arena_.detail(e)]);
        break;
      case Kind::Symbol:
        put(arena_.name(e));
        break;
      case Kind::Text:
        put("\""), put(arena_.name(e)), put("\"");
        break;
      case Kind::Choice:
        put("choice "), put(arena_.name(e));
        break;
      case Kind::Add:
        join(items, " + ", level > 0, 1);
        break;
      case Kind::Multiply:
        join(items, "*", level > 1, 2);
        break;
      case Kind::Power:
        write(items[0], 3), put("^"), write(items[1], 3);
        break;
      case Kind::Function:
        call(function_names[arena_.detail(e)], items);
        break;
      case Kind::Apply:
        call(arena_.name(e), items);
        break;
      case Kind::Sum:
        call("sum", items);
        break;
      case Kind::Product:
        call("product", items);
        break;
      case Kind::Integral:
        call("integral", items);
        break;
      case Kind::Derivative:
        call("derivative", items);
        break;
      case Kind::Limit:
        call("limit", items);
        break;
      case Kind::Percent:
        write(items[0], 3), put("%");
        break;
      case Kind::Degrees:
        write(items[0], 3), put(" degrees");
        break;
      case Kind::Unit:
        write(items[0], 2), put(" "), put(arena_.name(e));
        break;
      case Kind::Based:
        write(items[0], 3), put(" (base " + std::to_string(arena_.extra(e)) + ")");
        break;
      case Kind::Ratio:
        join(items, ":", level > 0, 2);
        break;
      case Kind::PlusMinus:
        signs(items, " +- ", level);
        break;
      case Kind::MinusPlus:
        signs(items, " -+ ", level);
        break;
      default:
        structure(e, level);
    }
  }

  std::string finish() {
    if (text_.size() > limit_) text_ = text_.substr(0, limit_) + "...";
    return std::move(text_);
  }

 private:
  void structure(Expr e, int level) {  // NOLINT(misc-no-recursion)
    auto const items = arena_.children(e);
    switch (arena_.kind(e)) {
      case Kind::Tuple:
        brackets(arena_.bracket_of(e), items);
        break;
      case Kind::List:
        join(items, arena_.bracket_of(e) == Bracket::Semicolon ? "; " : ", ", level > 0, 0);
        break;
      case Kind::Set:
        put("{"), join(items, ", ", false, 0), put("}");
        break;
      case Kind::Interval:
        put((arena_.detail(e) & IntervalEnds::left_open) != 0 ? "(" : "["), join(items, ", ", false, 0);
        put((arena_.detail(e) & IntervalEnds::right_open) != 0 ? ")" : "]");
        break;
      case Kind::Union:
        join(items, " U ", level > 0, 1);
        break;
      case Kind::Intersection:
        join(items, " n ", level > 0, 1);
        break;
      case Kind::Difference:
        join(items, " \\ ", level > 0, 1);
        break;
      case Kind::SetBuilder:
        put("{"), join(items, " | ", false, 0), put("}");
        break;
      case Kind::Relation:
        join(items, relation_names[arena_.detail(e)], level > 0, 1);
        break;
      case Kind::And:
        join(items, " and ", level > 0, 0);
        break;
      case Kind::Or:
        join(items, " or ", level > 0, 0);
        break;
      case Kind::Not:
        put("not "), join(items, "", false, 3);
        break;
      case Kind::Matrix:
        matrix(e);
        break;
      case Kind::Cases:
        call("cases", items);
        break;
      default:
        put("?");
    }
  }

  void number(Expr e, int level) {
    bool const bare = level < 2 || (arena_.value(e).is_integer() && arena_.value(e).sign() >= 0);
    if (!bare) put("(");
    put(arena_.value(e).to_string());
    if (!bare) put(")");
  }

  void decimal(Expr e, int level) {
    int const digits = arena_.extra(e);
    Rational const& value = arena_.value(e);
    if (digits < 0 || digits > 400) return put(value.to_string());
    Rational const scaled = value.abs() * Rational::integer_power(10, static_cast<std::uint32_t>(digits));
    if (!scaled.is_integer()) return put(value.to_string());
    std::string const text = scaled.to_string();
    auto const places = static_cast<std::size_t>(digits);
    std::size_t const whole = text.size() > places ? text.size() - places : 0;
    bool const parentheses = value.sign() < 0 && level > 1;
    if (parentheses) put("(");
    if (value.sign() < 0) put("-");
    put(whole == 0 ? std::string_view("0") : std::string_view(text).substr(0, whole));
    put(".");
    for (std::size_t i = text.size() - whole; i < places; ++i) put("0");
    put(std::string_view(text).substr(whole));
    if (parentheses) put(")");
  }

  void join(std::span<Expr const> items, std::string_view between, bool parentheses,
            int level) {  // NOLINT(misc-no-recursion)
    if (parentheses) put("(");
    for (std::size_t i = 0; i < items.size() && !full(); ++i) {
      if (i > 0) put(between);
      write(items[i], level);
    }
    if (parentheses) put(")");
  }

  void signs(std::span<Expr const> items, std::string_view between, int level) {  // NOLINT(misc-no-recursion)
    if (level > 0) put("(");
    if (items.size() > 1) {
      write(items[0], 1);
      put(between);
    } else {
      put(between.substr(1, 2));
    }
    write(items.back(), 1);
    if (level > 0) put(")");
  }

  void call(std::string_view name, std::span<Expr const> items) {  // NOLINT(misc-no-recursion)
    put(name);
    join(items, ", ", true, 0);
  }

  void brackets(Bracket bracket, std::span<Expr const> items) {  // NOLINT(misc-no-recursion)
    put(bracket == Bracket::Square ? "[" : bracket == Bracket::Angle ? "<" : "(");
    join(items, ", ", false, 0);
    put(bracket == Bracket::Square ? "]" : bracket == Bracket::Angle ? ">" : ")");
  }

  void matrix(Expr e) {  // NOLINT(misc-no-recursion)
    auto const items = arena_.children(e);
    std::size_t const rows = std::max(1, arena_.extra(e));
    std::size_t const columns = items.size() / rows;
    put("[");
    for (std::size_t row = 0; row < rows && !full(); ++row) {
      put(row == 0 ? "[" : ", [");
      join(items.subspan(row * columns, columns), ", ", false, 0);
      put("]");
    }
    put("]");
  }

  void put(std::string_view piece) { text_ += piece; }
  [[nodiscard]] bool full() const { return text_.size() > limit_; }

  Arena const& arena_;
  std::size_t limit_;
  std::string text_;
};

}  // namespace

std::string to_string(Arena const& arena, Expr e, std::size_t limit) {
  Writer writer(arena, limit);
  writer.write(e, 0);
  return writer.finish();
}

}  // namespace grove::math
