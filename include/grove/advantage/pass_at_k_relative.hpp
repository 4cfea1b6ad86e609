// SPDX-License-Identifier: Apache-2.0
// Pass@k training in closed form: the advantage of a completion averaged over all groups of k that the n answers to its
// problem can form, where a group earns 1 if one of its answers is right (arXiv 2508.10751),
//   R = 1 - C(wrong, k) / C(n, k),   sigma = sqrt(R (1 - R))
//   right: A = (1 - R) / sigma       wrong: A = (1 - R - C(wrong - 1, k - 1) / C(n - 1, k - 1)) / sigma
// repeated on each token; 0 where sigma is. The advantages of a group sum to 0, and k = 1 is GRPO with ddof 0 and eps
// 0. Shapes: one reward a sequence; an answer is right where its reward is above `threshold`. The authors' code adds
// 1e-6 to sigma and takes 0 and 1 only; TRL, verl (whose grpo_passk is MaxMinusSecond), OpenRLHF and NeMo do not have
// it.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>

#include "grove/advantage/groups.hpp"
#include "grove/columns.hpp"
#include "grove/error.hpp"
#include "grove/option.hpp"

namespace grove {

struct PassAtKRelative {
  std::size_t k = 4;       ///< the paper's runs have 4 and 8 with 32 answers a problem
  double threshold = 0.5;  ///< an answer is right where its reward is above

  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "PassAtKRelative"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"k", "answers of which one must be right", at_least(1)}, self.k);
    visit(Option{"threshold", "an answer is right where its reward is above", Range{}}, self.threshold);
  }

  void check_group(std::size_t group_size) const {
    detail::require_group(group_size);
    if (k < 1 || k > group_size)
      throw Error("option k", "is " + std::to_string(k),
                  "between 1 and num_generations, " + std::to_string(group_size));
  }

  template <std::floating_point T>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out) const {
    GroupedRewards const rewards(in);
    for (std::size_t g = 0; g < rewards.groups.size(); ++g) {
      auto const members = rewards.groups[g];
      double const mean = rewards.moments(g).mean();
      std::size_t wrong = 0;
      for (auto const s : members) wrong += !(rewards.total[s] > threshold);
      auto const advantage = Advantages(members.size(), wrong, std::min(k, members.size()));
      for (auto const s : members)
        out.spread(in.episodes, s,
                   std::isnan(mean)               ? mean
                   : rewards.total[s] > threshold ? advantage.right
                                                  : advantage.wrong);
    }
  }

 private:
  struct Advantages {
    double right = 0, wrong = 0;

    Advantages(std::size_t n, std::size_t failed, std::size_t size) {
      double const missed = share(failed, n, size);
      double const sigma = std::sqrt(missed * (1 - missed));
      if (sigma == 0) return;
      right = missed / sigma;
      wrong = (missed - share(failed - 1, n - 1, size - 1)) / sigma;
    }

    /// C(a, size) / C(n, size), a <= n.
    static double share(std::size_t a, std::size_t n, std::size_t size) {
      double product = 1;
      for (std::size_t i = 0; i < size; ++i) {
        if (i >= a) return 0;
        product *= static_cast<double>(a - i) / static_cast<double>(n - i);
      }
      return product;
    }
  };
};

}  // namespace grove
