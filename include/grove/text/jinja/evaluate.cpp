// SPDX-License-Identifier: Apache-2.0
// Expressions.
#include "grove/text/jinja/attributes.hpp"
#include "grove/text/jinja/filters.hpp"
#include "grove/text/jinja/interpreter_detail.hpp"
#include "grove/text/jinja/operators.hpp"

namespace grove::text::jinja::detail {
namespace {

/// Errors name the line of the innermost expression at work.
class LineScope {
 public:
  LineScope(Runtime& runtime, int line) : runtime_(runtime), before_(runtime.line) { runtime_.line = line; }
  // An error keeps the line it was thrown at.
  void leave() { runtime_.line = before_; }

 private:
  Runtime& runtime_;
  int before_;
};

}  // namespace

Value Interpreter::evaluate(Expression const& expression, ScopePtr const& scope) {
  Runtime::Level const level(runtime_);
  runtime_.charge(1);
  LineScope line(runtime_, expression.line);
  Value value = std::visit([&](auto const& node) { return value_of(node, scope); }, expression.node);
  line.leave();
  return value;
}

std::vector<Value> Interpreter::evaluate_all(Expressions const& expressions, ScopePtr const& scope) {
  std::vector<Value> values;
  values.reserve(expressions.size());
  for (auto const& expression : expressions) values.push_back(evaluate(*expression, scope));
  return values;
}

Value Interpreter::look_up(NameId name, ScopePtr const& scope) const {
  for (auto const* at = scope.get(); at; at = at->parent.get()) {
    for (auto const& [known, value] : at->names) {
      if (known != name) continue;
      return value ? *value : make_undefined("'" + template_.names[name] + "' is undefined");
    }
  }
  auto const& variable = variables_[name];
  return variable ? *variable : make_undefined("'" + template_.names[name] + "' is undefined");
}

Value Interpreter::value_of(Constant const& node, ScopePtr const&) { return node.value; }

Value Interpreter::value_of(Name const& node, ScopePtr const& scope) { return look_up(node.id, scope); }

Value Interpreter::value_of(TupleDisplay const& node, ScopePtr const& scope) {
  return make_tuple(runtime_, evaluate_all(node.items, scope));
}

Value Interpreter::value_of(ListDisplay const& node, ScopePtr const& scope) {
  return make_list(runtime_, evaluate_all(node.items, scope));
}

Value Interpreter::value_of(DictDisplay const& node, ScopePtr const& scope) {
  std::vector<Dict::Entry> entries;
  for (auto const& [key, value] : node.entries) {
    Value evaluated = evaluate(*key, scope);
    entries.emplace_back(std::move(evaluated), evaluate(*value, scope));
  }
  return make_dict(runtime_, std::move(entries));
}

Value Interpreter::value_of(Conditional const& node, ScopePtr const& scope) {
  if (truth(evaluate(*node.test, scope))) return evaluate(*node.then, scope);
  if (node.otherwise) return evaluate(*node.otherwise, scope);
  return make_undefined("the inline if-expression on line " + std::to_string(runtime_.line) +
                        " evaluated to false and no else section was defined.");
}

Value Interpreter::value_of(Logical const& node, ScopePtr const& scope) {
  Value left = evaluate(*node.left, scope);
  return truth(left) == node.conjunction ? evaluate(*node.right, scope) : left;
}

Value Interpreter::value_of(Not const& node, ScopePtr const& scope) {
  return Value::boolean(!truth(evaluate(*node.operand, scope)));
}

Value Interpreter::value_of(Sign const& node, ScopePtr const& scope) {
  Value const operand = evaluate(*node.operand, scope);
  return node.minus ? negated(runtime_, operand) : positive(runtime_, operand);
}

Value Interpreter::value_of(Binary const& node, ScopePtr const& scope) {
  Value const left = evaluate(*node.left, scope);
  Value const right = evaluate(*node.right, scope);
  return arithmetic(runtime_, node.operation, left, right);
}

Value Interpreter::value_of(Concatenation const& node, ScopePtr const& scope) {
  // jinja2 evaluates all parts before it makes a text of the first.
  std::string result;
  for (auto const& value : evaluate_all(node.parts, scope)) {
    std::string buffer;
    auto const text = view_of(runtime_, value, buffer);
    runtime_.charge_bytes(text.size());
    result += text;
  }
  return make_text(runtime_, std::move(result));
}

Value Interpreter::value_of(Comparison const& node, ScopePtr const& scope) {
  Value left = evaluate(*node.first, scope);
  for (auto const& [relation, expression] : node.rest) {
    Value right = evaluate(*expression, scope);
    if (!compare(runtime_, relation, left, right)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Interpreter::value_of(Attribute const& node, ScopePtr const& scope) {
  return get_attribute(runtime_, evaluate(*node.object, scope), node.name);
}

Value Interpreter::value_of(Item const& node, ScopePtr const& scope) {
  Value const object = evaluate(*node.object, scope);
  return get_item(runtime_, object, evaluate(*node.key, scope));
}

Value Interpreter::value_of(Slice const& node, ScopePtr const& scope) {
  Value const object = evaluate(*node.object, scope);
  Value const start = node.start ? evaluate(*node.start, scope) : Value();
  Value const stop = node.stop ? evaluate(*node.stop, scope) : Value();
  Value const step = node.step ? evaluate(*node.step, scope) : Value();
  return slice(runtime_, object, start, stop, step);
}

Arguments Interpreter::evaluate_arguments(CallArguments const& arguments, ScopePtr const& scope) {
  Arguments result;
  result.positional = evaluate_all(arguments.positional, scope);
  for (auto const& [key, value] : arguments.keyword) result.keyword.emplace_back(key, evaluate(*value, scope));
  if (arguments.rest) {
    for (auto& value : collect(runtime_, evaluate(*arguments.rest, scope)))
      result.positional.push_back(std::move(value));
  }
  if (!arguments.keywords) return result;
  Value const keywords = evaluate(*arguments.keywords, scope);
  require_defined(runtime_, keywords);
  auto const* dict = keywords.as<Dict>();
  if (!dict) runtime_.fail("argument after ** must be a mapping, not " + type_name(keywords));
  runtime_.charge(4 * dict->entries().size());
  for (auto const& [key, value] : dict->entries()) {
    auto const* text = key.as<Text>();
    if (!text) runtime_.fail("keywords must be strings");
    for (auto const& [other, given] : arguments.keyword) {
      if (other == text->bytes) runtime_.fail("got multiple values for keyword argument '" + other + "'");
    }
    result.keyword.emplace_back(text->bytes, value);
  }
  return result;
}

Value Interpreter::value_of(Call const& node, ScopePtr const& scope) { return evaluate_call(node, scope, nullptr); }

Value Interpreter::evaluate_call(Call const& node, ScopePtr const& scope, Value const* caller) {
  Value const callee = evaluate(*node.callee, scope);
  Arguments arguments = evaluate_arguments(node.arguments, scope);
  if (caller) arguments.keyword.emplace_back("caller", *caller);
  runtime_.charge(8);
  return call(runtime_, callee, arguments);
}

Value Interpreter::value_of(Application const& node, ScopePtr const& scope) {
  Value const operand = node.operand ? evaluate(*node.operand, scope) : *block_text_;
  if (!node.function) fail_unknown(runtime_, node.name, node.is_filter);
  runtime_.charge(4);
  return jinja::run(runtime_, *node.function, operand, evaluate_arguments(node.arguments, scope));
}

Value Interpreter::filter_block(Expression const& filter, Value const& text, ScopePtr const& scope) {
  auto const* before = std::exchange(block_text_, &text);
  Value filtered = evaluate(filter, scope);
  block_text_ = before;
  return filtered;
}

}  // namespace grove::text::jinja::detail
