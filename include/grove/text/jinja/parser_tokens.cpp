// SPDX-License-Identifier: Apache-2.0
// What both parsers share: the stream of tokens, names, and targets of assignments.
#include "grove/text/jinja/parser_detail.hpp"

namespace grove::text::jinja::detail {
namespace {

std::string_view kind_name(TokenKind kind) {
  switch (kind) {
    case TokenKind::data:
      return "text of the template";
    case TokenKind::variable_begin:
      return "'{{'";
    case TokenKind::variable_end:
      return "'}}'";
    case TokenKind::block_begin:
      return "'{%'";
    case TokenKind::block_end:
      return "'%}'";
    case TokenKind::name:
      return "a name";
    case TokenKind::text:
      return "a text";
    case TokenKind::integer:
    case TokenKind::real:
      return "a number";
    case TokenKind::symbol:
      return "an operator";
    case TokenKind::end:
      return "the end of the template";
  }
  return "";
}

std::string quoted(std::string_view text) { return std::string(1, '\'').append(text).append(1, '\''); }

}  // namespace

std::string describe(Token const& token) {
  bool const has_value = token.kind == TokenKind::name || token.kind == TokenKind::symbol ||
                         token.kind == TokenKind::integer || token.kind == TokenKind::real;
  return has_value ? quoted(token.value) : std::string(kind_name(token.kind));
}

bool TokenStream::skip_name(std::string_view name) {
  bool const found = is_name(name);
  if (found) next();
  return found;
}

bool TokenStream::skip_symbol(std::string_view symbol) {
  bool const found = is_symbol(symbol);
  if (found) next();
  return found;
}

Token const& TokenStream::expect(TokenKind kind) {
  if (!is(kind)) fail("unexpected " + describe(peek()), std::string(kind_name(kind)));
  return next();
}

void TokenStream::expect_name(std::string_view name) {
  if (!skip_name(name)) fail("unexpected " + describe(peek()), quoted(name));
}

void TokenStream::expect_symbol(std::string_view symbol) {
  if (!skip_symbol(symbol)) fail("unexpected " + describe(peek()), quoted(symbol));
}

void TokenStream::fail(std::string what, std::string expected) {
  runtime_.line = peek().line;
  runtime_.fail(std::move(what), std::move(expected));
}

NameId NameTable::id(std::string const& name) {
  auto const [entry, added] = ids_.emplace(name, static_cast<NameId>(names_.size()));
  if (added) names_.push_back(name);
  return entry->second;
}

NameId ExpressionParser::parse_target_name() {
  std::string const name = tokens_.expect(TokenKind::name).value;
  require_assignable(name);
  return names_.id(name);
}

void ExpressionParser::require_assignable(std::string_view name) {
  for (std::string_view const constant : {"true", "false", "none", "True", "False", "None"}) {
    if (name == constant) tokens_.fail("can't assign to '" + std::string(name) + "'");
  }
}

Target ExpressionParser::parse_target(bool with_namespace, std::string_view until) {
  std::vector<Target> targets;
  bool is_tuple = false;
  while (true) {
    if (!targets.empty()) tokens_.expect_symbol(",");
    if (at_tuple_end(until)) break;
    targets.push_back(parse_single_target(with_namespace));
    if (!tokens_.is_symbol(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return {std::move(targets)};
  if (targets.empty()) tokens_.fail("unexpected " + describe(tokens_.peek()), "a name to assign to");
  return std::move(targets.front());
}

Target ExpressionParser::parse_single_target(bool with_namespace) {
  if (!tokens_.is(TokenKind::name)) return as_target(*parse_primary());
  std::string const name = tokens_.next().value;
  require_assignable(name);
  if (!with_namespace || !tokens_.skip_symbol(".")) return {names_.id(name)};
  return {Target::NamespaceAttribute{names_.id(name), tokens_.expect(TokenKind::name).value}};
}

Target ExpressionParser::as_target(Expression const& expression) {
  if (auto const* name = std::get_if<Name>(&expression.node)) return {name->id};
  auto const* tuple = std::get_if<TupleDisplay>(&expression.node);
  if (!tuple) tokens_.fail("this cannot be assigned to", "a name");
  std::vector<Target> targets;
  for (auto const& item : tuple->items) targets.push_back(as_target(*item));
  return {std::move(targets)};
}

}  // namespace grove::text::jinja::detail
