// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "grove/math/expression.hpp"
#include "grove/math/scanner.hpp"

namespace grove::math::detail {

/// Recursive descent over the tokens of one text, both dialects: what they share stands in the functions without a
/// dialect in their name. A function that fails returns the empty handle and leaves the first reason in `problem`;
/// callers that try alternatives go back to a saved position. Steps and depth are bounded.
class Grammar {
 public:
  Grammar(Arena& arena, std::string_view text, std::vector<Token> const& tokens, Dialect dialect)
      : arena_(arena), text_(text), tokens_(tokens), strict_(dialect != Dialect::Compatible) {}

  /// The whole text.
  Expr compatible();
  Expr strict();
  /// As much as can be read from the beginning: a relation or a value.
  Expr leading();

  [[nodiscard]] std::string_view problem() const { return problem_; }
  [[nodiscard]] int steps() const { return steps_; }

 private:
  using Exprs = std::vector<Expr>;
  /// Elements between commas, by semicolons.
  using Lists = std::vector<Exprs>;
  enum class Element : std::uint8_t { Failed, Plain, Other };

  /// One level of nesting and one step of work while it lives.
  class Step {
   public:
    explicit Step(Grammar& grammar) : grammar_(grammar) {
      ++grammar_.depth_;
      ++grammar_.steps_;
    }
    ~Step() { --grammar_.depth_; }
    Step(Step const&) = delete;
    Step& operator=(Step const&) = delete;
    [[nodiscard]] bool allowed() const { return grammar_.depth_ < most_depth && grammar_.steps_ < most_steps; }

   private:
    Grammar& grammar_;
  };
  static constexpr int most_depth = 240;
  static constexpr int most_steps = 60000;

  // Tokens.
  [[nodiscard]] Token const& token(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  [[nodiscard]] TokenKind kind(std::size_t ahead = 0) const { return token(ahead).kind; }
  [[nodiscard]] bool is(TokenKind wanted) const { return kind() == wanted; }
  [[nodiscard]] bool is_relation(RelationType type) const {
    return is(TokenKind::Relation) && token().detail == static_cast<std::uint8_t>(type);
  }
  void advance() { ++at_; }
  bool accept(TokenKind wanted) {
    if (!is(wanted)) return false;
    advance();
    return true;
  }
  Expr fail(std::string_view problem) {
    if (problem_.empty()) problem_ = problem;
    return {};
  }
  /// Where only the beginning is read: back to a position that ended a value.
  bool stop_at(std::size_t position) {
    if (!leading_ || depth_ >= most_depth || steps_ >= most_steps) return false;
    back(position);
    return true;
  }
  void back(std::size_t position) {
    at_ = position;
    problem_ = {};
  }
  /// The source between two token positions, without white space.
  [[nodiscard]] std::string source(std::size_t from, std::size_t to) const;

  // grammar_terms.cpp: sums, products, powers.
  Expr expression();
  Expr product(bool no_functions);
  Expr unary(bool no_functions);
  Expr juxtaposition(bool no_functions);
  Expr postfix();
  /// x \pmod m: all that is congruent, which is no number.
  Expr residue_class(Expr of, Expr modulus);
  /// 2\frac12 as 5/2; nothing where these are no mixed number.
  Expr mixed_number(Expr whole, Expr part);
  Expr power();
  Expr exponent();
  Expr divide(Expr a, Expr b);
  Expr multiply_written(Exprs const& factors);
  [[nodiscard]] bool begins_postfix(bool no_functions) const;
  [[nodiscard]] bool is_integer(Expr e) const { return arena_.is(e, Kind::Number) && arena_.value(e).is_integer(); }

  // grammar_atoms.cpp: numbers, symbols, groups.
  Expr component();
  Expr atom();
  Expr atom_expression(bool with_power);
  Expr number();
  Expr based_number();
  Expr group(TokenKind close);
  Expr absolute_value(TokenKind close);
  // grammar_layouts.cpp: fractions, binomials, roots, matrices.
  Expr fraction();
  Expr derivative();
  Expr strict_derivative();
  Expr binomial();
  Expr root();
  Expr matrix(TokenKind close);
  Expr braced();
  Expr argument();
  std::string symbol_name();
  bool subscript(std::string& out);
  bool skip_subscript();
  [[nodiscard]] bool begins_symbol() const;
  [[nodiscard]] bool defines_function() const;

  // grammar_functions.cpp
  Expr function();
  Expr many_function();
  Expr function_arguments(Function function, Expr base, Expr to);
  Expr named_operator();
  Expr application();
  Expr big_operator();
  Expr integral();
  Expr limit();
  bool scripts(Expr& below, Expr& above);
  Expr apply(Function function, Expr argument, Expr base, Expr to);

  // grammar_sets.cpp: what may stand between commas, and Math-Verify's three readings of a whole text.
  Element element(Exprs& out, bool relations);
  bool elements(Lists& out, bool relations);
  Expr relation_chain();
  Expr join(Expr left, RelationType type, Expr right);
  Expr bracketed();
  Expr collection(Lists const& lists);
  Expr set_relation();
  Expr set_difference();
  Expr set_union();
  Expr set_intersection();
  Expr set_operand();
  Expr symbol_list();
  Expr assigned_elements();
  [[nodiscard]] bool begins_bracket() const;
  [[nodiscard]] bool ends_element() const;
  [[nodiscard]] bool only_symbols(Expr e) const;

  // grammar_strict.cpp
  Expr strict_list();
  Expr strict_conditions(Exprs const& items, std::vector<std::uint8_t> joined);
  Expr strict_item();
  Expr strict_relation();
  Expr strict_operand();
  Expr strict_plus_minus();
  Expr strict_bracket();
  Expr strict_cases();
  Expr strict_words();
  Expr strict_units(Expr value);
  std::string_view strict_quantity(std::string_view words, Expr& value);
  std::string_view strict_part(std::string_view words, Expr& value);
  Expr strict_text_atom();

  Arena& arena_;
  std::string_view text_;
  std::vector<Token> const& tokens_;
  bool strict_;
  std::size_t at_ = 0;
  std::string_view problem_;
  int depth_ = 0;
  int steps_ = 0;
  int bars_ = 0;                   ///< open `|` of the innermost group
  bool leading_ = false;           ///< what cannot be read ends the expression
  bool integrand_ = false;         ///< a differential ends the expression
  std::string_view differential_;  ///< the variable of one that stood within brackets
};

}  // namespace grove::math::detail
