// SPDX-License-Identifier: Apache-2.0
// Bytes build two expressions on a stack, numbers, functions, sets and relations in any order; comparing them must end
// within the fuel, leave the arena within its limits, be symmetric under the strict rules and accept an expression as
// itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "grove/math/comparison.hpp"
#include "grove/math/policy.hpp"

namespace {

using namespace grove::math;

class Builder {
 public:
  Builder(Arena& arena, std::uint8_t const* data, std::size_t size) : arena_(arena), data_(data), size_(size) {}

  Expr build() {
    stack_.clear();
    while (at_ < size_ && stack_.size() < 64) {
      std::uint8_t const op = next();
      if (op == 0) break;
      step(op);
    }
    return stack_.empty() ? arena_.number(1) : stack_.back();
  }

 private:
  std::uint8_t next() { return at_ < size_ ? data_[at_++] : 0; }

  Expr pop() {
    if (stack_.empty()) return arena_.number(2);
    Expr const e = stack_.back();
    stack_.pop_back();
    return e ? e : arena_.number(3);
  }

  std::vector<Expr> several(std::size_t count) {
    std::vector<Expr> items;
    for (std::size_t i = 0; i < count; ++i) items.push_back(pop());
    return items;
  }

  void step(std::uint8_t op) {
    switch (op % 16) {
      case 0:
        stack_.push_back(arena_.number(static_cast<std::int8_t>(next())));
        break;
      case 1:
        stack_.push_back(arena_.number(Rational(static_cast<std::int8_t>(next()), 1 + next())));
        break;
      case 2:
        stack_.push_back(arena_.decimal(Rational(next(), 100), 2));
        break;
      case 3:
        stack_.push_back(arena_.constant(static_cast<Constant>(next() % 13)));
        break;
      case 4:
        stack_.push_back(arena_.symbol(next() % 2 == 0 ? "x" : "y"));
        break;
      case 5:
        stack_.push_back(arena_.node(Kind::Add, several(2)));
        break;
      case 6:
        stack_.push_back(arena_.node(Kind::Multiply, several(2)));
        break;
      case 7:
        stack_.push_back(arena_.node(Kind::Power, several(2)));
        break;
      case 8:
        function();
        break;
      case 9:
        stack_.push_back(arena_.node(next() % 2 == 0 ? Kind::Set : Kind::List, several(next() % 4)));
        break;
      case 10:
        stack_.push_back(arena_.tuple(several(next() % 4), static_cast<Bracket>(next() % 4)));
        break;
      case 11:
        stack_.push_back(arena_.node(Kind::Interval, several(2), next() % 4));
        break;
      case 12:
        stack_.push_back(arena_.node(Kind::Relation, several(2), next() % 9));
        break;
      case 13:
        stack_.push_back(
            arena_.node(static_cast<Kind>(static_cast<int>(Kind::Union) + next() % 7), several(2), 0, next() % 2));
        break;
      case 14:
        stack_.push_back(arena_.node(Kind::Matrix, several(4), 0, 1 << (next() % 3)));
        break;
      default:
        other();
        break;
    }
  }

  void function() {
    auto const which = static_cast<Function>(next() % (static_cast<int>(Function::Min) + 1));
    std::size_t const count = which < Function::Log ? 1 : 2;
    stack_.push_back(arena_.node(Kind::Function, several(count), static_cast<std::uint8_t>(which)));
  }

  void other() {
    switch (next() % 8) {
      case 0:
        stack_.push_back(arena_.node(Kind::Sum, {pop(), arena_.symbol("k"), pop(), pop()}));
        break;
      case 1:
        stack_.push_back(arena_.node(Kind::Product, {pop(), arena_.symbol("x"), pop(), pop()}));
        break;
      case 2:
        stack_.push_back(arena_.node(Kind::Percent, several(1)));
        break;
      case 3:
        stack_.push_back(arena_.node(Kind::Degrees, several(1)));
        break;
      case 4:
        stack_.push_back(arena_.node(Kind::PlusMinus, several(2)));
        break;
      case 5:
        stack_.push_back(arena_.named(Kind::Apply, "f", several(1)));
        break;
      case 6:
        stack_.push_back(arena_.named(Kind::Unit, "cm", several(1)));
        break;
      default:
        stack_.push_back(arena_.text("Even"));
        break;
    }
  }

  Arena& arena_;
  std::uint8_t const* data_;
  std::size_t size_;
  std::size_t at_ = 0;
  std::vector<Expr> stack_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static Arena arena;
  static StrictComparison const strict;
  static CompatibleComparison const compatible;
  arena.reset();
  std::size_t const half = size / 2;
  Expr const a = Builder(arena, data, half).build();
  Expr const b = Builder(arena, data + half, size - half).build();
  if (!a || !b) return 0;
  Fuel fuel(default_fuel);
  Fuel back(default_fuel);
  Verdict const forth = strict(arena, a, b, fuel).verdict;
  Verdict const turned = strict(arena, b, a, back).verdict;
  bool const decided = forth != Verdict::Unknown && turned != Verdict::Unknown;
  if (decided && forth != turned) std::abort();
  Fuel same(default_fuel);
  if (strict(arena, a, a, same).verdict != Verdict::Equal) std::abort();
  Fuel third(default_fuel);
  compatible(arena, a, b, third);
  if (to_string(arena, a).size() > 403 || arena.memory() > arena.memory_limit()) std::abort();
  return 0;
}
