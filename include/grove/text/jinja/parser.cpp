// SPDX-License-Identifier: Apache-2.0
// The grammar of statements, as jinja2/parser.py has it.
#include "grove/text/jinja/parser.hpp"

#include <set>

#include "grove/text/jinja/parser_detail.hpp"
#include "grove/text/jinja/scopes.hpp"

namespace grove::text::jinja {
namespace {

using detail::ExpressionParser;
using detail::NameTable;
using detail::TokenStream;

using EndNames = std::initializer_list<std::string_view>;

class StatementParser {
 public:
  StatementParser(TokenStream& tokens, NameTable& names)
      : tokens_(tokens),
        expressions_(tokens, names),
        known_{names.id("loop"), names.id("caller"), names.id("kwargs"), names.id("varargs")} {}

  Body parse_template() {
    Body body = parse_body({});
    if (!tokens_.is(TokenKind::end)) tokens_.fail("unexpected " + detail::describe(tokens_.peek()));
    return body;
  }

  KnownNames const& known() const { return known_; }

 private:
  /// What `break` and `continue` may leave: a loop, unless a body stands between that jinja2 makes a function of.
  class LoopScope {
   public:
    LoopScope(StatementParser& parser, bool in_loop) : parser_(parser), before_(parser.in_loop_) {
      parser_.in_loop_ = in_loop;
    }
    ~LoopScope() { parser_.in_loop_ = before_; }

   private:
    StatementParser& parser_;
    bool before_;
  };

  Runtime& runtime() { return tokens_.runtime(); }

  bool at_end_name(EndNames ends) const {
    return std::any_of(ends.begin(), ends.end(), [this](std::string_view name) { return tokens_.is_name(name); });
  }

  // Statements until a tag with one of these names, which becomes the current token; without names, to the end.
  Body parse_body(EndNames ends) {
    if (++nesting_ > Depth::statement) tokens_.fail("blocks nest too deeply");
    Body body;
    Statement output{Output{}, 0};
    auto const flush = [&] {
      if (!std::get<Output>(output.node).values.empty()) body.push_back(std::exchange(output, {Output{}, 0}));
    };
    while (!tokens_.is(TokenKind::end)) {
      int const line = tokens_.peek().line;
      if (tokens_.is(TokenKind::block_begin)) {
        flush();
        tokens_.next();
        if (at_end_name(ends)) break;
        body.push_back(parse_statement());
        tokens_.expect(TokenKind::block_end);
        continue;
      }
      if (output.line == 0) output.line = line;
      std::get<Output>(output.node).values.push_back(parse_output());
    }
    flush();
    if (ends.size() > 0 && tokens_.is(TokenKind::end)) {
      std::string expected;
      for (auto const end : ends) expected += (expected.empty() ? "" : " or ") + std::string(end);
      tokens_.fail("the template ends within a block", expected);
    }
    --nesting_;
    return body;
  }

  ExpressionPtr parse_output() {
    int const line = tokens_.peek().line;
    if (tokens_.is(TokenKind::data)) {
      auto text = make_text(runtime(), tokens_.next().value);
      return std::make_unique<Expression>(Expression{Constant{std::move(text)}, line, 1});
    }
    tokens_.expect(TokenKind::variable_begin);
    auto value = expressions_.parse_tuple();
    tokens_.expect(TokenKind::variable_end);
    return value;
  }

  // The body of a tag, to the end tag, whose name it skips.
  Body parse_block(EndNames ends, bool drop_end = true) {
    tokens_.skip_symbol(":");
    tokens_.expect(TokenKind::block_end);
    Body body = parse_body(ends);
    if (drop_end) tokens_.next();
    return body;
  }

  Body parse_function_body(std::string_view end) {
    LoopScope const scope(*this, false);
    return parse_block({end});
  }

  Statement parse_statement() {
    int const line = tokens_.peek().line;
    if (!tokens_.is(TokenKind::name))
      tokens_.fail("unexpected " + detail::describe(tokens_.peek()), "the name of a tag");
    std::string const tag = tokens_.next().value;
    runtime().line = line;
    if (tag == "for") return {parse_for(), line};
    if (tag == "if") return {parse_if(), line};
    if (tag == "set") return parse_set(line);
    if (tag == "print") return {parse_print(), line};
    if (tag == "macro") return {parse_macro(), line};
    if (tag == "call") return {parse_call_block(), line};
    if (tag == "filter") return {parse_filter_block(), line};
    if (tag == "with") return {parse_with(), line};
    if (tag == "block") return {parse_named_block(), line};
    if (tag == "generation") return {Block{true, {parse_function_body("endgeneration"), {}}}, line};
    if (tag == "break" || tag == "continue") return parse_jump(tag, line);
    for (std::string_view const known : {"extends", "include", "import", "from", "autoescape"}) {
      if (tag == known) runtime().fail("the tag `" + tag + "` is not supported");
    }
    runtime().fail("unknown or misplaced tag `" + tag + "`");
  }

  For parse_for() {
    For loop{};
    loop.target = expressions_.parse_target(false, "in");
    tokens_.expect_name("in");
    loop.iterable = expressions_.parse_tuple(false, "recursive");
    if (tokens_.skip_name("if")) loop.test = expressions_.parse_expression();
    loop.recursive = tokens_.skip_name("recursive");
    {
      LoopScope const scope(*this, true);
      loop.body.body = parse_block({"endfor", "else"}, false);
    }
    if (tokens_.next().value == "else") loop.otherwise.body = parse_block({"endfor"});
    return loop;
  }

  If parse_if() {
    If result;
    while (true) {
      auto test = expressions_.parse_tuple(false);
      result.branches.emplace_back(std::move(test), parse_block({"elif", "else", "endif"}, false));
      std::string const tag = tokens_.next().value;
      if (tag == "elif") continue;
      if (tag == "else") result.otherwise = parse_block({"endif"});
      return result;
    }
  }

  Statement parse_set(int line) {
    auto target = expressions_.parse_target(true);
    if (tokens_.skip_symbol("=")) return {Set{std::move(target), expressions_.parse_tuple()}, line};
    auto filter = expressions_.parse_filters(nullptr);
    return {SetBlock{std::move(target), std::move(filter), {parse_block({"endset"}), {}}}, line};
  }

  Output parse_print() {
    Output output;
    while (!tokens_.is(TokenKind::block_end)) {
      if (!output.values.empty()) tokens_.expect_symbol(",");
      output.values.push_back(expressions_.parse_expression());
    }
    return output;
  }

  void parse_signature(MacroBody& macro) {
    tokens_.expect_symbol("(");
    while (!tokens_.is_symbol(")")) {
      if (!macro.parameters.empty()) tokens_.expect_symbol(",");
      auto const parameter = expressions_.parse_target_name();
      if (std::count(macro.parameters.begin(), macro.parameters.end(), parameter) > 0) {
        tokens_.fail("a parameter of a macro is given twice");
      }
      if (tokens_.skip_symbol("=")) {
        macro.defaults.push_back(expressions_.parse_expression());
      } else if (!macro.defaults.empty()) {
        tokens_.fail("non-default argument follows default argument");
      }
      macro.parameters.push_back(parameter);
    }
    tokens_.expect_symbol(")");
  }

  // jinja2's rule: `caller` as a parameter must have a default.
  void finish(MacroBody& macro) {
    auto const used = unbound_names(macro.frame.body, {known_.caller, known_.keywords, known_.rest});
    auto const place = std::find(macro.parameters.begin(), macro.parameters.end(), known_.caller);
    auto const behind = macro.parameters.end() - place;
    macro.uses_caller = used.contains(known_.caller);
    if (macro.uses_caller && behind > static_cast<std::ptrdiff_t>(macro.defaults.size())) {
      tokens_.fail("the parameter \"caller\" must be omitted or be given a default");
    }
    auto const is_parameter = [&](NameId name) {
      return std::count(macro.parameters.begin(), macro.parameters.end(), name) > 0;
    };
    macro.uses_keywords = used.contains(known_.keywords) && !is_parameter(known_.keywords);
    macro.uses_rest = used.contains(known_.rest) && !is_parameter(known_.rest);
  }

  MacroDefinition parse_macro() {
    auto macro = std::make_unique<MacroBody>();
    macro->name = tokens_.peek().value;
    auto const name = expressions_.parse_target_name();
    parse_signature(*macro);
    macro->frame.body = parse_function_body("endmacro");
    finish(*macro);
    return {name, std::move(macro)};
  }

  CallBlock parse_call_block() {
    auto macro = std::make_unique<MacroBody>();
    if (tokens_.is_symbol("(")) parse_signature(*macro);
    auto call = expressions_.parse_expression();
    if (!std::holds_alternative<Call>(call->node)) tokens_.fail("the tag `call` needs a call");
    macro->frame.body = parse_function_body("endcall");
    finish(*macro);
    return {std::move(macro), std::move(call)};
  }

  FilterBlock parse_filter_block() {
    auto filter = expressions_.parse_filters(nullptr, true);
    return {std::move(filter), {parse_block({"endfilter"}), {}}};
  }

  With parse_with() {
    With with;
    while (!tokens_.is(TokenKind::block_end)) {
      if (!with.targets.empty()) tokens_.expect_symbol(",");
      with.targets.push_back(expressions_.parse_target(false));
      tokens_.expect_symbol("=");
      with.values.push_back(expressions_.parse_expression());
    }
    with.frame.body = parse_block({"endwith"});
    return with;
  }

  Block parse_named_block() {
    std::string const name = tokens_.expect(TokenKind::name).value;
    if (!blocks_.insert(name).second) runtime().fail("block '" + name + "' defined twice");
    bool const scoped = tokens_.skip_name("scoped");
    if (tokens_.is_name("required")) tokens_.fail("a required block is not supported");
    Block block{scoped, {parse_function_body("endblock"), {}}};
    tokens_.skip_name(name);
    return block;
  }

  Statement parse_jump(std::string const& tag, int line) {
    if (!in_loop_) runtime().fail("`" + tag + "` outside of a loop");
    return tag == "break" ? Statement{Break{}, line} : Statement{Continue{}, line};
  }

  TokenStream& tokens_;
  ExpressionParser expressions_;
  KnownNames known_;
  std::set<std::string> blocks_;
  bool in_loop_ = false;
  int nesting_ = 0;
};

}  // namespace

std::shared_ptr<Template const> parse(std::string_view source, std::string name) {
  constexpr std::uint64_t work = std::uint64_t{1} << 25;
  Runtime runtime(name, work);
  TokenStream tokens(runtime, tokenize(runtime, source));
  NameTable names;
  StatementParser parser(tokens, names);
  auto result = std::make_shared<Template>();
  result->name = std::move(name);
  result->root.body = parser.parse_template();
  result->known = parser.known();
  resolve_scopes(runtime, *result);
  result->names = names.take();
  return result;
}

}  // namespace grove::text::jinja
