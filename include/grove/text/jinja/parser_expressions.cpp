// SPDX-License-Identifier: Apache-2.0
// The grammar of expressions, as jinja2/parser.py has it.
#include "grove/text/jinja/number.hpp"
#include "grove/text/jinja/parser_detail.hpp"

namespace grove::text::jinja::detail {

ExpressionPtr ExpressionParser::parse_expression(bool with_conditional) {
  Nesting const nesting(*this);
  return with_conditional ? parse_conditional() : parse_or();
}

ExpressionPtr ExpressionParser::parse_conditional() {
  Nesting const nesting(*this);
  int line = tokens_.peek().line;
  auto value = parse_or();
  while (tokens_.skip_name("if")) {
    auto test = parse_or();
    auto otherwise = tokens_.skip_name("else") ? parse_conditional() : nullptr;
    value = make(line, Conditional{std::move(test), std::move(value), std::move(otherwise)});
    line = tokens_.peek().line;
  }
  return value;
}

ExpressionPtr ExpressionParser::parse_or() {
  int const line = tokens_.peek().line;
  auto left = parse_and();
  while (tokens_.skip_name("or")) left = make(line, Logical{false, std::move(left), parse_and()});
  return left;
}

ExpressionPtr ExpressionParser::parse_and() {
  int const line = tokens_.peek().line;
  auto left = parse_not();
  while (tokens_.skip_name("and")) left = make(line, Logical{true, std::move(left), parse_not()});
  return left;
}

ExpressionPtr ExpressionParser::parse_not() {
  Nesting const nesting(*this);
  int const line = tokens_.peek().line;
  if (tokens_.skip_name("not")) return make(line, Not{parse_not()});
  return parse_comparison();
}

namespace {

constexpr std::pair<std::string_view, Relation> relations[] = {
    {"==", Relation::equal},      {"!=", Relation::not_equal}, {"<", Relation::less},
    {"<=", Relation::less_equal}, {">", Relation::greater},    {">=", Relation::greater_equal}};

std::optional<Relation> taken_relation(TokenStream& tokens) {
  if (tokens.skip_name("in")) return Relation::in;
  if (tokens.is_name("not") && tokens.look_ahead().kind == TokenKind::name && tokens.look_ahead().value == "in") {
    tokens.next();
    tokens.next();
    return Relation::not_in;
  }
  for (auto const& [symbol, relation] : relations) {
    if (tokens.skip_symbol(symbol)) return relation;
  }
  return std::nullopt;
}

}  // namespace

ExpressionPtr ExpressionParser::parse_comparison() {
  int const line = tokens_.peek().line;
  auto first = parse_sum();
  std::vector<std::pair<Relation, ExpressionPtr>> rest;
  while (auto const relation = taken_relation(tokens_)) rest.emplace_back(*relation, parse_sum());
  if (rest.empty()) return first;
  return make(line, Comparison{std::move(first), std::move(rest)});
}

ExpressionPtr ExpressionParser::parse_sum() {
  int const line = tokens_.peek().line;
  auto left = parse_concatenation();
  while (tokens_.is_symbol("+") || tokens_.is_symbol("-")) {
    auto const operation = tokens_.next().value == "+" ? Arithmetic::add : Arithmetic::subtract;
    left = make(line, Binary{operation, std::move(left), parse_concatenation()});
  }
  return left;
}

ExpressionPtr ExpressionParser::parse_concatenation() {
  int const line = tokens_.peek().line;
  Expressions parts;
  parts.push_back(parse_product());
  while (tokens_.skip_symbol("~")) parts.push_back(parse_product());
  if (parts.size() == 1) return std::move(parts.front());
  return make(line, Concatenation{std::move(parts)});
}

ExpressionPtr ExpressionParser::parse_product() {
  int const line = tokens_.peek().line;
  auto left = parse_power();
  while (true) {
    Arithmetic operation{};
    if (tokens_.skip_symbol("*")) {
      operation = Arithmetic::multiply;
    } else if (tokens_.skip_symbol("/")) {
      operation = Arithmetic::divide;
    } else if (tokens_.skip_symbol("//")) {
      operation = Arithmetic::floor_divide;
    } else if (tokens_.skip_symbol("%")) {
      operation = Arithmetic::modulo;
    } else {
      return left;
    }
    left = make(line, Binary{operation, std::move(left), parse_power()});
  }
}

ExpressionPtr ExpressionParser::parse_power() {
  int const line = tokens_.peek().line;
  auto left = parse_unary();
  while (tokens_.skip_symbol("**")) left = make(line, Binary{Arithmetic::power, std::move(left), parse_unary()});
  return left;
}

ExpressionPtr ExpressionParser::parse_unary(bool with_filters) {
  Nesting const nesting(*this);
  int const line = tokens_.peek().line;
  ExpressionPtr node;
  if (tokens_.skip_symbol("-")) {
    node = make(line, Sign{true, parse_unary(false)});
  } else if (tokens_.skip_symbol("+")) {
    node = make(line, Sign{false, parse_unary(false)});
  } else {
    node = parse_primary();
  }
  node = parse_postfix(std::move(node));
  return with_filters ? parse_filter_expression(std::move(node)) : std::move(node);
}

ExpressionPtr ExpressionParser::parse_primary() {
  switch (tokens_.peek().kind) {
    case TokenKind::name:
      return parse_name();
    case TokenKind::text:
      return parse_texts();
    case TokenKind::integer:
    case TokenKind::real:
      return parse_number();
    default:
      if (tokens_.is_symbol("(")) return parse_parenthesised();
      if (tokens_.is_symbol("[")) return parse_list();
      if (tokens_.is_symbol("{")) return parse_dict();
      tokens_.fail("unexpected " + describe(tokens_.peek()), "an expression");
  }
}

ExpressionPtr ExpressionParser::parse_name() {
  auto const& token = tokens_.next();
  auto const& name = token.value;
  if (name == "true" || name == "True") return make(token.line, Constant{Value::boolean(true)});
  if (name == "false" || name == "False") return make(token.line, Constant{Value::boolean(false)});
  if (name == "none" || name == "None") return make(token.line, Constant{Value()});
  if (name == "self") tokens_.fail("`self` is not supported");
  return make(token.line, Name{names_.id(name)});
}

ExpressionPtr ExpressionParser::parse_texts() {
  int const line = tokens_.peek().line;
  std::string text;
  while (tokens_.is(TokenKind::text)) text += tokens_.next().value;
  return make(line, Constant{make_text(tokens_.runtime(), std::move(text))});
}

ExpressionPtr ExpressionParser::parse_number() {
  auto const& token = tokens_.next();
  if (token.kind == TokenKind::real) return make(token.line, Constant{Value::real(*parse_real(token.value))});
  auto const value = parse_integer(token.value, 0);
  if (!value) tokens_.fail("the integer " + token.value + " is beyond 64 bits");
  return make(token.line, Constant{Value::integer(*value)});
}

ExpressionPtr ExpressionParser::parse_parenthesised() {
  int const line = tokens_.next().line;
  if (tokens_.skip_symbol(")")) return make(line, TupleDisplay{});
  auto value = parse_tuple();
  tokens_.expect_symbol(")");
  return value;
}

ExpressionPtr ExpressionParser::parse_list() {
  int const line = tokens_.next().line;
  Expressions items;
  while (!tokens_.is_symbol("]")) {
    if (!items.empty()) tokens_.expect_symbol(",");
    if (tokens_.is_symbol("]")) break;
    items.push_back(parse_expression());
  }
  tokens_.expect_symbol("]");
  return make(line, ListDisplay{std::move(items)});
}

ExpressionPtr ExpressionParser::parse_dict() {
  int const line = tokens_.next().line;
  DictDisplay dict;
  while (!tokens_.is_symbol("}")) {
    if (!dict.entries.empty()) tokens_.expect_symbol(",");
    if (tokens_.is_symbol("}")) break;
    auto key = parse_expression();
    tokens_.expect_symbol(":");
    dict.entries.emplace_back(std::move(key), parse_expression());
  }
  tokens_.expect_symbol("}");
  return make(line, std::move(dict));
}

bool ExpressionParser::at_tuple_end(std::string_view until) const {
  return tokens_.is(TokenKind::variable_end) || tokens_.is(TokenKind::block_end) || tokens_.is_symbol(")") ||
         (!until.empty() && tokens_.is_name(until));
}

ExpressionPtr ExpressionParser::parse_tuple(bool with_conditional, std::string_view until) {
  int const line = tokens_.peek().line;
  Expressions items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty()) tokens_.expect_symbol(",");
    if (at_tuple_end(until)) break;
    items.push_back(parse_expression(with_conditional));
    if (!tokens_.is_symbol(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return make(line, TupleDisplay{std::move(items)});
  if (items.empty()) tokens_.fail("unexpected " + describe(tokens_.peek()), "an expression");
  return std::move(items.front());
}

ExpressionPtr ExpressionParser::parse_postfix(ExpressionPtr node) {
  while (true) {
    if (tokens_.is_symbol(".")) {
      node = parse_attribute(std::move(node));
    } else if (tokens_.is_symbol("[")) {
      node = parse_subscript(std::move(node));
    } else if (tokens_.is_symbol("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr ExpressionParser::parse_filter_expression(ExpressionPtr node) {
  while (true) {
    if (tokens_.is_symbol("|")) {
      node = parse_filters(std::move(node));
    } else if (tokens_.is_name("is")) {
      node = parse_test(std::move(node));
    } else if (tokens_.is_symbol("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr ExpressionParser::parse_attribute(ExpressionPtr object) {
  int const line = tokens_.next().line;
  if (tokens_.is(TokenKind::name)) return make(line, Attribute{std::move(object), tokens_.next().value});
  if (!tokens_.is(TokenKind::integer)) tokens_.fail("unexpected " + describe(tokens_.peek()), "a name or number");
  auto index = parse_number();
  return make(line, Item{std::move(object), std::move(index)});
}

ExpressionPtr ExpressionParser::parse_subscript(ExpressionPtr object) {
  int const line = tokens_.next().line;
  Expressions parts;
  bool is_slice = false;
  bool is_tuple = false;
  while (!tokens_.is_symbol("]")) {
    if (!parts.empty()) {
      tokens_.expect_symbol(",");
      is_tuple = true;
      if (is_slice) tokens_.fail("a slice within a tuple of subscripts is not supported");
    }
    bool const open_start = tokens_.is_symbol(":");
    parts.push_back(open_start ? nullptr : parse_expression());
    if (!tokens_.is_symbol(":")) continue;
    if (is_tuple) tokens_.fail("a slice within a tuple of subscripts is not supported");
    is_slice = true;
    while (tokens_.skip_symbol(":")) {
      if (parts.size() == 3) tokens_.fail("unexpected ':'", "']'");
      bool const open = tokens_.is_symbol(":") || tokens_.is_symbol("]") || tokens_.is_symbol(",");
      parts.push_back(open ? nullptr : parse_expression());
    }
  }
  tokens_.expect_symbol("]");
  if (is_slice) {
    parts.resize(3);
    return make(line, Slice{std::move(object), std::move(parts[0]), std::move(parts[1]), std::move(parts[2])});
  }
  auto key = parts.size() == 1 ? std::move(parts.front()) : make(line, TupleDisplay{std::move(parts)});
  return make(line, Item{std::move(object), std::move(key)});
}

}  // namespace grove::text::jinja::detail
