// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "grove/math/expression.hpp"

namespace grove::math::test {

/// Reads plain infix text, for tests: 2*x^2, sqrt(2), sin(x)!, {1, 2}, (1, 2), [0, 1), x <= 2, pm(1, 2), f_(x) for an
/// undefined function, [[1, 2], [3, 4]] for a matrix, "text", oo. Throws std::invalid_argument.
class Infix {
 public:
  Infix(Arena& arena, std::string_view text) : arena_(arena), text_(text) {}

  Expr read() {
    Expr e = list();
    skip();
    if (at_ != text_.size()) fail();
    return e;
  }

 private:
  [[noreturn]] void fail() const {
    throw std::invalid_argument("infix: " + std::string(text_) + " at " + std::to_string(at_));
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(std::string_view token) {
    skip();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  char peek() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  Expr list() {
    std::vector<Expr> items{relation()};
    while (take(",")) items.push_back(relation());
    return items.size() == 1 ? items[0] : arena_.node(Kind::List, items);
  }

  Expr relation() {
    static constexpr std::pair<std::string_view, RelationType> types[] = {
        {"<=", RelationType::LessEqual}, {">=", RelationType::GreaterEqual}, {"!=", RelationType::NotEqual},
        {"<", RelationType::Less},       {">", RelationType::Greater},       {"=", RelationType::Equal},
        {"in ", RelationType::In}};
    Expr left = unions();
    std::vector<Expr> chain;
    for (bool found = true; found;) {
      found = false;
      for (auto const& [token, type] : types) {
        if (!take(token)) continue;
        Expr const right = unions();
        chain.push_back(arena_.relation(type, left, right));
        left = right;
        found = true;
        break;
      }
    }
    if (chain.empty()) return left;
    return chain.size() == 1 ? chain[0] : arena_.node(Kind::And, chain, 0, 1);
  }

  Expr unions() {
    std::vector<Expr> items{sum()};
    while (take("U ")) items.push_back(sum());
    if (take("\\")) return arena_.node(Kind::Difference, {items[0], sum()});
    return items.size() == 1 ? items[0] : arena_.node(Kind::Union, items);
  }

  Expr sum() {
    std::vector<Expr> items;
    items.push_back(take("-") ? arena_.negate(product()) : product());
    for (;;) {
      if (take("+-"))
        return arena_.node(Kind::PlusMinus, {items.size() == 1 ? items[0] : arena_.node(Kind::Add, items), product()});
      if (take("+")) {
        items.push_back(product());
      } else if (take("-")) {
        items.push_back(arena_.negate(product()));
      } else {
        break;
      }
    }
    return items.size() == 1 ? items[0] : arena_.node(Kind::Add, items);
  }

  Expr product() {
    std::vector<Expr> items{power()};
    for (;;) {
      if (take("*")) {
        items.push_back(power());
      } else if (take("/")) {
        items.push_back(arena_.power(power(), arena_.number(-1)));
      } else {
        break;
      }
    }
    return items.size() == 1 ? items[0] : arena_.node(Kind::Multiply, items);
  }

  Expr power() {
    Expr base = postfix();
    if (!take("^")) return base;
    Expr const exponent = take("-") ? arena_.negate(power()) : power();
    return arena_.power(base, exponent);
  }

  Expr postfix() {
    Expr e = atom();
    for (;;) {
      if (!text_.substr(at_).starts_with(" !=") && !text_.substr(at_).starts_with("!=") && take("!")) {
        e = arena_.function(Function::Factorial, {e});
      } else if (take("%")) {
        e = arena_.node(Kind::Percent, {e});
      } else if (take("deg")) {
        e = arena_.node(Kind::Degrees, {e});
      } else {
        return e;
      }
    }
  }

  Expr number() {
    std::size_t const start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    std::string digits(text_.substr(start, at_ - start));
    if (at_ >= text_.size() || text_[at_] != '.') return arena_.number(*Rational::from_digits(digits));
    ++at_;
    std::size_t const point = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    auto const places = static_cast<std::uint32_t>(at_ - point);
    digits += text_.substr(point, places);
    return arena_.decimal(*Rational::from_digits(digits) / Rational::integer_power(10, places),
                          static_cast<std::int32_t>(places));
  }

  Expr bracketed(char open) {
    Expr inner;
    std::vector<Expr> items;
    if (peek() != '}') {
      inner = list();
      if (arena_.is(inner, Kind::List)) {
        auto const parts = arena_.children(inner);
        items.assign(parts.begin(), parts.end());
      } else {
        items = {inner};
      }
    }
    if (open == '{') {
      if (!take("}")) fail();
      return arena_.node(Kind::Set, items);
    }
    bool const round = take(")");
    if (!round && !take("]")) fail();
    if (items.size() == 1 && open == '(') return items[0];
    if (open == '(' && round) return arena_.tuple(items, Bracket::Round);
    if (items.size() == 2 && !(open == '[' && arena_.is(items[0], Kind::Matrix))) {
      auto const ends = static_cast<std::uint8_t>((open == '(' ? 1 : 0) + (round ? 2 : 0));
      return arena_.interval(items[0], items[1], ends);
    }
    return arena_.tuple(items, Bracket::Square);
  }

  Expr matrix() {
    std::vector<Expr> entries;
    std::int32_t rows = 0;
    do {
      if (!take("[")) fail();
      do entries.push_back(sum());
      while (take(","));
      if (!take("]")) fail();
      ++rows;
    } while (take(","));
    if (!take("]")) fail();
    return arena_.node(Kind::Matrix, entries, 0, rows);
  }

  Expr atom() {
    char const c = peek();
    if (c >= '0' && c <= '9') return number();
    if (take("[[")) {
      --at_;
      return matrix();
    }
    if (c == '(' || c == '[' || c == '{') {
      ++at_;
      return bracketed(c);
    }
    if (take("\"")) {
      std::size_t const end = text_.find('"', at_);
      Expr const e = arena_.text(text_.substr(at_, end - at_));
      at_ = end + 1;
      return e;
    }
    return word();
  }

  Expr word() {
    std::size_t const start = at_;
    auto const letter = [](char x) { return (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || x == '_'; };
    while (at_ < text_.size() && letter(text_[at_])) ++at_;
    std::string const name(text_.substr(start, at_ - start));
    if (name.empty()) fail();
    static std::map<std::string, Constant> const constants{{"pi", Constant::Pi},
                                                           {"e", Constant::E},
                                                           {"i", Constant::I},
                                                           {"oo", Constant::Infinity},
                                                           {"empty", Constant::EmptySet},
                                                           {"reals", Constant::Reals},
                                                           {"integers", Constant::Integers}};
    if (auto const found = constants.find(name); found != constants.end()) return arena_.constant(found->second);
    if (at_ >= text_.size() || text_[at_] != '(') return arena_.symbol(name);
    ++at_;
    std::vector<Expr> items{relation()};
    while (take(",")) items.push_back(relation());
    if (!take(")")) fail();
    return call(name, items);
  }

  Expr call(std::string const& name, std::vector<Expr> const& items) {
    static std::map<std::string, Function> const functions{
        {"sin", Function::Sin},       {"cos", Function::Cos},         {"tan", Function::Tan},
        {"cot", Function::Cot},       {"sec", Function::Sec},         {"csc", Function::Csc},
        {"arcsin", Function::Arcsin}, {"arccos", Function::Arccos},   {"arctan", Function::Arctan},
        {"sinh", Function::Sinh},     {"cosh", Function::Cosh},       {"tanh", Function::Tanh},
        {"exp", Function::Exp},       {"ln", Function::Ln},           {"abs", Function::Abs},
        {"floor", Function::Floor},   {"ceil", Function::Ceiling},    {"log", Function::Log},
        {"root", Function::Root},     {"binom", Function::Binomial},  {"mod", Function::Modulo},
        {"gcd", Function::Gcd},       {"lcm", Function::Lcm},         {"max", Function::Max},
        {"min", Function::Min},       {"gamma", Function::Gamma},     {"re", Function::Real},
        {"im", Function::Imaginary},  {"det", Function::Determinant}, {"perm", Function::Permutations},
        {"conj", Function::Conjugate}};
    if (name == "sqrt") return arena_.power(items[0], arena_.number(Rational(1, 2)));
    if (name == "sum") return arena_.node(Kind::Sum, items);
    if (name == "prod") return arena_.node(Kind::Product, items);
    if (name == "lim") return arena_.node(Kind::Limit, items);
    if (name == "pm") return arena_.node(Kind::PlusMinus, items);
    if (name == "ratio") return arena_.node(Kind::Ratio, items);
    if (name == "cm" || name == "inch") return arena_.named(Kind::Unit, name, items);
    if (auto const found = functions.find(name); found != functions.end()) {
      return arena_.node(Kind::Function, items, static_cast<std::uint8_t>(found->second));
    }
    if (name.ends_with('_')) return arena_.named(Kind::Apply, name.substr(0, name.size() - 1), items);
    fail();
  }

  Arena& arena_;
  std::string_view text_;
  std::size_t at_ = 0;
};

inline Expr infix(Arena& arena, std::string_view text) { return Infix(arena, text).read(); }

}  // namespace grove::math::test
