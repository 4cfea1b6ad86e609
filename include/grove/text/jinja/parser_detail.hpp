// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "grove/text/jinja/ast_visit.hpp"
#include "grove/text/jinja/lexer.hpp"

namespace grove::text::jinja::detail {

/// A token as errors name it.
std::string describe(Token const& token);

/// The tokens of a template, read from the front.
class TokenStream {
 public:
  TokenStream(Runtime& runtime, std::vector<Token> tokens) : runtime_(runtime), tokens_(std::move(tokens)) {}

  Token const& peek() const { return tokens_[at_]; }
  Token const& look_ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token const& next() { return at_ + 1 < tokens_.size() ? tokens_[at_++] : tokens_[at_]; }

  bool is(TokenKind kind) const { return peek().kind == kind; }
  bool is_name(std::string_view name) const { return is(TokenKind::name) && peek().value == name; }
  bool is_symbol(std::string_view symbol) const { return is(TokenKind::symbol) && peek().value == symbol; }
  bool skip_name(std::string_view name);
  bool skip_symbol(std::string_view symbol);
  Token const& expect(TokenKind kind);
  void expect_name(std::string_view name);
  void expect_symbol(std::string_view symbol);
  /// Fails with the line of the current token.
  [[noreturn]] void fail(std::string what, std::string expected = {});

  Runtime& runtime() { return runtime_; }

 private:
  Runtime& runtime_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

/// Numbers for names.
class NameTable {
 public:
  NameId id(std::string const& name);
  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, NameId> ids_;
};

class ExpressionParser {
 public:
  ExpressionParser(TokenStream& tokens, NameTable& names) : tokens_(tokens), names_(names) {}

  ExpressionPtr parse_expression(bool with_conditional = true);
  /// Also several values, separated by commas. `until` is a name that may end them early.
  ExpressionPtr parse_tuple(bool with_conditional = true, std::string_view until = {});
  /// What stands behind `|`, applied to `operand` (null: to a block's text). With `inline_start`, the first filter has
  /// no bar before it.
  ExpressionPtr parse_filters(ExpressionPtr operand, bool inline_start = false);
  /// What is assigned to. Only with `with_namespace` may it be an attribute.
  Target parse_target(bool with_namespace, std::string_view until = {});
  NameId parse_target_name();

 private:
  struct Nesting;

  ExpressionPtr parse_conditional();
  ExpressionPtr parse_or();
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  ExpressionPtr parse_comparison();
  ExpressionPtr parse_sum();
  ExpressionPtr parse_concatenation();
  ExpressionPtr parse_product();
  ExpressionPtr parse_power();
  ExpressionPtr parse_unary(bool with_filters = true);
  ExpressionPtr parse_primary();
  ExpressionPtr parse_name();
  ExpressionPtr parse_texts();
  ExpressionPtr parse_number();
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();
  ExpressionPtr parse_postfix(ExpressionPtr node);
  ExpressionPtr parse_filter_expression(ExpressionPtr node);
  ExpressionPtr parse_attribute(ExpressionPtr object);
  ExpressionPtr parse_subscript(ExpressionPtr object);
  ExpressionPtr parse_test(ExpressionPtr operand);
  ExpressionPtr parse_call(ExpressionPtr callee);
  ExpressionPtr parse_parenthesised();
  CallArguments parse_arguments();
  void parse_argument(CallArguments& arguments);
  std::string parse_dotted_name();
  bool at_tuple_end(std::string_view until) const;
  bool starts_test_argument() const;
  Target parse_single_target(bool with_namespace);
  Target as_target(Expression const& expression);
  void require_assignable(std::string_view name);

  template <class Node>
  ExpressionPtr make(int line, Node node);

  TokenStream& tokens_;
  NameTable& names_;
  int nesting_ = 0;
};

/// Bounds the recursion of the parser.
struct ExpressionParser::Nesting {
  explicit Nesting(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.nesting_ > Depth::expression) parser_.tokens_.fail("expressions nest too deeply");
  }
  ~Nesting() { --parser_.nesting_; }
  ExpressionParser& parser_;
};

// Bounds the recursion of everything that walks over expressions.
template <class Node>
ExpressionPtr ExpressionParser::make(int line, Node node) {
  auto result = std::make_unique<Expression>(Expression{std::move(node), line, 1});
  for_each_child(*result, [&](Expression const& child) { result->depth = std::max(result->depth, child.depth + 1); });
  if (result->depth > Depth::expression) tokens_.fail("expressions nest too deeply");
  return result;
}

}  // namespace grove::text::jinja::detail
