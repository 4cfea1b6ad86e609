// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grove/text/jinja/ast.hpp"

namespace grove::text::jinja {

/// An overload set of lambdas, for std::visit.
template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

/// Calls `visit` with each expression among the arguments of a call, in order.
template <class Visit>
void for_each_argument(CallArguments const& arguments, Visit const& visit) {
  for (auto const& value : arguments.positional) visit(*value);
  for (auto const& [key, value] : arguments.keyword) visit(*value);
  if (arguments.rest) visit(*arguments.rest);
  if (arguments.keywords) visit(*arguments.keywords);
}

/// Calls `visit` with each expression that stands directly in this one, in order.
template <class Visit>
void for_each_child(Expression const& expression, Visit const& visit) {
  auto const one = [&](ExpressionPtr const& child) {
    if (child) visit(*child);
  };
  auto const all = [&](Expressions const& children) {
    for (auto const& child : children) one(child);
  };
  std::visit(Overloaded{[](Constant const&) {}, [](Name const&) {}, [&](TupleDisplay const& node) { all(node.items); },
                        [&](ListDisplay const& node) { all(node.items); },
                        [&](DictDisplay const& node) {
                          for (auto const& [key, value] : node.entries) one(key), one(value);
                        },
                        [&](Conditional const& node) { one(node.test), one(node.then), one(node.otherwise); },
                        [&](Logical const& node) { one(node.left), one(node.right); },
                        [&](Not const& node) { one(node.operand); }, [&](Sign const& node) { one(node.operand); },
                        [&](Binary const& node) { one(node.left), one(node.right); },
                        [&](Concatenation const& node) { all(node.parts); },
                        [&](Comparison const& node) {
                          one(node.first);
                          for (auto const& [relation, value] : node.rest) one(value);
                        },
                        [&](Attribute const& node) { one(node.object); },
                        [&](Item const& node) { one(node.object), one(node.key); },
                        [&](Slice const& node) { one(node.object), one(node.start), one(node.stop), one(node.step); },
                        [&](Call const& node) { one(node.callee), for_each_argument(node.arguments, visit); },
                        [&](Application const& node) { one(node.operand), for_each_argument(node.arguments, visit); }},
             expression.node);
}

}  // namespace grove::text::jinja
