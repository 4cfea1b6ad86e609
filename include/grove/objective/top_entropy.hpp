// SPDX-License-Identifier: Apache-2.0
// Only the tokens where the policy was least decided carry the policy gradient (arXiv 2506.01939: the top 20 % do all
// the work). The threshold is the quantile of entropies over the minibatch; TRL takes it over each micro-batch, so that
// there it depends on the split.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "grove/columns.hpp"
#include "grove/objective/select_largest.hpp"
#include "grove/objective/selection.hpp"
#include "grove/option.hpp"

namespace grove {

/// Tokens whose entropy is at least the (1 - fraction) quantile, interpolated linearly as torch.quantile does.
struct TopEntropy {
  double fraction = 0.2;

  static constexpr ColumnSet needs = Column::Entropy;
  static std::string describe() { return "TopEntropy"; }
  ColumnSet wanted() const { return fraction < 1 ? needs : ColumnSet{}; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"top_entropy_quantile", "share of tokens, by entropy, that carry the policy gradient; 1 is all",
                 between(0, 1)},
          self.fraction);
  }

  template <std::floating_point T, class C>
  void operator()(Rows<T> const& rows, SelectionKey, C& communicator, std::span<T> selected) const {
    if (fraction >= 1) {
      for (auto& s : selected) s = T(1);
      return;
    }
    std::vector<double> entropy(rows.counts.size(), -HUGE_VAL);
    double count = 0;
    for (std::size_t i = 0; i < entropy.size(); ++i)
      if (rows.counts[i]) {
        entropy[i] = static_cast<double>(rows.entropy[i]);
        count += 1;
      }
    communicator.all_reduce_sum(std::span(&count, 1));
    if (count == 0) return;
    double const position = (1 - fraction) * (count - 1);  // in ascending order, from 0
    double const below = std::floor(position), part = position - below;
    double const at = detail::kth_largest(entropy, count - below, communicator);
    double const next = part > 0 ? detail::kth_largest(entropy, count - below - 1, communicator) : at;
    double const threshold = at + part * (next - at);
    for (std::size_t i = 0; i < entropy.size(); ++i) selected[i] = entropy[i] >= threshold ? T(1) : T(0);
  }
};

}  // namespace grove
