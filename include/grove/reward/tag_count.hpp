// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "grove/completion.hpp"
#include "grove/problem.hpp"
#include "grove/reward/text.hpp"

namespace grove {

/// An equal share for each tag that occurs exactly once: `tag_count_reward` of open-rs, whose models are given the
/// first
/// `<think>` by the chat template. No tags score 0.
struct TagCount {
  std::vector<std::string> tags = {"<think>\n", "\n</think>\n"};

  static constexpr std::string_view name = "tag_count";

  /// The four tags of open-r1, a quarter each.
  static TagCount open_r1() { return {.tags = {"<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>"}}; }

  double operator()(Problem const&, Completion const& completion) const {
    std::size_t once = 0;
    for (auto const& tag : tags) once += count_occurrences(completion.text, tag) == 1;
    return tags.empty() ? 0.0 : static_cast<double>(once) / static_cast<double>(tags.size());
  }
};

}  // namespace grove
