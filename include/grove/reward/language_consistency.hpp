// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "grove/completion.hpp"
#include "grove/problem.hpp"
#include "grove/reward/unicode.hpp"

namespace grove {

/// The share of words in the target language, as DeepSeek-R1 rewards it in the chain of thought (arXiv 2501.12948,
/// section 2.3.2); the language is told by its script, so English cannot be told from French. A word is a run of
/// letters of one script; of Han and Kana, which put no spaces, each character is one. Single Greek letters are
/// mathematics and do not count, unless Greek is the target. A text without words scores 1: nothing in it is foreign.
struct LanguageConsistency {
  Script target = Script::Latin;

  static constexpr std::string_view name = "language_consistency";

  double operator()(Problem const&, Completion const& completion) const {
    std::size_t words = 0, foreign = 0, length = 0;
    Script current = Script::None;
    auto const end_word = [&] {
      bool const formula = current == Script::Greek && target != Script::Greek && length == 1;
      if (current != Script::None && !formula) {
        ++words;
        foreign += !is_target(current);
      }
      length = 0;
    };
    for (std::string_view rest = completion.text; !rest.empty();) {
      auto const script = script_of(next_code_point(rest));
      if (script != current || script == Script::Han || script == Script::Kana) end_word();
      current = script;
      ++length;
    }
    end_word();
    return words == 0 ? 1.0 : static_cast<double>(words - foreign) / static_cast<double>(words);
  }

 private:
  /// Japanese writes Han characters among its own.
  bool is_target(Script script) const { return script == target || (target == Script::Kana && script == Script::Han); }
};

}  // namespace grove
