// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <utility>

#include "grove/completion.hpp"
#include "grove/problem.hpp"
#include "grove/reward/pattern.hpp"

namespace grove {

/// 1 where a pattern is found in the completion, else 0. `^...$` asks for the whole text.
class Regex {
 public:
  static constexpr std::string_view name = "regex";

  /// Throws Error where the pattern cannot be read.
  explicit Regex(std::string_view pattern, PatternOptions options = {}) : pattern_(pattern, options) {}

  double operator()(Problem const&, Completion const& completion) const {
    return pattern_.found_in(completion.text) ? 1.0 : 0.0;
  }

 private:
  Pattern pattern_;
};

}  // namespace grove
