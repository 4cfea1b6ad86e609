// SPDX-License-Identifier: Apache-2.0
// Which groups are trained on. A filter asks for more rollouts in place of what it drops, for a bounded number of
// collections; then the step goes on with what there is, and nothing aborts.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>

#include "grove/option.hpp"

namespace grove {

template <class F>
concept GroupFilter = requires(F const& f, std::span<const double> rewards) {
  { f.keeps(rewards) } -> std::same_as<bool>;        // the combined rewards of a group's judged samples
  { f.collections() } -> std::same_as<std::size_t>;  // most that a step may take; 0: the filter never acts
  { f.describe() } -> std::convertible_to<std::string>;
};

struct KeepAllGroups {
  bool keeps(std::span<const double>) const { return true; }
  std::size_t collections() const { return 0; }
  static std::string describe() { return "KeepAllGroups"; }
};

/// DAPO's dynamic sampling (arXiv 2503.14476, section 3.2): a group whose rewards are all equal has no advantage to
/// learn from; others are collected in its place.
struct DropUniformGroups {
  std::size_t max_collections = 10;  ///< verl's max_num_gen_batches

  static std::string describe() { return "DropUniformGroups"; }
  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(Option{"max_num_gen_batches", "collections a step may take to fill up its groups", at_least(1)},
          self.max_collections);
  }

  bool keeps(std::span<const double> rewards) const {
    return std::ranges::any_of(rewards, [&](double r) { return r != rewards.front(); });
  }
  std::size_t collections() const { return max_collections; }
};

}  // namespace grove
