// SPDX-License-Identifier: Apache-2.0
// Statements.
#include "grove/text/jinja/interpreter.hpp"

#include <nlohmann/json.hpp>

#include "grove/text/jinja/ast_visit.hpp"
#include "grove/text/jinja/attributes.hpp"
#include "grove/text/jinja/globals.hpp"
#include "grove/text/jinja/interpreter_detail.hpp"
#include "grove/text/jinja/json.hpp"

namespace grove::text::jinja {
namespace detail {

/// The items of a loop that pass its test, which is evaluated when they are asked for.
class TestedItems final : public Iterator {
 public:
  TestedItems(Runtime& runtime, Interpreter& interpreter, For const& loop, std::shared_ptr<Iterator> items,
              ScopePtr scope)
      : Iterator("generator", depth_around(runtime, Value(items))),
        interpreter_(interpreter),
        loop_(loop),
        items_(std::move(items)),
        scope_(std::move(scope)) {}

  std::optional<Value> next(Runtime& runtime) override {
    while (auto item = items_->next(runtime)) {
      auto const inner = std::make_shared<Scope>(scope_);
      interpreter_.assign(loop_.target, *item, *inner);
      if (!truth(interpreter_.evaluate(*loop_.test, inner))) continue;
      // jinja2 yields the target, which makes a tuple of what was unpacked.
      auto const* targets = std::get_if<std::vector<Target>>(&loop_.target.target);
      return targets ? repacked(runtime, *targets, *item) : *item;
    }
    return std::nullopt;
  }

 private:
  static Value repacked(Runtime& runtime, std::vector<Target> const& targets, Value const& item) {
    auto items = collect(runtime, item);
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (auto const* nested = std::get_if<std::vector<Target>>(&targets[i].target)) {
        items[i] = repacked(runtime, *nested, items[i]);
      }
    }
    return make_tuple(runtime, std::move(items));
  }

  Interpreter& interpreter_;
  For const& loop_;
  std::shared_ptr<Iterator> items_;
  ScopePtr scope_;
};

std::string Interpreter::run() { return render_frame(template_.root, std::make_shared<Scope>(nullptr)); }

void Interpreter::write(std::string_view text) {
  runtime_.charge_bytes(text.size());
  *output_ += text;
}

void Interpreter::write(Value const& value) {
  std::string buffer;
  write(view_of(runtime_, value, buffer));
}

template <class RunBody>
Flow Interpreter::capture(std::string& text, RunBody const& body) {
  auto* const before = std::exchange(output_, &text);
  Flow const flow = body();
  output_ = before;
  return flow;
}

std::string Interpreter::render_frame(Frame const& frame, ScopePtr const& scope) {
  std::string text;
  capture(text, [&] { return execute_frame(frame, scope); });
  return text;
}

Flow Interpreter::execute_frame(Frame const& frame, ScopePtr const& scope) {
  runtime_.charge(1 + frame.unset.size());
  for (NameId const name : frame.unset) scope->names.emplace_back(name, std::nullopt);
  return execute(frame.body, scope);
}

Flow Interpreter::execute(Body const& body, ScopePtr const& scope) {
  for (auto const& statement : body) {
    Flow const flow = execute(statement, scope);
    if (flow != Flow::onward) return flow;
  }
  return Flow::onward;
}

Flow Interpreter::execute(Statement const& statement, ScopePtr const& scope) {
  Runtime::Level const level(runtime_);
  runtime_.charge(1);
  runtime_.line = statement.line;
  return std::visit([&](auto const& node) { return execute_statement(node, scope); }, statement.node);
}

Flow Interpreter::execute_statement(Output const& node, ScopePtr const& scope) {
  for (auto const& expression : node.values) {
    Value const value = evaluate(*expression, scope);
    runtime_.line = expression->line;
    write(value);
  }
  return Flow::onward;
}

Flow Interpreter::execute_statement(If const& node, ScopePtr const& scope) {
  for (auto const& [test, body] : node.branches) {
    if (truth(evaluate(*test, scope))) return execute(body, scope);
  }
  return execute(node.otherwise, scope);
}

Flow Interpreter::execute_statement(For const& node, ScopePtr const& scope) {
  Value const iterable = evaluate(*node.iterable, scope);
  return run_loop(node, scope, iterable, 0);
}

Flow Interpreter::run_loop(For const& node, ScopePtr const& scope, Value const& iterable, std::int64_t level) {
  Runtime::Level const nesting(runtime_);
  runtime_.charge_object();
  auto items = iterate(runtime_, iterable);
  if (node.test) items = std::make_shared<TestedItems>(runtime_, *this, node, items, scope);
  Loop::Recurse recurse;
  if (node.recursive) {
    recurse = [this, &node, around = std::weak_ptr(scope)](Value const& inner, std::int64_t depth) {
      auto const outer = around.lock();
      if (!outer) runtime_.fail("`loop` is called after its loop");
      std::string text;
      capture(text, [&] { return run_loop(node, outer, inner, depth); });
      return make_text(runtime_, std::move(text));
    };
  }
  auto const loop =
      std::make_shared<Loop>(runtime_, items, node.test ? std::nullopt : length(iterable), level, recurse);
  std::unique_ptr<Loop, void (*)(Loop*)> const release(loop.get(), [](Loop* ended) { ended->finish(); });
  // jinja2 notes that there was an item at the end of the body, which `break` and `continue` do not reach.
  bool finished_one = false;
  while (auto const item = loop->advance(runtime_)) {
    runtime_.charge_object();
    auto const inner = std::make_shared<Scope>(scope);
    inner->set(template_.known.loop, Value(loop));
    assign(node.target, *item, *inner);
    Flow const flow = execute_frame(node.body, inner);
    if (flow == Flow::leave_loop) break;
    finished_one = finished_one || flow == Flow::onward;
  }
  if (!finished_one) return execute_frame(node.otherwise, std::make_shared<Scope>(scope));
  return Flow::onward;
}

Flow Interpreter::execute_statement(Set const& node, ScopePtr const& scope) {
  require_namespaces(node.target, scope);
  assign(node.target, evaluate(*node.value, scope), *scope);
  return Flow::onward;
}

Flow Interpreter::execute_statement(SetBlock const& node, ScopePtr const& scope) {
  auto const inner = std::make_shared<Scope>(scope);
  std::string text;
  Flow const flow = capture(text, [&] { return execute_frame(node.frame, inner); });
  if (flow != Flow::onward) return flow;
  Value value = make_text(runtime_, std::move(text));
  if (node.filter) value = filter_block(*node.filter, value, inner);
  require_namespaces(node.target, scope);
  assign(node.target, value, *scope);
  return Flow::onward;
}

Flow Interpreter::execute_statement(MacroDefinition const& node, ScopePtr const& scope) {
  runtime_.charge_object();
  scope->set(node.name, Value(std::make_shared<Macro>(*this, *node.macro, template_.names, scope)));
  return Flow::onward;
}

Flow Interpreter::execute_statement(CallBlock const& node, ScopePtr const& scope) {
  Value const caller(std::make_shared<Macro>(*this, *node.macro, template_.names, scope));
  write(evaluate_call(std::get<Call>(node.call->node), scope, &caller));
  return Flow::onward;
}

Flow Interpreter::execute_statement(FilterBlock const& node, ScopePtr const& scope) {
  auto const inner = std::make_shared<Scope>(scope);
  std::string text;
  Flow const flow = capture(text, [&] { return execute_frame(node.frame, inner); });
  if (flow != Flow::onward) return flow;
  write(filter_block(*node.filter, make_text(runtime_, std::move(text)), inner));
  return Flow::onward;
}

Flow Interpreter::execute_statement(With const& node, ScopePtr const& scope) {
  auto const values = evaluate_all(node.values, scope);
  auto const inner = std::make_shared<Scope>(scope);
  for (std::size_t i = 0; i < values.size(); ++i) assign(node.targets[i], values[i], *inner);
  return execute_frame(node.frame, inner);
}

Flow Interpreter::execute_statement(Block const& node, ScopePtr const& scope) {
  ScopePtr around = scope;
  while (!node.sees_locals && around->parent) around = around->parent;
  return execute_frame(node.frame, std::make_shared<Scope>(around));
}

void Interpreter::require_namespaces(Target const& target, ScopePtr const& scope) {
  std::visit(Overloaded{[](NameId) {},
                        [&](Target::NamespaceAttribute const& reference) {
                          if (!look_up(reference.name, scope).as<Namespace>()) {
                            runtime_.fail("cannot assign attribute '" + reference.attribute + "' on '" +
                                          template_.names[reference.name] + "', which is no namespace");
                          }
                        },
                        [&](std::vector<Target> const& targets) {
                          for (auto const& one : targets) require_namespaces(one, scope);
                        }},
             target.target);
}

void Interpreter::assign(Target const& target, Value const& value, Scope& scope) {
  std::visit(Overloaded{[&](NameId name) { scope.set(name, value); },
                        [&](Target::NamespaceAttribute const& reference) {
                          // The scope is only borrowed here: its owner is on the stack.
                          ScopePtr const borrowed(ScopePtr(), &scope);
                          auto const held = look_up(reference.name, borrowed);
                          if (auto* space = held.as<Namespace>()) space->set(runtime_, reference.attribute, value);
                        },
                        [&](std::vector<Target> const& targets) { assign_all(targets, value, scope); }},
             target.target);
}

void Interpreter::assign_all(std::vector<Target> const& targets, Value const& value, Scope& scope) {
  auto const items = collect(runtime_, value);
  if (items.size() != targets.size()) {
    runtime_.fail("cannot unpack " + std::to_string(items.size()) + " values", std::to_string(targets.size()));
  }
  for (std::size_t i = 0; i < items.size(); ++i) assign(targets[i], items[i], scope);
}

}  // namespace detail

std::string render(Template const& parsed, std::span<nlohmann::ordered_json const* const> variables,
                   std::chrono::system_clock::time_point now, std::uint64_t work) {
  Runtime runtime(parsed.name, work);
  runtime.now = now;
  std::vector<std::optional<Value>> values(parsed.names.size());
  for (std::size_t name = 0; name < values.size(); ++name) {
    values[name] = find_global(runtime, parsed.names[name]);
    for (auto const* layer : variables) {
      auto const found = layer->find(parsed.names[name]);
      if (found != layer->end()) values[name] = from_json(runtime, *found);
    }
  }
  return detail::Interpreter(runtime, parsed, std::move(values)).run();
}

}  // namespace grove::text::jinja
