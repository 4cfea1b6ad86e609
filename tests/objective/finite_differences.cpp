// SPDX-License-Identifier: Apache-2.0
// Derivatives against differences of the loss in log_p alone, with log_p_detached held fixed.
#include <cmath>
#include <string>
#include <vector>

#include "grove/algorithms.hpp"
#include "grove/objective/nll.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace grove;

namespace {

/// CISPO's form (arXiv 2506.13585): the clipped ratio is a constant weight of log p. A user's own term.
struct ConstantWeight {
  static constexpr Scope scope = Scope::Token;
  static constexpr ColumnSet needs = {Column::LogProb, Column::OldLogProb};
  static constexpr std::string_view loss_name = "policy_loss";
  static constexpr std::array<std::string_view, 0> metric_names = {};
  static std::string describe() { return "ConstantWeight"; }
  ColumnSet wanted() const { return needs; }

  template <std::floating_point T>
  constexpr TermValue<T, 0> operator()(Token<T> const& t) const {
    T const weight = smaller(exponential(t.log_p_detached - t.log_p_old), T(5)) * t.advantage;
    return {.loss = -weight * t.log_p, .d_log_p = -weight, .metrics = {}};
  }
};

/// A sequence mean of one term over one sequence.
template <class Term>
double loss_of(Term const& term, std::vector<Token<double>> const& tokens) {
  double sum = 0;
  if constexpr (Term::scope == Scope::Sequence) {
    auto stat = term.prepare(tokens[0]);
    for (std::size_t i = 1; i < tokens.size(); ++i) stat = Term::combine(stat, term.prepare(tokens[i]));
    for (auto const& token : tokens) sum += term(token, stat).loss;
  } else {
    for (auto const& token : tokens) sum += term(token).loss;
  }
  return sum / static_cast<double>(tokens.size());
}

template <class Term>
void check(Term const& term, std::uint64_t seed, double reach = 0.3) {
  RandomStream const random({.seed = seed});
  std::vector<Token<double>> tokens(7);
  for (std::uint32_t i = 0; i < tokens.size(); ++i) {
    auto const draw = [&](std::uint32_t k) { return normal(random, {.index = k, .token = i}); };
    auto& t = tokens[i];
    t.log_p = t.log_p_detached = -0.1 - std::abs(draw(0));
    t.log_p_old = t.log_p + reach * draw(1);
    t.log_p_ref = t.log_p + reach * draw(2);
    t.entropy = std::abs(draw(3));
    t.advantage = Term::scope == Scope::Sequence ? normal(random, {.index = 4}) : draw(4);
    t.length = static_cast<double>(tokens.size());
  }
  Terms<SequenceMean<Window>, Term> const objective{.aggregate = {}, .terms = {term}};
  test::Columns<double> columns{.lengths = {tokens.size()}, .counts = std::vector<std::uint8_t>(tokens.size(), 1)};
  for (auto const& t : tokens) {
    columns.log_p.push_back(t.log_p);
    columns.log_p_old.push_back(t.log_p_old);
    columns.log_p_ref.push_back(t.log_p_ref);
    columns.entropy.push_back(t.entropy);
    columns.advantage.push_back(t.advantage);
  }
  auto const answer = test::evaluate(objective, columns, columns.whole());
  CHECK(answer.loss == Approx(loss_of(term, tokens)).epsilon(1e-12));
  double constexpr h = 1e-6;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    auto const difference = [&](double Token<double>::*column) {
      auto up = tokens, down = tokens;
      up[i].*column += h;
      down[i].*column -= h;
      return (loss_of(term, up) - loss_of(term, down)) / (2 * h);
    };
    INFO(Term::describe() << ", seed " << seed << ", token " << i);
    CHECK(answer.d_log_p[i] == Approx(difference(&Token<double>::log_p)).epsilon(1e-7).margin(1e-9));
    CHECK(answer.d_entropy[i] == Approx(difference(&Token<double>::entropy)).epsilon(1e-7).margin(1e-9));
  }
}

}  // namespace

TEST_CASE("derivatives are those of the loss with the detached column fixed") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    check(PolicyGradient<TokenRatio, Clip>{}, seed);
    check(PolicyGradient<TokenRatio, Clip>{.surrogate = {.low = 0.1, .high = 0.5}}, seed);
    check(PolicyGradient<SequenceRatio, Clip>{}, seed);
    check(PolicyGradient<SequenceRatio, Clip>{.surrogate = {.low = 0.01, .high = 0.02}}, seed);
    check(KlInLoss<K2>{.coefficient = 0.7}, seed);
    check(KlInLoss<K3>{.coefficient = 0.7}, seed, 1.0);
    check(EntropyBonus<>{.coefficient = 0.3}, seed);
    check(NegativeLogLikelihood{.coefficient = 0.5}, seed);
    check(ConstantWeight{}, seed);
  }
}

TEST_CASE("a stop-gradient has the derivative that is defined, not that of the number") {
  // Weight e^0.1 = 1.105 is a constant of the derivative; differences of both columns together would say -0.11.
  Token<double> const token{.log_p = -0.9, .log_p_detached = -0.9, .log_p_old = -1.0, .advantage = 1};
  auto const value = ConstantWeight{}(token);
  CHECK(value.d_log_p == Approx(-1.10517).epsilon(1e-5));
  auto moved = token;
  moved.log_p = moved.log_p_detached = -0.9 + 1e-6;
  CHECK((ConstantWeight{}(moved).loss - value.loss) / 1e-6 == Approx(-0.1105).epsilon(1e-3));
}
