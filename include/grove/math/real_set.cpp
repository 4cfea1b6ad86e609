// SPDX-License-Identifier: Apache-2.0
#include "grove/math/real_set.hpp"

#include <algorithm>
#include <utility>

#include "grove/math/rewrite.hpp"
#include "grove/math/traits.hpp"

namespace grove::math::detail {

namespace {

constexpr std::size_t most_pieces = 64;

}  // namespace

std::optional<LinearRoot> linear_root(Arena& arena, ZeroTest const& zero, Expr relation, Fuel& fuel) {
  Expr const left = arena.child(relation, 0);
  Expr const right = arena.child(relation, 1);
  Traits traits;
  traits.gather(arena, left);
  bool const bare_left = arena.is(left, Kind::Symbol);
  Traits others;
  others.gather(arena, right);
  if (bare_left && others.scalar && others.free.empty()) return LinearRoot{right, 1, traits.free[0]};
  if (arena.is(right, Kind::Symbol) && traits.scalar && traits.free.empty())
    return LinearRoot{left, -1, others.free[0]};
  traits.gather(arena, right);
  if (!traits.scalar || traits.free.size() != 1 || contains(arena, relation, Kind::Apply)) return std::nullopt;
  std::uint32_t const name = traits.free[0];
  // value(x) = slope x + base, if value is that everywhere.
  Expr const value = difference(arena, relation);
  Expr const base = substitute(arena, value, name, arena.number(0));
  Expr const slope = arena.subtract(substitute(arena, value, name, arena.number(1)), base);
  auto const sign = zero.sign(arena, slope, fuel);
  if (!sign || *sign == 0) return std::nullopt;
  Expr const variable = bare_left ? left : arena.symbol(std::string_view("?"));
  Expr const line = arena.add(arena.multiply(slope, variable), base);
  Expr const renamed = bare_left ? value : substitute(arena, value, name, variable);
  if (!line || !renamed || !zero.equal(arena, renamed, line, fuel).equal()) return std::nullopt;
  Expr root = arena.negate(arena.divide(base, slope));
  if (auto const exact = zero.rational(arena, root, fuel)) root = arena.number(*exact);
  if (!root) return std::nullopt;
  return LinearRoot{root, *sign, name};
}

/// Builds sets of reals; `failed` once something cannot be decided.
class RealSetBuilder {
 public:
  using Piece = RealSet::Piece;

  RealSetBuilder(Arena& arena, ZeroTest const& zero, Fuel& fuel) : arena_(arena), zero_(zero), fuel_(fuel) {}

  std::optional<RealSet> build(Expr e) {
    RealSet set = of(e);
    if (failed_ || !arena_.constant(Constant::Infinity)) return std::nullopt;
    return set;
  }

 private:
  RealSet fail() {
    failed_ = true;
    return {};
  }

  int order(Expr a, Expr b) {
    if (a == b) return 0;
    auto const result = zero_.order(arena_, a, b, fuel_);
    if (!result) failed_ = true;
    return result.value_or(0);
  }

  Expr infinity(int sign) {
    Expr const infinite = arena_.constant(Constant::Infinity);
    return sign > 0 ? infinite : arena_.negate(infinite);
  }

  RealSet all() { return single({infinity(-1), infinity(1), true, true}); }

  RealSet single(Piece const& piece) {
    RealSet set;
    int const direction = order(piece.from, piece.to);
    if (direction < 0 || (direction == 0 && !piece.from_open && !piece.to_open)) set.pieces_.push_back(piece);
    return set;
  }

  RealSet of(Expr e) {  // NOLINT(misc-no-recursion): depth is bounded by the arena
    if (!e || failed_) return fail();
    auto const parts = arena_.children(e);
    switch (arena_.kind(e)) {
      case Kind::Interval:
        return interval(e);
      case Kind::Tuple:
        if (parts.size() != 2 || arena_.bracket_of(e) != Bracket::Round) return fail();
        return order(parts[0], parts[1]) < 0 ? single({parts[0], parts[1], true, true}) : fail();
      case Kind::Constant:
        if (arena_.is(e, Constant::Reals)) return all();
        return arena_.is(e, Constant::EmptySet) ? RealSet{} : fail();
      case Kind::Set:
        return points(parts);
      case Kind::Union:
      case Kind::Or:
        return unite_all(parts);
      case Kind::Intersection:
      case Kind::And:
        return intersect_all(e);
      case Kind::Difference:
        return parts.size() == 2 ? intersect(of(parts[0]), complement(of(parts[1]))) : fail();
      case Kind::Not:
        return complement(of(parts[0]));
      case Kind::Relation:
        return relation(e);
      default:
        return fail();
    }
  }

  RealSet interval(Expr e) {
    bool const from_open = (arena_.detail(e) & IntervalEnds::left_open) != 0;
    bool const to_open = (arena_.detail(e) & IntervalEnds::right_open) != 0;
    Piece piece{arena_.child(e, 0), arena_.child(e, 1), from_open, to_open};
    // An end at infinity belongs to no set of real numbers, however it is written.
    if (order(piece.from, infinity(-1)) == 0) piece.from_open = true;
    if (order(piece.to, infinity(1)) == 0) piece.to_open = true;
    // What is written the wrong way round means nothing, rather than the empty set.
    return order(piece.from, piece.to) <= 0 ? single(piece) : fail();
  }

  RealSet points(std::span<Expr const> elements) {
    RealSet set;
    for (Expr const element : elements) set = unite(set, single({element, element, false, false}));
    return set;
  }

  RealSet unite_all(std::span<Expr const> parts) {  // NOLINT(misc-no-recursion)
    RealSet set;
    for (Expr const part : parts) set = unite(set, of(part));
    return set;
  }

  RealSet intersect_all(Expr e) {  // NOLINT(misc-no-recursion)
    RealSet set = all();
    for (Expr const part : arena_.children(e)) set = intersect(set, of(part));
    return set;
  }

  /// All conditions must speak of one variable; whether they do.
  bool speaks_of(std::uint32_t name) {
    failed_ = failed_ || (variable_ && *variable_ != name);
    variable_ = name;
    return !failed_;
  }

  RealSet relation(Expr e) {  // NOLINT(misc-no-recursion)
    RelationType const type = arena_.relation_of(e);
    if (type == RelationType::In && arena_.is(arena_.child(e, 0), Kind::Symbol))
      return speaks_of(arena_.name_id(arena_.child(e, 0))) ? of(arena_.child(e, 1)) : fail();
    if (type == RelationType::NotIn && arena_.is(arena_.child(e, 0), Kind::Symbol))
      return speaks_of(arena_.name_id(arena_.child(e, 0))) ? complement(of(arena_.child(e, 1))) : fail();
    if (!is_inequality(type) && type != RelationType::NotEqual && type != RelationType::Equal) return fail();
    auto const line = linear_root(arena_, zero_, e, fuel_);
    if (!line) return of_distance(e);
    if (!speaks_of(line->variable)) return fail();
    if (type == RelationType::Equal) return single({line->root, line->root, false, false});
    if (type == RelationType::NotEqual) return complement(single({line->root, line->root, false, false}));
    bool const open = type == RelationType::Less || type == RelationType::Greater;
    bool const above = (type == RelationType::Greater || type == RelationType::GreaterEqual) == (line->slope > 0);
    return above ? single({line->root, infinity(1), open, true}) : single({infinity(-1), line->root, true, open});
  }

  /// |u| < c and the like with u linear in the variable; u^2 < c is |u| < sqrt c.
  RealSet of_distance(Expr e) {  // NOLINT(misc-no-recursion): u is smaller than |u|
    Expr left = arena_.child(e, 0);
    Expr bound = arena_.child(e, 1);
    RelationType type = arena_.relation_of(e);
    auto const is_square = [&](Expr x) {
      return arena_.is(x, Kind::Power) && arena_.is(arena_.child(x, 1), Kind::Number) &&
             arena_.value(arena_.child(x, 1)) == Rational(2);
    };
    auto const is_distance = [&](Expr x) { return is_square(x) || arena_.is(x, Function::Abs); };
    if (!is_distance(left)) {
      std::swap(left, bound);
      type = flipped(type);
    }
    if (!is_distance(left) || !is_inequality(type)) return fail();
    if (is_square(left)) bound = arena_.power(bound, arena_.number(Rational(1, 2)));
    auto const sign = zero_.sign(arena_, bound, fuel_);
    if (!sign || *sign < 0) return fail();
    Expr const u = arena_.child(left, 0);
    if (is_distance(u)) return fail();
    bool const below = type == RelationType::Less || type == RelationType::LessEqual;
    Expr const upper = arena_.relation(type, u, bound);
    Expr const lower = arena_.relation(flipped(type), u, arena_.negate(bound));
    if (!upper || !lower) return fail();
    RealSet const above = relation(upper);
    return below ? intersect(above, relation(lower)) : unite(above, relation(lower));
  }

  RealSet unite(RealSet const& a, RealSet const& b) {
    if (a.pieces_.size() + b.pieces_.size() > most_pieces) return fail();
    std::vector<Piece> pieces = a.pieces_;
    // Insertion keeps the number of comparisons small and their failures harmless.
    for (Piece const& piece : b.pieces_) {
      auto const place = std::find_if(pieces.begin(), pieces.end(), [&](Piece const& other) {
        int const direction = order(piece.from, other.from);
        return direction < 0 || (direction == 0 && !piece.from_open && other.from_open);
      });
      pieces.insert(place, piece);
    }
    RealSet set;
    for (Piece const& piece : pieces) {
      if (!set.pieces_.empty()) {
        Piece& last = set.pieces_.back();
        int const gap = order(last.to, piece.from);
        if (gap > 0 || (gap == 0 && !(last.to_open && piece.from_open))) {
          int const end = order(last.to, piece.to);
          if (end < 0) {
            last.to = piece.to;
            last.to_open = piece.to_open;
          } else if (end == 0) {
            last.to_open = last.to_open && piece.to_open;
          }
          continue;
        }
      }
      set.pieces_.push_back(piece);
    }
    return set;
  }

  RealSet complement(RealSet const& a) {
    RealSet set;
    Expr from = infinity(-1);
    bool open = true;
    for (Piece const& piece : a.pieces_) {
      RealSet const gap = single({from, piece.from, open, !piece.from_open});
      set.pieces_.insert(set.pieces_.end(), gap.pieces_.begin(), gap.pieces_.end());
      from = piece.to;
      open = !piece.to_open;
    }
    if (order(from, infinity(1)) < 0) set.pieces_.push_back({from, infinity(1), open, true});
    return set;
  }

  RealSet intersect(RealSet const& a, RealSet const& b) { return complement(unite(complement(a), complement(b))); }

  Arena& arena_;
  ZeroTest const& zero_;
  Fuel& fuel_;
  std::optional<std::uint32_t> variable_;
  bool failed_ = false;
};

std::optional<RealSet> RealSet::of(Arena& arena, ZeroTest const& zero, Expr e, Fuel& fuel) {
  return RealSetBuilder(arena, zero, fuel).build(e);
}

std::optional<bool> RealSet::same(Arena const& arena, ZeroTest const& zero, RealSet const& a, RealSet const& b,
                                  Fuel& fuel) {
  if (a.pieces_.size() != b.pieces_.size()) return false;
  for (std::size_t i = 0; i < a.pieces_.size(); ++i) {
    Piece const& x = a.pieces_[i];
    Piece const& y = b.pieces_[i];
    if (x.from_open != y.from_open || x.to_open != y.to_open) return false;
    auto const from = zero.order(arena, x.from, y.from, fuel);
    auto const to = zero.order(arena, x.to, y.to, fuel);
    if (!from || !to) return std::nullopt;
    if (*from != 0 || *to != 0) return false;
  }
  return true;
}

}  // namespace grove::math::detail
