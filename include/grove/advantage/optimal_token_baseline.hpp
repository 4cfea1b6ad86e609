// SPDX-License-Identifier: Apache-2.0
// The optimal token baseline: what a completion earns from its t-th token on, against the baseline of position t that
// gives the policy gradient the least variance,
//   A_it = G_it - B_t,   B_t = sum_j G_jt W_jt / sum_j W_jt,   W_jt = sum_{s <= t} (1 - 2 pi_js + sum_v pi_v^2)
// (arXiv 2602.07078), sums over the answers j to the same problem that have a t-th token; the summand of W
// is the squared norm of the gradient with respect to the logits. G is the sum of what tokens t and later earned; A is
// on every token the policy chose, and positions count these only. Reads LogProb and SumSquares of the policy that
// sampled.
//
// B_t contains G_it itself, as in the paper and in verl (`optimal_token_baseline`), which biases the gradient a little;
// `leave_one_out` takes it from the other answers and is unbiased. Where an answer is the only one that reaches t, its
// own G would be the baseline and nothing be learnt from it; with `handle_zero_tail` (verl's name and default) B_t is 0
// there. A group of one gets 0 here, in verl its raw reward; verl adds 1e-8 to the denominator.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "grove/advantage/chosen_tokens.hpp"
#include "grove/advantage/groups.hpp"
#include "grove/columns.hpp"
#include "grove/error.hpp"
#include "grove/option.hpp"
#include "grove/worker_pool.hpp"

namespace grove {

struct OptimalTokenBaseline {
  bool handle_zero_tail = true;
  bool leave_one_out = false;
  std::size_t threads = 0;  ///< 0: all cores for large batches; never changes a result

  static constexpr ColumnSet needs = {Column::LogProb, Column::SumSquares};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "OptimalTokenBaseline"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"handle_zero_tail", "tokens beyond all other answers of the group have baseline 0", between(0, 1)},
          self.handle_zero_tail);
    visit(Option{"leave_one_out", "the baseline leaves out the answer itself", between(0, 1)}, self.leave_one_out);
  }

  void check_group(std::size_t group_size) const { detail::require_group(group_size); }

  template <std::floating_point T>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out) const {
    std::size_t const n = in.episodes.tokens();
    if (in.log_prob.size() != n || in.sum_squares.size() != n)
      throw Error("OptimalTokenBaseline",
                  std::to_string(in.log_prob.size()) + " log-probs and " + std::to_string(in.sum_squares.size()) +
                      " sums of squares",
                  std::to_string(n) + " of each, one a token");
    Groups const groups(in);
    std::size_t const workers = threads != 0 ? threads : n < (1 << 14) ? 1 : std::thread::hardware_concurrency();
    WorkerPool(std::min(workers, groups.size())).for_each(groups.size(), [&](std::size_t g) {
      auto const members = groups[g];
      if (members.size() < 2) return;
      std::vector<Answer> answers(members.size());
      for (std::size_t i = 0; i < members.size(); ++i) answers[i] = answer(in, members[i]);
      auto const positions = sums(answers);
      for (auto const& a : answers)
        for (std::size_t t = 0; t < a.token.size(); ++t)
          out.advantage[a.token[t]] = static_cast<T>(advantage(positions[t], a.rest[t], a.weight[t]));
    });
  }

 private:
  struct Answer {
    std::vector<std::size_t> token;
    std::vector<double> rest;    ///< G
    std::vector<double> weight;  ///< W
  };

  /// Sums over the answers that reach a position; rewards as distances to the first one's, so that equal rewards give
  /// exactly 0.
  struct Position {
    double origin = 0, count = 0, rest = 0, weight = 0, product = 0;
  };

  template <class T>
  static Answer answer(EstimatorInput<T> const& in, std::size_t s) {
    detail::Decisions decisions;
    decisions.assign(in, s);
    Answer a{.token = std::move(decisions.token), .rest = std::move(decisions.earned), .weight = {}};
    for (std::size_t t = a.rest.size(); t-- > 1;) a.rest[t - 1] += a.rest[t];
    double weight = 0;
    for (auto const t : a.token) {
      weight +=
          std::max(0.0, 1 - 2 * std::exp(static_cast<double>(in.log_prob[t])) + static_cast<double>(in.sum_squares[t]));
      a.weight.push_back(weight);
    }
    return a;
  }

  static std::vector<Position> sums(std::vector<Answer> const& answers) {
    std::vector<Position> positions;
    for (auto const& a : answers)
      for (std::size_t t = 0; t < a.token.size(); ++t) {
        if (t == positions.size()) positions.push_back({.origin = a.rest[t]});
        auto& p = positions[t];
        double const apart = a.rest[t] - p.origin;
        p.count += 1;
        p.rest += apart;
        p.weight += a.weight[t];
        p.product += apart * a.weight[t];
      }
    return positions;
  }

  double advantage(Position p, double rest, double weight) const {
    if (p.count == 1) return handle_zero_tail ? rest : 0.0;
    double const apart = rest - p.origin;
    double const all = p.weight;
    if (leave_one_out) p = {p.origin, p.count - 1, p.rest - apart, p.weight - weight, p.product - apart * weight};
    // Without any weight (or nothing but rounding of it) every baseline has the least variance; take the mean.
    double const baseline = p.weight > 1e-12 * all ? p.product / p.weight : p.rest / p.count;
    return apart - baseline;
  }
};

}  // namespace grove
