// SPDX-License-Identifier: Apache-2.0
#include "grove/math/expression.hpp"

#include <algorithm>
#include <functional>

namespace grove::math {

namespace {

bool is_named(Kind kind) {
  return kind == Kind::Symbol || kind == Kind::Text || kind == Kind::Choice || kind == Kind::Apply ||
         kind == Kind::Unit;
}

}  // namespace

Arena::Arena(ArenaLimits limits) : limits_(limits) {
  nodes_.reserve(limits_.nodes + 1);
  children_.reserve(limits_.children);
  numbers_.reserve(limits_.numbers);
  names_.reserve(limits_.names);
  characters_.reserve(limits_.text_bytes);
  nodes_.emplace_back();
}

void Arena::reset() {
  nodes_.resize(1);
  children_.clear();
  numbers_.clear();
  names_.clear();
  characters_.clear();
  big_bits_ = 0;
  exhausted_ = false;
}

Expr Arena::push(Node const& node, std::span<Expr const> children) {
  if (nodes_.size() > limits_.nodes || children.size() > limits_.children - children_.size()) {
    exhausted_ = true;
    return {};
  }
  Node made = node;
  std::uint32_t depth = 0;
  for (Expr const child : children) {
    if (!child && node.kind != Kind::Cases) return {};
    depth = std::max<std::uint32_t>(depth, nodes_[child.index].depth);
  }
  if (depth >= limits_.depth) {
    exhausted_ = true;
    return {};
  }
  made.depth = static_cast<std::uint16_t>(depth + 1);
  made.first_child = static_cast<std::uint32_t>(children_.size());
  made.child_count = static_cast<std::uint32_t>(children.size());
  children_.insert(children_.end(), children.begin(), children.end());
  nodes_.push_back(made);
  return {static_cast<std::uint32_t>(nodes_.size() - 1)};
}

Expr Arena::push_number(Kind kind, Rational value, std::int32_t extra) {
  std::uint64_t const bits = value.big() != nullptr ? value.bits() : 0;
  if (numbers_.size() >= limits_.numbers || bits > limits_.number_bits || big_bits_ + bits > limits_.big_bits) {
    exhausted_ = true;
    return {};
  }
  big_bits_ += bits;
  Node node;
  node.kind = kind;
  node.payload = static_cast<std::uint32_t>(numbers_.size());
  node.extra = extra;
  numbers_.push_back(std::move(value));
  return push(node, {});
}

Expr Arena::number(Rational value) { return push_number(Kind::Number, std::move(value), 0); }

Expr Arena::decimal(Rational value, std::int32_t digits_after_point) {
  return push_number(Kind::Decimal, std::move(value), digits_after_point);
}

Expr Arena::constant(Constant constant) {
  Node node;
  node.kind = Kind::Constant;
  node.detail = static_cast<std::uint8_t>(constant);
  return push(node, {});
}

Expr Arena::node(Kind kind, std::span<Expr const> children, std::uint8_t detail, std::int32_t extra) {
  Node node;
  node.kind = kind;
  node.detail = detail;
  node.extra = extra;
  return push(node, children);
}

Expr Arena::named(Kind kind, std::string_view name, std::span<Expr const> children) {
  Node node;
  node.kind = kind;
  if (!intern(name, node.payload)) {
    exhausted_ = true;
    return {};
  }
  return push(node, children);
}

bool Arena::intern(std::string_view name, std::uint32_t& id) {
  auto const hash = static_cast<std::uint32_t>(std::hash<std::string_view>{}(name));
  for (std::size_t i = 0; i < names_.size(); ++i) {
    Name const& known = names_[i];
    if (known.hash == hash && std::string_view(characters_).substr(known.offset, known.length) == name) {
      id = static_cast<std::uint32_t>(i);
      return true;
    }
  }
  if (name.size() > limits_.text_bytes - characters_.size() || names_.size() >= limits_.names) return false;
  id = static_cast<std::uint32_t>(names_.size());
  names_.push_back({static_cast<std::uint32_t>(characters_.size()), static_cast<std::uint32_t>(name.size()), hash});
  characters_ += name;
  return true;
}

Expr Arena::negate(Expr a) {
  if (is(a, Kind::Number)) return number(-value(a));
  if (is(a, Kind::Decimal)) return decimal(-value(a), extra(a));
  return multiply(number(-1), a);
}

std::span<Expr const> Arena::children(Expr e) const {
  Node const& node = nodes_[e.index];
  return std::span(children_).subspan(node.first_child, node.child_count);
}

std::string_view Arena::name(Expr e) const {
  if (!is_named(kind(e))) return {};
  Name const& name = names_[nodes_[e.index].payload];
  return std::string_view(characters_).substr(name.offset, name.length);
}

std::size_t Arena::memory() const {
  return nodes_.size() * sizeof(Node) + children_.size() * sizeof(Expr) + numbers_.size() * sizeof(Rational) +
         names_.size() * sizeof(Name) + characters_.size() + big_bits_ / 8;
}

std::size_t Arena::memory_limit() const {
  return (limits_.nodes + 1) * sizeof(Node) + limits_.children * sizeof(Expr) + limits_.numbers * sizeof(Rational) +
         limits_.names * sizeof(Name) + limits_.text_bytes + limits_.big_bits / 8;
}

bool same_structure(Arena const& arena, Expr a, Expr b) {
  if (a == b) return true;
  if (!a || !b || arena.kind(a) != arena.kind(b) || arena.detail(a) != arena.detail(b) ||
      arena.extra(a) != arena.extra(b)) {
    return false;
  }
  if (arena.is_numeral(a)) return arena.value(a) == arena.value(b);
  if (is_named(arena.kind(a)) && arena.name_id(a) != arena.name_id(b)) return false;
  auto const x = arena.children(a);
  auto const y = arena.children(b);
  return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                    [&](Expr p, Expr q) { return same_structure(arena, p, q); });
}

}  // namespace grove::math
