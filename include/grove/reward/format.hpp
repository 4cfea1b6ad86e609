// SPDX-License-Identifier: Apache-2.0
// Did the completion keep to the form it was asked for? 1 or 0, whatever its answer is worth.
#pragma once

#include <string>
#include <string_view>

#include "grove/completion.hpp"
#include "grove/problem.hpp"
#include "grove/reward/text.hpp"

namespace grove {

/// Exactly one closing tag on a line of its own: the rule of open-rs (src/open_r1/rewards.py, `format_reward`). The
/// opening tag is not asked for, because the chat template of its models ends with it.
struct OpenRsFormat {
  std::string close = "\n</think>\n";  ///< must occur exactly once

  static constexpr std::string_view name = "format";

  double operator()(Problem const&, Completion const& completion) const {
    return count_occurrences(completion.text, close) == 1 ? 1.0 : 0.0;
  }
};

/// The completion is `<think>...</think><answer>...</answer>`: each tag once, and nothing but white space before,
/// between and after the two parts.
struct ThinkAnswerFormat {
  bool opened_by_prompt = false;  ///< the prompt ends with `<think>`, so the completion must not hold another one

  static constexpr std::string_view name = "think_answer_format";

  double operator()(Problem const&, Completion const& completion) const {
    return keeps_form(completion.text) ? 1.0 : 0.0;
  }

 private:
  constexpr bool keeps_form(std::string_view text) const {
    for (std::string_view const tag : {"</think>", "<answer>", "</answer>"})
      if (count_occurrences(text, tag) != 1) return false;
    if (count_occurrences(text, "<think>") != (opened_by_prompt ? 0 : 1)) return false;
    if (!opened_by_prompt && !trimmed(cut(text, "<think>")).empty()) return false;
    cut(text, "</think>");
    if (!trimmed(cut(text, "<answer>")).empty()) return false;
    cut(text, "</answer>");
    return trimmed(text).empty();
  }

  /// What stands before the tag; `text` becomes what stands behind it. All of it, where the tag is not in `text`.
  static constexpr std::string_view cut(std::string_view& text, std::string_view tag) {
    auto const at = text.find(tag);
    auto const before = text.substr(0, at);
    text.remove_prefix(at == text.npos ? text.size() : at + tag.size());
    return before;
  }
};

/// The completion begins with `<think>`, holds no second one, and closes it somewhere: `think_format_reward` of TRL.
struct ThinkFormat {
  static constexpr std::string_view name = "think_format";

  double operator()(Problem const&, Completion const& completion) const {
    std::string_view const text = completion.text;
    bool const keeps =
        text.starts_with("<think>") && count_occurrences(text, "<think>") == 1 && text.find("</think>") != text.npos;
    return keeps ? 1.0 : 0.0;
  }
};

}  // namespace grove
