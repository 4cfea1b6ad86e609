// SPDX-License-Identifier: Apache-2.0
// What a set of judged completions says of a policy: a problem is the unit of sampling, a completion is not.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/eval/bootstrap.hpp"
#include "grove/eval/majority.hpp"
#include "grove/eval/pass_at_k.hpp"
#include "grove/metrics/statistics.hpp"

namespace grove::eval {

/// One judged completion.
struct Attempt {
  Vote vote{};
  double length = 0;                ///< in tokens, or characters where tokens are not known
  std::optional<bool> truncated{};  ///< none where nobody knows
};

/// A problem with its completions, at least one.
struct Attempts {
  std::vector<Attempt> attempts{};

  std::size_t correct() const {
    return static_cast<std::size_t>(std::ranges::count_if(attempts, [](Attempt const& a) { return a.vote.correct; }));
  }
  /// The share of right completions: this problem's estimate of pass@1.
  double pass_rate() const { return static_cast<double>(correct()) / static_cast<double>(attempts.size()); }
};

struct Evaluation {
  std::size_t problems = 0;
  std::size_t n = 0;          ///< completions of the problem that has the fewest
  std::size_t largest_n = 0;  ///< of the problem that has the most
  double pass_at_1 = 0;       ///< mean over problems of the share of right completions
  double standard_error = 0;  ///< of that mean: standard deviation over problems (n - 1) / sqrt(problems)
  Interval interval{};        ///< 95 %, bootstrap over problems
  std::map<std::size_t, double> pass_at_k{};
  double majority = 0;                ///< of all completions of a problem, ties split
  double mean_length = 0;             ///< over completions
  std::optional<double> truncated{};  ///< share of the completions of which it is known; none if of none
};

/// Throws Error for no problem, a problem without completions and a k above the fewest completions of a problem.
inline Evaluation evaluate(std::span<Attempts const> problems, std::span<std::size_t const> ks,
                           BootstrapOptions const& bootstrap = {}) {
  if (problems.empty()) throw Error("evaluate", "there is no problem", "at least one");
  Evaluation e{.problems = problems.size(), .n = std::numeric_limits<std::size_t>::max()};
  metrics::Statistics pass;
  double lengths = 0, completions = 0, cut = 0, known = 0;  // sums of whole numbers, which are exact
  auto const share = [&](double sum) { return sum / static_cast<double>(problems.size()); };
  double rate_sum = 0, vote_sum = 0;
  std::vector<double> rates;
  for (Attempts const& problem : problems) {
    std::size_t const n = problem.attempts.size();
    if (n == 0) throw Error("evaluate", "a problem has no completion", "at least one");
    e.n = std::min(e.n, n);
    e.largest_n = std::max(e.largest_n, n);
    rates.push_back(problem.pass_rate());
    pass.add(rates.back());
    rate_sum += rates.back();
    std::vector<Vote> votes;
    for (Attempt const& attempt : problem.attempts) {
      votes.push_back(attempt.vote);
      lengths += attempt.length;
      completions += 1;
      if (attempt.truncated) cut += *attempt.truncated ? 1 : 0;
      known += attempt.truncated ? 1 : 0;
    }
    vote_sum += eval::majority(votes);
  }
  e.pass_at_1 = share(rate_sum);
  e.standard_error = pass.standard_deviation() / std::sqrt(static_cast<double>(problems.size()));
  e.interval = bootstrap_mean(rates, bootstrap);
  e.majority = share(vote_sum);
  e.mean_length = lengths / completions;
  if (known > 0) e.truncated = cut / known;
  for (std::size_t const k : ks) {
    double chance = 0;
    for (Attempts const& problem : problems) chance += eval::pass_at_k(problem.attempts.size(), problem.correct(), k);
    e.pass_at_k[k] = share(chance);
  }
  return e;
}

}  // namespace grove::eval
