// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/scopes.hpp"

#include <algorithm>

#include "grove/text/jinja/ast_visit.hpp"
#include "grove/text/jinja/filters.hpp"

namespace grove::text::jinja {
namespace {

using Ids = std::set<NameId>;

template <class Visit>
void for_each_name(Target const& target, Visit const& visit) {
  std::visit(Overloaded{[&](NameId name) { visit(name, true); },
                        [&](Target::NamespaceAttribute const& reference) { visit(reference.name, false); },
                        [&](std::vector<Target> const& targets) {
                          for (auto const& one : targets) for_each_name(one, visit);
                        }},
             target.target);
}

/// What jinja2/idtracking.py calls Symbols: the names of one scope.
struct Symbols {
  Symbols const* parent = nullptr;
  Ids known;  ///< read or stored here
  Ids stored;
  Ids unset;  ///< stored here before they are read, and unknown outside

  bool finds(NameId name) const { return known.contains(name) || (parent && parent->finds(name)); }

  void load(NameId name) {
    if (!finds(name)) known.insert(name);
  }

  void store(NameId name) {
    stored.insert(name);
    if (!known.contains(name) && !(parent && parent->finds(name))) unset.insert(name);
    known.insert(name);
  }

  void declare(NameId name) {
    stored.insert(name);
    known.insert(name);
  }
};

class ScopeResolver {
 public:
  ScopeResolver(Runtime& runtime, NameId loop) : runtime_(runtime), loop_(loop) {}

  void resolve_template(Frame& root) {
    Symbols symbols;
    for (auto const& statement : root.body) scan(symbols, statement);
    finish(root, symbols);
  }

 private:
  // First pass over a scope: which names it reads and stores, in order, without the scopes inside it.

  void scan(Symbols& symbols, Expression const& expression) {
    runtime_.charge(1);
    if (auto const* name = std::get_if<Name>(&expression.node)) symbols.load(name->id);
    for_each_child(expression, [&](Expression const& child) { scan(symbols, child); });
  }

  void scan(Symbols& symbols, ExpressionPtr const& expression) {
    if (expression) scan(symbols, *expression);
  }

  void scan(Symbols& symbols, Target const& target) {
    for_each_name(target, [&](NameId name, bool stores) { stores ? symbols.store(name) : symbols.load(name); });
  }

  void scan(Symbols& symbols, Body const& body) {
    for (auto const& statement : body) scan(symbols, statement);
  }

  Symbols copy(Symbols const& symbols) {
    runtime_.charge(1 + symbols.known.size() + symbols.stored.size());
    return symbols;
  }

  // A name that only a branch stores keeps its value from outside, if it has one.
  void merge(Symbols& symbols, std::vector<Symbols> const& branches) {
    for (auto const& branch : branches) {
      runtime_.charge(1 + branch.known.size() + branch.stored.size());
      symbols.known.insert(branch.known.begin(), branch.known.end());
      symbols.stored.insert(branch.stored.begin(), branch.stored.end());
    }
  }

  void scan_branches(Symbols& symbols, If const& node) {
    scan(symbols, node.branches.front().first);
    std::vector<Symbols> branches{copy(symbols), copy(symbols), copy(symbols)};
    scan(branches[0], node.branches.front().second);
    for (std::size_t i = 1; i < node.branches.size(); ++i) {
      scan(branches[1], node.branches[i].first);
      Symbols branch = copy(branches[1]);
      scan(branch, node.branches[i].second);
      merge(branches[1], {std::move(branch)});
    }
    scan(branches[2], node.otherwise);
    merge(symbols, branches);
  }

  void scan(Symbols& symbols, Statement const& statement) {
    runtime_.charge(1);
    std::visit(Overloaded{[&](Output const& node) {
                            for (auto const& value : node.values) scan(symbols, value);
                          },
                          [&](If const& node) { scan_branches(symbols, node); },
                          [&](For const& node) { scan(symbols, node.iterable); },
                          [&](Set const& node) { scan(symbols, node.value), scan(symbols, node.target); },
                          [&](SetBlock const& node) { scan(symbols, node.target); },
                          [&](MacroDefinition const& node) { symbols.store(node.name); },
                          [&](CallBlock const& node) { scan(symbols, node.call); },
                          [&](FilterBlock const& node) { scan(symbols, node.filter); },
                          [&](With const& node) {
                            for (auto const& value : node.values) scan(symbols, value);
                          },
                          [](Block const&) {}, [](Break const&) {}, [](Continue const&) {}},
               statement.node);
  }

  // Second pass: the scopes inside, which see all names of the one around them.

  void finish(Frame& frame, Symbols const& symbols) {
    frame.unset.assign(symbols.unset.begin(), symbols.unset.end());
    for (auto& statement : frame.body) resolve(symbols, statement);
  }

  void resolve(Frame& frame, Symbols symbols) {
    scan(symbols, frame.body);
    Checks const inner(*this, false);
    finish(frame, symbols);
  }

  void resolve(Symbols const& parent, Statement& statement) {
    runtime_.line = statement.line;
    std::visit(
        Overloaded{[&](Output& node) {
                     for (auto const& value : node.values) check(value);
                   },
                   [&](If& node) { resolve_branches(parent, node); }, [&](For& node) { resolve_loop(parent, node); },
                   [&](Set& node) { check(node.value), check_target(node.target); },
                   [&](SetBlock& node) {
                     check(node.filter), check_target(node.target);
                     resolve(node.frame, {&parent, {}, {}, {}});
                   },
                   [&](MacroDefinition& node) { resolve_macro(parent, *node.macro); },
                   [&](CallBlock& node) { resolve_macro(parent, *node.macro), check(node.call); },
                   [&](FilterBlock& node) {
                     check(node.filter);
                     resolve(node.frame, {&parent, {}, {}, {}});
                   },
                   [&](With& node) { resolve_with(parent, node); },
                   [&](Block& node) {
                     resolve(node.frame, {node.sees_locals ? &parent : nullptr, {}, {}, {}});
                   },
                   [](Break&) {}, [](Continue&) {}},
        statement.node);
  }

  void resolve_branches(Symbols const& parent, If& node) {
    Checks const soft(*this, true);
    for (auto& [test, body] : node.branches) {
      check(test);
      for (auto& statement : body) resolve(parent, statement);
    }
    for (auto& statement : node.otherwise) resolve(parent, statement);
  }

  void resolve_loop(Symbols const& parent, For& node) {
    check(node.iterable);
    Symbols body{&parent, {}, {}, {}};
    body.declare(loop_);
    for_each_name(node.target, [&](NameId name, bool) { body.declare(name); });
    {
      Checks const inner(*this, false);
      check(node.test);
    }
    ++loops_;
    check_target(node.target);
    resolve(node.body, std::move(body));
    resolve(node.otherwise, {&parent, {}, {}, {}});
    --loops_;
  }

  void resolve_macro(Symbols const& parent, MacroBody& macro) {
    Symbols symbols{&parent, {}, {}, {}};
    for (NameId const name : macro.parameters) symbols.declare(name);
    for (auto const& value : macro.defaults) scan(symbols, value), check(value);
    resolve(macro.frame, std::move(symbols));
  }

  void resolve_with(Symbols const& parent, With& node) {
    for (auto const& value : node.values) check(value);
    Symbols symbols{&parent, {}, {}, {}};
    for (auto const& target : node.targets) {
      for_each_name(target, [&](NameId name, bool) { symbols.declare(name); });
    }
    resolve(node.frame, std::move(symbols));
  }

  /// Whether unknown filters and tests wait until they are reached.
  class Checks {
   public:
    Checks(ScopeResolver& resolver, bool soft) : resolver_(resolver), before_(resolver.soft_) {
      resolver_.soft_ = soft;
    }
    ~Checks() { resolver_.soft_ = before_; }

   private:
    ScopeResolver& resolver_;
    bool before_;
  };

  void check(ExpressionPtr const& expression) {
    if (expression) check(*expression);
  }

  void check(Expression const& expression) {
    if (auto const* node = std::get_if<Application>(&expression.node); node && !node->function && !soft_) {
      runtime_.line = expression.line;
      fail_unknown(runtime_, node->name, node->is_filter);
    }
    bool const branches = std::holds_alternative<Conditional>(expression.node);
    Checks const inner(*this, soft_ || branches);
    for_each_child(expression, [&](Expression const& child) { check(child); });
  }

  void check_target(Target const& target) {
    for_each_name(target, [&](NameId name, bool stores) {
      if (stores) check_store(name);
    });
  }

  void check_store(NameId name) {
    if (name == loop_ && loops_ > 0) runtime_.fail("Can't assign to special loop variable in for-loop target");
  }

  Runtime& runtime_;
  NameId loop_;
  bool soft_ = false;
  int loops_ = 0;
};

/// In the order in which jinja2 visits a tree, which decides whether a store hides a later read.
class UnboundFinder {
 public:
  explicit UnboundFinder(Ids names) : names_(std::move(names)) {}
  Ids take() { return std::move(found_); }

  void visit(Body const& body) {
    for (auto const& statement : body) visit(statement);
  }

 private:
  void visit(Expression const& expression) {
    auto const* name = std::get_if<Name>(&expression.node);
    if (name && names_.contains(name->id)) found_.insert(name->id);
    for_each_child(expression, [&](Expression const& child) { visit(child); });
  }

  void visit(ExpressionPtr const& expression) {
    if (expression) visit(*expression);
  }

  void visit(Expressions const& expressions) {
    for (auto const& expression : expressions) visit(expression);
  }

  void visit(Target const& target) {
    for_each_name(target, [this](NameId name, bool stores) {
      if (stores) names_.erase(name);
    });
  }

  void visit(MacroBody const& macro) {
    for (NameId const name : macro.parameters) names_.erase(name);
    visit(macro.defaults);
    visit(macro.frame.body);
  }

  void visit(If const& node) {
    for (auto const& [test, body] : node.branches) visit(test), visit(body);
    visit(node.otherwise);
  }

  void visit(For const& node) {
    visit(node.target), visit(node.iterable), visit(node.body.body), visit(node.otherwise.body), visit(node.test);
  }

  void visit(With const& node) {
    for (auto const& target : node.targets) visit(target);
    visit(node.values), visit(node.frame.body);
  }

  void visit(Statement const& statement) {
    std::visit(
        Overloaded{[this](Output const& node) { visit(node.values); }, [this](If const& node) { visit(node); },
                   [this](For const& node) { visit(node); },
                   [this](Set const& node) { visit(node.target), visit(node.value); },
                   [this](SetBlock const& node) { visit(node.target), visit(node.filter), visit(node.frame.body); },
                   [this](MacroDefinition const& node) { visit(*node.macro); },
                   [this](CallBlock const& node) { visit(node.call), visit(*node.macro); },
                   [this](FilterBlock const& node) { visit(node.frame.body), visit(node.filter); },
                   [this](With const& node) { visit(node); },
                   [this](Block const& node) {
                     if (node.sees_locals) visit(node.frame.body);
                   },
                   [](Break const&) {}, [](Continue const&) {}},
        statement.node);
  }

  Ids names_;
  Ids found_;
};

}  // namespace

void resolve_scopes(Runtime& runtime, Template& parsed) {
  ScopeResolver(runtime, parsed.known.loop).resolve_template(parsed.root);
}

Ids unbound_names(Body const& body, Ids names) {
  UnboundFinder finder(std::move(names));
  finder.visit(body);
  return finder.take();
}

}  // namespace grove::text::jinja
