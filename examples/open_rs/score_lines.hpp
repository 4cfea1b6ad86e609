// SPDX-License-Identifier: Apache-2.0
// The lines that open_rs score reads, as the rewards see them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "grove/completion.hpp"
#include "grove/episodes.hpp"
#include "grove/problem.hpp"
#include "grove/text/tokenizer.hpp"
#include "open_rs/rewards.hpp"

namespace open_rs {

/// What the rewards want of a line beside its texts.
struct LineNeeds {
  TokensRead tokens = TokensRead::None;
  std::string reward{};       ///< that wants them
  bool keep_tokens = false;   ///< tokens are kept where a line has them
  bool keep_columns = false;  ///< other fields are columns of the problem
  std::optional<grove::text::Tokenizer> tokenizer{};

  void take(std::string const& name, TokensRead read);
};

/// One line.
struct Judged {
  grove::Problem problem{};
  grove::Completion completion{};
  std::string group{};  ///< JSON text; empty: none
};

/// Parses a line: "gold" (text or a number), "completion" (text), and, where they are wanted, "tokens" (a number or a
/// list of ids) and "group". Throws grove::Error that names "stdin:NUMBER".
Judged read_scored_line(std::string const& text, std::size_t number, LineNeeds const& needs);

/// Lines as a Scorer sees a batch; lines of equal group are one group, those without are another.
struct JudgedLines {
  grove::Episodes episodes{};
  std::vector<Judged> lines{};
  std::map<std::string, std::uint32_t> groups{};

  grove::Problem const& problem(std::size_t i) const { return lines[i].problem; }
  grove::Completion const& completion(std::size_t i) const { return lines[i].completion; }
  void add(Judged line);
};

}  // namespace open_rs
