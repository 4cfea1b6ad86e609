// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "grove/completion.hpp"
#include "grove/problem.hpp"

namespace grove {

/// 1 where the thinking is followed by an answer that holds a fenced block of the language, each tag on a line of its
/// own, else 0: `get_code_format_reward` of open-r1. Text may follow the last tag on lines of its own.
struct CodeFormat {
  std::string language = "python";  ///< behind the opening fence; empty: any
  bool opened_by_prompt = false;    ///< the prompt ends with `<think>\n`, so the completion need not begin with it

  static constexpr std::string_view name = "code_format";

  double operator()(Problem const&, Completion const& completion) const {
    return keeps_form(completion.text) ? 1.0 : 0.0;
  }

 private:
  /// Each part at its first place behind the one before: if that one leads to no match, no other does.
  bool keeps_form(std::string_view text) const {
    constexpr std::string_view open = "<think>\n", close = "\n</answer>";
    if (text.starts_with(open))
      text.remove_prefix(open.size());
    else if (!opened_by_prompt)
      return false;
    for (std::string const& part : {std::string("\n</think>\n<answer>\n"), "```" + language, std::string("```")}) {
      auto const at = text.find(part);
      if (at == text.npos) return false;
      text.remove_prefix(at + part.size());
    }
    for (auto at = text.find(close); at != text.npos; at = text.find(close, at + 1)) {
      auto const behind = text.substr(at + close.size());
      if (behind.empty() || behind.front() == '\n') return true;
    }
    return false;
  }
};

}  // namespace grove
