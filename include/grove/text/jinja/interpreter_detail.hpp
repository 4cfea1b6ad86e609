// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grove/text/jinja/ast.hpp"
#include "grove/text/jinja/loop.hpp"

namespace grove::text::jinja::detail {

/// The variables of one scope. A name without a value is unset there, and hides the scopes around.
struct Scope {
  explicit Scope(std::shared_ptr<Scope> around) : parent(std::move(around)) {}

  void set(NameId name, std::optional<Value> value) {
    for (auto& [known, held] : names) {
      if (known == name) {
        held = std::move(value);
        return;
      }
    }
    names.emplace_back(name, std::move(value));
  }

  std::shared_ptr<Scope> parent;
  std::vector<std::pair<NameId, std::optional<Value>>> names;
};
using ScopePtr = std::shared_ptr<Scope>;

enum class Flow : std::uint8_t { onward, leave_loop, next_item };

class Interpreter;

/// A macro with the scope it was defined in. Scopes are on the stack of the interpreter, so it holds none alive.
class Macro final : public Object {
 public:
  Macro(Interpreter& interpreter, MacroBody const& body, std::vector<std::string> const& names, ScopePtr const& scope)
      : Object(Kind::callable, 1), interpreter_(interpreter), body_(body), names_(names), scope_(scope) {}
  std::string type_name() const override { return "Macro"; }
  std::optional<Value> attribute(Runtime& runtime, std::string_view name) override;
  Value call(Runtime& runtime, Arguments const& arguments) override;
  std::string repr(Runtime& runtime) override;

 private:
  /// Parameters by name, in the order in which the body declares them; none: not given.
  struct Parameters;
  Parameters bound(Runtime& runtime, Arguments const& arguments) const;
  void bind_caller(Runtime& runtime, Parameters& parameters, Arguments& left, bool found_caller) const;

  Interpreter& interpreter_;
  MacroBody const& body_;
  std::vector<std::string> const& names_;
  std::weak_ptr<Scope> scope_;
};

class Interpreter {
 public:
  Interpreter(Runtime& runtime, Template const& parsed, std::vector<std::optional<Value>> variables)
      : runtime_(runtime), template_(parsed), variables_(std::move(variables)) {}

  std::string run();

  /// The text that a frame renders in a scope whose parameters are set.
  std::string render_frame(Frame const& frame, ScopePtr const& scope);
  Value evaluate(Expression const& expression, ScopePtr const& scope);
  KnownNames const& known() const { return template_.known; }

 private:
  // Statements (interpreter.cpp).
  Flow execute(Body const& body, ScopePtr const& scope);
  Flow execute_frame(Frame const& frame, ScopePtr const& scope);
  Flow execute(Statement const& statement, ScopePtr const& scope);
  Flow execute_statement(Output const& node, ScopePtr const& scope);
  Flow execute_statement(If const& node, ScopePtr const& scope);
  Flow execute_statement(For const& node, ScopePtr const& scope);
  Flow execute_statement(Set const& node, ScopePtr const& scope);
  Flow execute_statement(SetBlock const& node, ScopePtr const& scope);
  Flow execute_statement(MacroDefinition const& node, ScopePtr const& scope);
  Flow execute_statement(CallBlock const& node, ScopePtr const& scope);
  Flow execute_statement(FilterBlock const& node, ScopePtr const& scope);
  Flow execute_statement(With const& node, ScopePtr const& scope);
  Flow execute_statement(Block const& node, ScopePtr const& scope);
  Flow execute_statement(Break const&, ScopePtr const&) { return Flow::leave_loop; }
  Flow execute_statement(Continue const&, ScopePtr const&) { return Flow::next_item; }

  Flow run_loop(For const& node, ScopePtr const& scope, Value const& iterable, std::int64_t level);
  void write(std::string_view text);
  void write(Value const& value);
  /// Runs `body` with what it writes going to `text`.
  template <class RunBody>
  Flow capture(std::string& text, RunBody const& body);
  void assign(Target const& target, Value const& value, Scope& scope);
  void assign_all(std::vector<Target> const& targets, Value const& value, Scope& scope);
  void require_namespaces(Target const& target, ScopePtr const& scope);
  Value look_up(NameId name, ScopePtr const& scope) const;

  friend class TestedItems;

  // Expressions (evaluate.cpp).
  Value value_of(Constant const& node, ScopePtr const& scope);
  Value value_of(Name const& node, ScopePtr const& scope);
  Value value_of(TupleDisplay const& node, ScopePtr const& scope);
  Value value_of(ListDisplay const& node, ScopePtr const& scope);
  Value value_of(DictDisplay const& node, ScopePtr const& scope);
  Value value_of(Conditional const& node, ScopePtr const& scope);
  Value value_of(Logical const& node, ScopePtr const& scope);
  Value value_of(Not const& node, ScopePtr const& scope);
  Value value_of(Sign const& node, ScopePtr const& scope);
  Value value_of(Binary const& node, ScopePtr const& scope);
  Value value_of(Concatenation const& node, ScopePtr const& scope);
  Value value_of(Comparison const& node, ScopePtr const& scope);
  Value value_of(Attribute const& node, ScopePtr const& scope);
  Value value_of(Item const& node, ScopePtr const& scope);
  Value value_of(Slice const& node, ScopePtr const& scope);
  Value value_of(Call const& node, ScopePtr const& scope);
  Value value_of(Application const& node, ScopePtr const& scope);

  std::vector<Value> evaluate_all(Expressions const& expressions, ScopePtr const& scope);
  Arguments evaluate_arguments(CallArguments const& arguments, ScopePtr const& scope);
  Value evaluate_call(Call const& node, ScopePtr const& scope, Value const* caller);
  /// A chain of filters whose innermost operand is the text of a block.
  Value filter_block(Expression const& filter, Value const& text, ScopePtr const& scope);

  Runtime& runtime_;
  Template const& template_;
  std::vector<std::optional<Value>> variables_;  ///< of the rendering, by name
  std::string* output_ = nullptr;
  Value const* block_text_ = nullptr;  ///< what a filter without an operand filters
};

}  // namespace grove::text::jinja::detail
