// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grove/math/kinds.hpp"
#include "grove/math/rational.hpp"

namespace grove::math {

/// A handle of a node in an Arena; as good as its arena until that is reset. `false` where there is no expression.
struct Expr {
  std::uint32_t index = 0;  ///< 0: none

  explicit operator bool() const { return index != 0; }
  friend bool operator==(Expr, Expr) = default;
};

/// Bounds of an arena. They also bound its memory: `Arena::memory_limit()`.
struct ArenaLimits {
  std::uint32_t nodes = 1U << 14U;
  std::uint32_t children = 1U << 15U;
  std::uint32_t names = 1U << 9U;
  std::uint32_t numbers = 1U << 13U;
  std::uint32_t text_bytes = 1U << 15U;
  std::uint32_t depth = 200;
  std::uint64_t number_bits = 1U << 14U;  ///< of one number (numerator and denominator together)
  std::uint64_t big_bits = 1U << 22U;     ///< of all numbers that need more than 64 bits
};

/// Where expressions live: nodes with integer handles, freed all at once. One arena serves one check after another on
/// one thread; gold and answer share it. Nothing here simplifies: nodes say what was written.
///
/// At a limit the builders return the empty handle, and so does a builder given an empty handle: build to the end, then
/// look once. Spans, views and references that the accessors return stay valid until reset(): the buffers never move.
class Arena {
 public:
  explicit Arena(ArenaLimits limits = {});

  /// Forgets all nodes, keeps the memory.
  void reset();

  Expr number(Rational value);
  Expr decimal(Rational value, std::int32_t digits_after_point);
  Expr constant(Constant constant);
  Expr symbol(std::string_view name) { return named(Kind::Symbol, name, {}); }
  Expr text(std::string_view words) { return named(Kind::Text, words, {}); }
  Expr choice(std::string_view letter) { return named(Kind::Choice, letter, {}); }

  /// A node of any kind with children. An empty handle among the children is allowed under Kind::Cases only.
  Expr node(Kind kind, std::span<Expr const> children, std::uint8_t detail = 0, std::int32_t extra = 0);
  Expr node(Kind kind, std::initializer_list<Expr> children, std::uint8_t detail = 0, std::int32_t extra = 0) {
    return node(kind, std::span(children.begin(), children.size()), detail, extra);
  }
  /// A node with a name: Symbol, Text, Choice, Apply, Unit.
  Expr named(Kind kind, std::string_view name, std::span<Expr const> children);

  Expr function(Function function, std::initializer_list<Expr> arguments) {
    return node(Kind::Function, arguments, static_cast<std::uint8_t>(function));
  }
  Expr relation(RelationType type, Expr left, Expr right) {
    return node(Kind::Relation, {left, right}, static_cast<std::uint8_t>(type));
  }
  Expr interval(Expr from, Expr to, std::uint8_t ends) { return node(Kind::Interval, {from, to}, ends); }
  Expr tuple(std::span<Expr const> elements, Bracket bracket) {
    return node(Kind::Tuple, elements, static_cast<std::uint8_t>(bracket));
  }
  Expr add(Expr a, Expr b) { return node(Kind::Add, {a, b}); }
  Expr multiply(Expr a, Expr b) { return node(Kind::Multiply, {a, b}); }
  Expr power(Expr base, Expr exponent) { return node(Kind::Power, {base, exponent}); }
  /// -a; a number's sign is changed in place of a product.
  Expr negate(Expr a);
  Expr subtract(Expr a, Expr b) { return add(a, negate(b)); }
  /// a * b^-1, whatever they are.
  Expr divide(Expr a, Expr b) { return multiply(a, power(b, number(-1))); }

  [[nodiscard]] Kind kind(Expr e) const { return nodes_[e.index].kind; }
  [[nodiscard]] bool is(Expr e, Kind kind) const { return nodes_[e.index].kind == kind; }
  [[nodiscard]] bool is(Expr e, Constant constant) const {
    return is(e, Kind::Constant) && detail(e) == static_cast<std::uint8_t>(constant);
  }
  [[nodiscard]] bool is(Expr e, Function function) const {
    return is(e, Kind::Function) && detail(e) == static_cast<std::uint8_t>(function);
  }
  [[nodiscard]] std::uint8_t detail(Expr e) const { return nodes_[e.index].detail; }
  [[nodiscard]] std::int32_t extra(Expr e) const { return nodes_[e.index].extra; }
  [[nodiscard]] std::uint32_t depth(Expr e) const { return nodes_[e.index].depth; }
  [[nodiscard]] Constant constant_of(Expr e) const { return static_cast<Constant>(detail(e)); }
  [[nodiscard]] Function function_of(Expr e) const { return static_cast<Function>(detail(e)); }
  [[nodiscard]] RelationType relation_of(Expr e) const { return static_cast<RelationType>(detail(e)); }
  [[nodiscard]] Bracket bracket_of(Expr e) const { return static_cast<Bracket>(detail(e)); }
  [[nodiscard]] std::span<Expr const> children(Expr e) const;
  [[nodiscard]] Expr child(Expr e, std::size_t i) const { return children(e)[i]; }
  [[nodiscard]] std::size_t size(Expr e) const { return children(e).size(); }
  /// Of a Number or a Decimal.
  [[nodiscard]] Rational const& value(Expr e) const { return numbers_[nodes_[e.index].payload]; }
  [[nodiscard]] bool is_numeral(Expr e) const { return is(e, Kind::Number) || is(e, Kind::Decimal); }
  /// Of a Symbol, Text, Choice, Apply or Unit.
  [[nodiscard]] std::string_view name(Expr e) const;
  /// Equal for equal names only.
  [[nodiscard]] std::uint32_t name_id(Expr e) const { return nodes_[e.index].payload; }

  /// Was a limit reached since the last reset?
  [[nodiscard]] bool exhausted() const { return exhausted_; }
  [[nodiscard]] std::size_t node_count() const { return nodes_.size() - 1; }
  /// Bytes in use now, and the most that the limits allow.
  [[nodiscard]] std::size_t memory() const;
  [[nodiscard]] std::size_t memory_limit() const;

 private:
  struct Node {
    Kind kind = Kind::None;
    std::uint8_t detail = 0;
    std::uint16_t depth = 0;
    std::uint32_t first_child = 0;
    std::uint32_t child_count = 0;
    std::uint32_t payload = 0;  // number or name
    std::int32_t extra = 0;
  };
  struct Name {
    std::uint32_t offset;
    std::uint32_t length;
    std::uint32_t hash;
  };

  Expr push(Node const& node, std::span<Expr const> children);
  Expr push_number(Kind kind, Rational value, std::int32_t extra);
  bool intern(std::string_view name, std::uint32_t& id);

  ArenaLimits limits_;
  std::vector<Node> nodes_;
  std::vector<Expr> children_;
  std::vector<Rational> numbers_;
  std::vector<Name> names_;
  std::string characters_;
  std::uint64_t big_bits_ = 0;
  bool exhausted_ = false;
};

/// Do two expressions of one arena have the same written structure (kinds, values, names, order)? Digits of decimals
/// count.
bool same_structure(Arena const& arena, Expr a, Expr b);

/// A readable, unambiguous text: "(x + 1)^2", "{1, 2}", "[0, 1)". For reasons and tests; at most `limit` characters,
/// then "...".
std::string to_string(Arena const& arena, Expr e, std::size_t limit = 400);

}  // namespace grove::math
