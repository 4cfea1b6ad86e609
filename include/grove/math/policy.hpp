// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "grove/math/comparison.hpp"
#include "grove/math/reading.hpp"
#include "grove/math/verdict.hpp"

namespace grove::math {

/// What a check works with: an arena for both sides, buffers, fuel. One a thread; reused from check to check.
struct Workspace {
  Arena arena;
  Reader reader;
  Parser parser;
  Reading gold;
  Reading answer;
  std::string scratch;

  /// Forgets the check before.
  void reset() { arena.reset(); }
};

/// How a check went. The readings of both sides stand in the workspace until the next check.
struct Outcome {
  Verdict verdict = Verdict::Unparsed;
  std::string_view reason;  ///< a literal
  bool gold_read = true;    ///< false: the gold answer has no meaning under this policy; nothing can be judged
};

/// Fuel of one check: about a millisecond of work, rarely a tenth of it is needed.
inline constexpr std::int64_t default_fuel = 20'000;

/// A way to judge an answer: what is looked for in the texts, how it is read, how both sides are compared.
template <typename P>
concept Policy = requires(P const& policy, Workspace& workspace, std::string_view text) {
  { policy.judge(workspace, text, text) } -> std::same_as<Outcome>;
  { P::name } -> std::convertible_to<std::string_view>;
};

/// A verdict with everything a person wants to know of it.
struct Verification {
  Verdict verdict = Verdict::Unparsed;
  std::string reason{};
  std::string gold{};    ///< how it was read
  std::string answer{};  ///< how it was read; empty if none was found
  bool gold_read = true;
};

namespace detail {

/// Words for a verdict, from the outcome and the readings in the workspace.
Verification explain(Workspace const& workspace, Outcome const& outcome);

}  // namespace detail

/// Judges `answer_text` (a completion, or the answer alone) against `gold_text`.
template <Policy P>
Verification verify(P const& policy, std::string_view gold_text, std::string_view answer_text, Workspace& workspace) {
  return detail::explain(workspace, policy.judge(workspace, gold_text, answer_text));
}

template <Policy P>
Verification verify(P const& policy, std::string_view gold_text, std::string_view answer_text) {
  Workspace workspace;
  return verify(policy, gold_text, answer_text, workspace);
}

}  // namespace grove::math
