// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include "grove/math/kinds.hpp"
#include "grove/math/token.hpp"

namespace grove::math::detail {
namespace {

using enum TokenKind;

constexpr std::uint8_t d(auto value) { return static_cast<std::uint8_t>(value); }

struct Entry {
  std::string_view command;
  TokenKind kind;
  std::uint8_t detail = 0;
  std::string_view name = {};
};

// clang-format off: one command after another. `name`: what a symbol is called where that differs from the command.
constexpr Entry entries[] = {
    {"Delta", Named}, {"Gamma", Function, d(math::Function::Gamma)}, {"Im", Named}, {"Lambda", Named},
    {"Leftrightarrow", Relation, d(RelationType::Equivalent)}, {"Longrightarrow", Arrow}, {"Omega", Named}, {"Phi", Named},
    {"Pi", Named}, {"Psi", Named}, {"Re", Named}, {"Rightarrow", Arrow}, {"Sigma", Named}, {"Theta", Named},
    {"Upsilon", Named}, {"Xi", Named},
    {"acute", Wrapped, d(Wrapper::Other)}, {"alpha", Named}, {"angle", Named},
    {"approx", Relation, d(RelationType::Approximately)},
    {"arccos", Function, d(math::Function::Arccos)}, {"arccosh", Function, d(math::Function::Arcosh)},
    {"arccot", Function, d(math::Function::Arccot)}, {"arccsc", Function, d(math::Function::Arccsc)},
    {"arcosh", Function, d(math::Function::Arcosh)}, {"arcsec", Function, d(math::Function::Arcsec)},
    {"arcsin", Function, d(math::Function::Arcsin)}, {"arcsinh", Function, d(math::Function::Arsinh)},
    {"arctan", Function, d(math::Function::Arctan)}, {"arctanh", Function, d(math::Function::Artanh)},
    {"arsinh", Function, d(math::Function::Arsinh)}, {"artanh", Function, d(math::Function::Artanh)},
    {"bar", Wrapped, d(Wrapper::Bar)}, {"beta", Named}, {"binom", Binomial}, {"bm", Wrapped, d(Wrapper::Other)},
    {"boldsymbol", Wrapped, d(Wrapper::Other)}, {"boxed", Box},
    {"cap", Intersection}, {"cdot", Times}, {"ceil", Function, d(math::Function::Ceiling)}, {"cfrac", Fraction},
    {"check", Wrapped, d(Wrapper::Other)}, {"chi", Named}, {"choose", Choose},
    {"cong", Relation, d(RelationType::Equivalent)},
    {"cos", Function, d(math::Function::Cos)}, {"cosh", Function, d(math::Function::Cosh)},
    {"cot", Function, d(math::Function::Cot)}, {"coth", Function, d(math::Function::Coth)},
    {"csc", Function, d(math::Function::Csc)}, {"cup", Union},
    {"dbinom", Binomial}, {"ddot", Wrapped, d(Wrapper::Other)}, {"delta", Named},
    {"det", Function, d(math::Function::Determinant)}, {"dfrac", Fraction}, {"div", Divide},
    {"dot", Wrapped, d(Wrapper::Other)},
    {"ell", Named}, {"emptyset", TokenKind::Constant, d(math::Constant::EmptySet)}, {"epsilon", Named},
    {"equiv", Relation, d(RelationType::Equal)}, {"eta", Named}, {"eth", Named},
    {"exp", Function, d(math::Function::Exp)}, {"exponentialE", LetterE},
    {"floor", Function, d(math::Function::Floor)}, {"frac", Fraction},
    {"gamma", Function, d(math::Function::Gamma)}, {"gcd", ManyFunction, d(math::Function::Gcd)},
    {"ge", Relation, d(RelationType::GreaterEqual)}, {"geq", Relation, d(RelationType::GreaterEqual)},
    {"geqslant", Relation, d(RelationType::GreaterEqual)}, {"grave", Wrapped, d(Wrapper::Other)},
    {"gt", Relation, d(RelationType::Greater)},
    {"hat", Wrapped, d(Wrapper::Other)}, {"hbar", Named},
    {"imath", Named}, {"in", Relation, d(RelationType::In)}, {"infty", TokenKind::Constant, d(math::Constant::Infinity)},
    {"int", Integral}, {"iota", Named},
    {"jmath", Named}, {"kappa", Named}, {"lambda", Named},
    {"langle", LeftAngle}, {"lbrace", LeftSet}, {"lbrack", LeftSquare}, {"lceil", LeftCeiling},
    {"lcm", ManyFunction, d(math::Function::Lcm)}, {"le", Relation, d(RelationType::LessEqual)},
    {"leftrightarrow", Relation, d(RelationType::Equivalent)},
    {"leq", Relation, d(RelationType::LessEqual)}, {"leqslant", Relation, d(RelationType::LessEqual)},
    {"lfloor", LeftFloor}, {"lgroup", LeftRound}, {"lim", Limit}, {"llcorner", LeftFloor},
    {"ln", Function, d(math::Function::Ln)}, {"log", Function, d(math::Function::Log)}, {"longrightarrow", Arrow},
    {"lrcorner", RightFloor}, {"lt", Relation, d(RelationType::Less)}, {"lvert", LeftBar},
    {"mathbb", Wrapped, d(Wrapper::Math)}, {"mathbf", Wrapped, d(Wrapper::Math)},
    {"mathcal", Wrapped, d(Wrapper::Math)}, {"mathfrak", Wrapped, d(Wrapper::Math)},
    {"mathit", Wrapped, d(Wrapper::Math)}, {"mathrm", Wrapped, d(Wrapper::Math)},
    {"mathscr", Wrapped, d(Wrapper::Math)}, {"mathsf", Wrapped, d(Wrapper::Math)},
    {"mathtt", Wrapped, d(Wrapper::Math)}, {"max", ManyFunction, d(math::Function::Max)},
    {"mbox", Wrapped, d(Wrapper::Text)}, {"mid", Mid}, {"min", ManyFunction, d(math::Function::Min)}, {"mod", Modulo},
    {"mp", MinusPlus}, {"mu", Named},
    {"nabla", Named}, {"ne", Relation, d(RelationType::NotEqual)}, {"neq", Relation, d(RelationType::NotEqual)},
    {"notin", Relation, d(RelationType::NotIn)}, {"nu", Named},
    {"omega", Named}, {"omicron", Named}, {"operatorname", OperatorName}, {"over", Divide},
    {"overline", Wrapped, d(Wrapper::Bar)}, {"overrightarrow", Wrapped, d(Wrapper::Vector)},
    {"parallel", Relation, d(RelationType::Parallel)}, {"partial", Partial},
    {"perp", Relation, d(RelationType::Perpendicular)}, {"phantom", Box}, {"phi", Named},
    {"pi", TokenKind::Constant, d(math::Constant::Pi)}, {"pm", PlusMinus}, {"prime", Prime, 0, "prime"}, {"prod", Product}, {"psi", Named},
    {"rangle", RightAngle}, {"rbrace", RightSet}, {"rbrack", RightSquare}, {"rceil", RightCeiling},
    {"rfloor", RightFloor}, {"rgroup", RightRound}, {"rho", Named}, {"rightarrow", Arrow}, {"rvert", RightBar},
    {"sec", Function, d(math::Function::Sec)}, {"setminus", SetMinus}, {"sigma", Named},
    {"sim", Relation, d(RelationType::Similar)}, {"sin", Function, d(math::Function::Sin)},
    {"sinh", Function, d(math::Function::Sinh)}, {"sqrt", Root}, {"square", Named},
    {"subset", Relation, d(RelationType::Subset)}, {"subseteq", Relation, d(RelationType::SubsetEqual)}, {"sum", Sum},
    {"supset", Relation, d(RelationType::Superset)}, {"supseteq", Relation, d(RelationType::SupersetEqual)},
    {"tan", Function, d(math::Function::Tan)}, {"tanh", Function, d(math::Function::Tanh)}, {"tau", Named},
    {"tbinom", Binomial}, {"text", Wrapped, d(Wrapper::Text)}, {"textbf", Wrapped, d(Wrapper::Text)},
    {"textit", Wrapped, d(Wrapper::Text)}, {"textnormal", Wrapped, d(Wrapper::Text)}, {"tfrac", Fraction},
    {"theta", Named}, {"tilde", Wrapped, d(Wrapper::Tilde)}, {"times", Times}, {"to", Arrow}, {"triangle", Named},
    {"ulcorner", LeftCeiling}, {"upsilon", Named}, {"urcorner", RightCeiling},
    {"varepsilon", Named}, {"varnothing", TokenKind::Constant, d(math::Constant::EmptySet)}, {"varphi", Named},
    {"varpi", Named}, {"varrho", Named}, {"varsigma", Named}, {"vartheta", Named}, {"vec", Wrapped, d(Wrapper::Vector)},
    {"vert", Bar}, {"widetilde", Wrapped, d(Wrapper::Tilde)}, {"wp", Named}, {"xi", Named}, {"zeta", Named},
};
// clang-format on

static_assert(std::is_sorted(std::begin(entries), std::end(entries),
                             [](Entry const& a, Entry const& b) { return a.command < b.command; }));

}  // namespace

Command find_command(std::string_view letters, bool whole) {
  auto const below = [](Entry const& entry, std::string_view name) { return entry.command < name; };
  for (std::size_t length = std::min<std::size_t>(letters.size(), 16); length > 0; --length) {
    std::string_view const name = letters.substr(0, length);
    auto const* const found = std::lower_bound(std::begin(entries), std::end(entries), name, below);
    if (found != std::end(entries) && found->command == name) {
      return {found->kind, found->detail, found->name.empty() ? found->command : found->name, length};
    }
    if (whole) break;
  }
  return {};
}

}  // namespace grove::math::detail
