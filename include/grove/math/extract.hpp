// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "grove/math/environments.hpp"
#include "grove/math/extract_options.hpp"
#include "grove/math/plain_matches.hpp"

namespace grove::math {

/// What is looked for in a text.
struct Targets {
  std::optional<LatexTarget> latex{};
  std::optional<ExpressionTarget> expression{};
  std::optional<ChoiceTarget> choice{};
};

/// A place in a text that may be the answer.
struct Match {
  enum class Type : std::uint8_t { Latex, Expression, Choice };

  std::size_t begin = 0;
  std::size_t end = 0;
  Type type = Type::Latex;
  detail::EnvironmentMatch latex{};
  detail::PlainMatch plain{};
  std::string_view choice{};
};

namespace detail {

/// The last places of some words in a text; there may be very many, and candidates are tried from the text's end.
struct Anchors {
  static constexpr std::size_t most = 32;

  std::array<std::size_t, most> last{};  ///< the n-th place at n % most
  std::size_t count = 0;
  bool known = false;  ///< have they been looked for?
};

/// The end of a text, cut between characters: as much of it as is ever searched for an answer.
std::string_view searched_part(std::string_view text);

}  // namespace detail

/// Finds candidates for the answer, the likeliest first: by priority of what stands around them ("final answer is",
/// a box, "answer:", "answer", nothing), then from the text's end. The order and the patterns are Math-Verify's, found
/// by scanning instead of regular expressions: linear time on any text. Keeps its buffers between texts.
class Extractor {
 public:
  /// Calls visit(Match const&) -> bool until it says false or there are no more candidates.
  template <typename Visit>
  void each(std::string_view text, Targets const& targets, Visit visit) {
    answers_.known = final_answers_.known = false;
    for (int const priority : priorities(targets)) {
      collect(text, targets, priority);
      for (Match const& match : matches_) {
        if (!visit(match)) return;
      }
    }
  }

 private:
  std::vector<int> const& priorities(Targets const& targets);
  void collect(std::string_view text, Targets const& targets, int priority);

  std::vector<int> priorities_;
  std::vector<Match> matches_;
  detail::Anchors answers_;
  detail::Anchors final_answers_;
};

}  // namespace grove::math
