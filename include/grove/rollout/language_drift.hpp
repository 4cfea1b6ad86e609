// SPDX-License-Identifier: Apache-2.0
// How much of what a policy writes is no Latin script: an observer that adds this to the report.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "grove/reward/unicode.hpp"
#include "grove/trainer.hpp"

namespace grove {

/// Letters of a text, and how many of them are neither Latin nor Greek (which is how mathematics is written).
struct LetterCounts {
  double letters = 0, foreign = 0;

  void add(std::string_view text) {
    while (!text.empty()) {
      auto const script = script_of(next_code_point(text));
      if (script == Script::None) continue;
      ++letters;
      if (script != Script::Latin && script != Script::Greek) ++foreign;
    }
  }
};

/// Sets `completions/non_latin`: the share of such letters in the completions of a step, over all ranks.
struct LanguageDrift {
  template <class T>
  void operator()(T& trainer, StepReport& report) {
    LetterCounts counts;
    for (auto const& sample : trainer.last().trajectories.samples) counts.add(sample.completion.text);
    std::array<double, 2> sums{counts.letters, counts.foreign};
    trainer.communicator().all_reduce_sum(std::span(sums));
    report.metrics.set("completions/non_latin", sums[0] > 0 ? sums[1] / sums[0] : 0);
  }
};

}  // namespace grove
