// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "grove/text/jinja/builtin.hpp"
#include "grove/text/jinja/operators.hpp"
#include "grove/text/jinja/value.hpp"

/// A parsed template. Names are numbers: places in Template::names.
namespace grove::text::jinja {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<Expression>;
using Expressions = std::vector<ExpressionPtr>;
using Body = std::vector<Statement>;
using NameId = std::uint32_t;

// Expressions.

struct Constant {
  Value value;
};
struct Name {
  NameId id;
};
struct TupleDisplay {
  Expressions items;
};
struct ListDisplay {
  Expressions items;
};
struct DictDisplay {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
};
/// `then if test else otherwise`; `otherwise` may be null.
struct Conditional {
  ExpressionPtr test, then, otherwise;
};
/// `and`, or else `or`.
struct Logical {
  bool conjunction;
  ExpressionPtr left, right;
};
struct Not {
  ExpressionPtr operand;
};
/// Unary minus or plus.
struct Sign {
  bool minus;
  ExpressionPtr operand;
};
struct Binary {
  Arithmetic operation;
  ExpressionPtr left, right;
};
/// `a ~ b ~ c`.
struct Concatenation {
  Expressions parts;
};
/// `a < b <= c`.
struct Comparison {
  ExpressionPtr first;
  std::vector<std::pair<Relation, ExpressionPtr>> rest;
};
struct Attribute {
  ExpressionPtr object;
  std::string name;
};
struct Item {
  ExpressionPtr object, key;
};
/// `object[start:stop:step]`, each part null where it is left out.
struct Slice {
  ExpressionPtr object, start, stop, step;
};
struct CallArguments {
  Expressions positional;
  std::vector<std::pair<std::string, ExpressionPtr>> keyword;
  ExpressionPtr rest, keywords;  ///< `*rest` and `**keywords`, or null
};
struct Call {
  ExpressionPtr callee;
  CallArguments arguments;
};
/// A filter or test; `function` is null for an unknown name, which fails when it is reached. The operand of a filter is
/// null where the text of a block is filtered.
struct Application {
  bool is_filter;
  std::string name;
  Builtin const* function;
  ExpressionPtr operand;
  CallArguments arguments;
};

struct Expression {
  std::variant<Constant, Name, TupleDisplay, ListDisplay, DictDisplay, Conditional, Logical, Not, Sign, Binary,
               Concatenation, Comparison, Attribute, Item, Slice, Call, Application>
      node;
  int line;
  int depth;
};

// Statements.

/// What is assigned to: a name, an attribute of a namespace, or several of them.
struct Target {
  struct NamespaceAttribute {
    NameId name;
    std::string attribute;
  };
  std::variant<NameId, NamespaceAttribute, std::vector<Target>> target;
};

/// What jinja2 compiles to a scope of its own. `unset` are the names that it stores before it reads them: they hide the
/// variables of the rendering from the start (see scopes.hpp).
struct Frame {
  Body body;
  std::vector<NameId> unset;
};

struct Output {
  Expressions values;
};
struct If {
  std::vector<std::pair<ExpressionPtr, Body>> branches;
  Body otherwise;
};
struct For {
  Target target;
  ExpressionPtr iterable, test;  ///< `test` may be null
  bool recursive;
  Frame body, otherwise;
};
struct Set {
  Target target;
  ExpressionPtr value;
};
struct SetBlock {
  Target target;
  ExpressionPtr filter;  ///< null: none
  Frame frame;
};
/// Parameters and body of a macro or of the block of a call.
struct MacroBody {
  std::string name;  ///< empty for the block of a call
  std::vector<NameId> parameters;
  Expressions defaults;  ///< of the last parameters
  bool uses_caller = false, uses_keywords = false, uses_rest = false;
  Frame frame;
};
struct MacroDefinition {
  NameId name;
  std::unique_ptr<MacroBody> macro;
};
struct CallBlock {
  std::unique_ptr<MacroBody> macro;
  ExpressionPtr call;
};
struct FilterBlock {
  ExpressionPtr filter;
  Frame frame;
};
struct With {
  std::vector<Target> targets;
  Expressions values;
  Frame frame;
};
/// `block`, or `generation` of transformers (which sees the variables around it).
struct Block {
  bool sees_locals;
  Frame frame;
};
struct Break {};
struct Continue {};

struct Statement {
  std::variant<Output, If, For, Set, SetBlock, MacroDefinition, CallBlock, FilterBlock, With, Block, Break, Continue>
      node;
  int line;
};

/// The names that templates and macros treat apart.
struct KnownNames {
  NameId loop, caller, keywords, rest;
};

struct Template {
  std::string name;
  std::vector<std::string> names;
  KnownNames known;
  Frame root;
};

}  // namespace grove::text::jinja
