// SPDX-License-Identifier: Apache-2.0
// The grammar of filters, tests and calls, as jinja2/parser.py has it.
#include "grove/text/jinja/filters.hpp"
#include "grove/text/jinja/parser_detail.hpp"
#include "grove/text/jinja/tests.hpp"

namespace grove::text::jinja::detail {

std::string ExpressionParser::parse_dotted_name() {
  std::string name = tokens_.expect(TokenKind::name).value;
  while (tokens_.skip_symbol(".")) name += "." + tokens_.expect(TokenKind::name).value;
  return name;
}

ExpressionPtr ExpressionParser::parse_filters(ExpressionPtr operand, bool inline_start) {
  while (inline_start || tokens_.is_symbol("|")) {
    if (!inline_start) tokens_.next();
    inline_start = false;
    int const line = tokens_.peek().line;
    std::string name = parse_dotted_name();
    auto arguments = tokens_.is_symbol("(") ? parse_arguments() : CallArguments{};
    auto const* function = find_filter(name);
    operand = make(line, Application{true, std::move(name), function, std::move(operand), std::move(arguments)});
  }
  return operand;
}

bool ExpressionParser::starts_test_argument() const {
  switch (tokens_.peek().kind) {
    case TokenKind::name:
      return !tokens_.is_name("else") && !tokens_.is_name("or") && !tokens_.is_name("and");
    case TokenKind::text:
    case TokenKind::integer:
    case TokenKind::real:
      return true;
    default:
      return tokens_.is_symbol("[") || tokens_.is_symbol("{");
  }
}

ExpressionPtr ExpressionParser::parse_test(ExpressionPtr operand) {
  int const line = tokens_.next().line;
  bool const negated = tokens_.skip_name("not");
  std::string name = parse_dotted_name();
  CallArguments arguments;
  if (tokens_.is_symbol("(")) {
    arguments = parse_arguments();
  } else if (starts_test_argument()) {
    if (tokens_.is_name("is")) tokens_.fail("You cannot chain multiple tests with is");
    Nesting const nesting(*this);
    arguments.positional.push_back(parse_postfix(parse_primary()));
  }
  auto const* function = find_builtin(tests(), name);
  auto test = make(line, Application{false, std::move(name), function, std::move(operand), std::move(arguments)});
  return negated ? make(line, Not{std::move(test)}) : std::move(test);
}

ExpressionPtr ExpressionParser::parse_call(ExpressionPtr callee) {
  int const line = tokens_.peek().line;
  auto arguments = parse_arguments();
  return make(line, Call{std::move(callee), std::move(arguments)});
}

CallArguments ExpressionParser::parse_arguments() {
  tokens_.expect_symbol("(");
  CallArguments arguments;
  for (bool first = true; !tokens_.is_symbol(")"); first = false) {
    if (!first) {
      tokens_.expect_symbol(",");
      if (tokens_.is_symbol(")")) break;
    }
    parse_argument(arguments);
  }
  tokens_.expect_symbol(")");
  return arguments;
}

void ExpressionParser::parse_argument(CallArguments& arguments) {
  auto const ensure = [&](bool holds) {
    if (!holds) tokens_.fail("invalid syntax for function call expression");
  };
  if (tokens_.skip_symbol("*")) {
    ensure(!arguments.rest && !arguments.keywords);
    arguments.rest = parse_expression();
  } else if (tokens_.skip_symbol("**")) {
    ensure(!arguments.keywords);
    arguments.keywords = parse_expression();
  } else if (tokens_.is(TokenKind::name) && tokens_.look_ahead().kind == TokenKind::symbol &&
             tokens_.look_ahead().value == "=") {
    ensure(!arguments.keywords);
    std::string key = tokens_.next().value;
    tokens_.next();
    for (auto const& [other, value] : arguments.keyword) {
      if (other == key) tokens_.fail("the argument '" + key + "' is given twice");
    }
    arguments.keyword.emplace_back(std::move(key), parse_expression());
  } else {
    ensure(!arguments.rest && !arguments.keywords && arguments.keyword.empty());
    arguments.positional.push_back(parse_expression());
  }
}

}  // namespace grove::text::jinja::detail
