// SPDX-License-Identifier: Apache-2.0
#include "grove/math/extract.hpp"

#include <algorithm>
#include <array>

#include "grove/math/ascii.hpp"
#include "grove/math/fuel.hpp"
#include "grove/math/needle.hpp"

namespace grove::math {
namespace {

using namespace detail;

constexpr std::size_t none = std::string_view::npos;
constexpr Needle final_answer("final answer", Needle::Case::Any);
constexpr Needle answer("answer", Needle::Case::Any);
constexpr Needle plain_box("\\boxed{");

enum Priority : std::uint16_t {
  i_hope = 0,
  final_answer_is = 50,
  answer_colon = 100,
  answer_word = 200,
  text_begin = 250,
  unanchored = 300
};

/// Calls found(position) -> end of a match, or npos, at each place of a needle that is kept; goes on behind a match.
template <typename Found>
void each_anchor(std::string_view text, Needle const& needle, Anchors& anchors, Found found) {
  if (!anchors.known) {
    anchors.known = true;
    anchors.count = 0;
    for (std::size_t at = needle.find(text, 0); at != none; at = needle.find(text, at + 1))
      anchors.last[anchors.count++ % Anchors::most] = at;
  }
  std::size_t from = 0;
  for (std::size_t i = anchors.count > Anchors::most ? anchors.count - Anchors::most : 0; i < anchors.count; ++i) {
    std::size_t const at = anchors.last[i % Anchors::most];
    if (at < from) continue;
    std::size_t const end = found(at);
    if (end != none) from = end;
  }
}

std::size_t skip_colon(std::string_view text, std::size_t at) { return starts_with(text, at, ":") ? at + 1 : at; }

bool i_hope_follows(std::string_view text, std::size_t at) {
  for (std::size_t const dot : {std::size_t{1}, std::size_t{0}}) {
    if (dot == 1 && !starts_with(text, at, ".")) continue;
    std::size_t const i = at + dot;
    if (i < text.size() && is_space(text[i]) && starts_with(text, i + 1, "I hope")) return true;
    if (starts_with(text, i, "I hope")) return true;
  }
  return false;
}

/// Tries match_at(i) for the places up to `most` characters behind `from`; the first end that is not npos.
template <typename MatchAt>
std::size_t within(std::string_view text, std::size_t from, std::size_t most, MatchAt match_at) {
  for (std::size_t characters = 0; characters <= most && from <= text.size(); ++characters) {
    std::size_t const end = match_at(from);
    if (end != none || from == text.size()) return end;
    from = next_character(text, from);
  }
  return none;
}

/// The anchors of "final answer .. is": match_at(i) is asked at the place behind "is" and its colon.
template <typename MatchAt>
std::size_t final_answer_match(std::string_view text, std::size_t behind, MatchAt match_at) {
  std::size_t is = 0;  // behind the last white space looked at
  return within(text, behind, 100, [&](std::size_t i) {
    if (i >= text.size() || i < is || !is_space(text[i])) return none;
    is = skip_space(text, i);
    if (!starts_with(text, is, "is")) return none;
    std::size_t const end = match_at(skip_colon(text, is + 2));
    return end;
  });
}

class Collector {
 public:
  Collector(std::string_view text, std::vector<Match>& matches, Anchors& answers, Anchors& final_answers)
      : text_(text),
        scanner_(text),
        plain_(text),
        skip_space_(text),
        matches_(matches),
        answers_(answers),
        final_answers_(final_answers) {}

  void latex(int priority, LatexTarget const& target) {
    if (priority == target.box_priority) boxes();
    begin_pattern();
    switch (priority) {
      case i_hope:
        each_anchor(text_, final_answer, final_answers_, [&](std::size_t at) {
          std::size_t const is = at + final_answer.size();
          if (!starts_with_any_case(text_, is, " is")) return none;
          return latex_after_space(at, skip_colon(text_, is + 3), true);
        });
        return;
      case final_answer_is:
        each_anchor(text_, final_answer, final_answers_, [&](std::size_t at) {
          return final_answer_match(text_, at + final_answer.size(),
                                    [&](std::size_t i) { return latex_after_space(at, i, false); });
        });
        return;
      case answer_colon:
      case answer_word:
        each_anchor(text_, answer, answers_, [&](std::size_t at) {
          std::size_t i = at + answer.size();
          if (priority == answer_colon && !starts_with(text_, i, ":")) return none;
          if (priority == answer_colon) ++i;
          return within(text_, i, 50, [&](std::size_t j) { return latex_at(at, j, false); });
        });
        return;
      case unanchored:
        if (target.unanchored) environments(false);
        return;
      default:
        return;
    }
  }

  void expression(int priority, ExpressionTarget const& target) {
    begin_pattern();
    switch (priority) {
      case i_hope:
        each_anchor(text_, final_answer, final_answers_, [&](std::size_t at) {
          std::size_t const is = at + final_answer.size();
          if (!starts_with_any_case(text_, is, " is")) return none;
          std::size_t const colon = skip_colon(text_, is + 3);
          std::size_t const begin = skip_space(text_, colon);
          return plain_at(at, begin > colon ? begin - 1 : begin, After::Anything, true);
        });
        return;
      case final_answer_is:
        each_anchor(text_, final_answer, final_answers_, [&](std::size_t at) {
          return final_answer_match(text_, at + final_answer.size(),
                                    [&](std::size_t i) { return plain_at(at, i, After::Anything, false); });
        });
        return;
      case answer_colon:
      case answer_word:
        each_anchor(text_, answer, answers_,
                    [&](std::size_t at) { return plain_behind_answer(at, priority == answer_colon); });
        return;
      case unanchored:
        if (target.unanchored) plain_everywhere();
        return;
      default:
        return;
    }
  }

  void choice(int priority, ChoiceTarget const& target) {
    begin_pattern();
    switch (priority) {
      case i_hope:
      case final_answer_is:
        each_anchor(text_, final_answer, final_answers_, [&](std::size_t at) {
          auto bare = [&](std::size_t i) { return choice_bare(at, i, target, priority == i_hope); };
          std::size_t const is = at + final_answer.size();
          if (priority == final_answer_is) return final_answer_match(text_, is, bare);
          return starts_with_any_case(text_, is, " is") ? bare(skip_colon(text_, is + 3)) : none;
        });
        return;
      case answer_colon:
      case answer_word:
        each_anchor(text_, answer, answers_, [&](std::size_t at) {
          std::size_t const i = at + answer.size();
          if (priority == answer_colon && !starts_with(text_, i, ":")) return none;
          return within(text_, i + (priority == answer_colon ? 1 : 0), 50,
                        [&](std::size_t j) { return choice_word(at, j, target); });
        });
        return;
      case text_begin:
        if (target.unanchored) choice_word_at(0, 0, target);
        return;
      case unanchored:
        for (std::size_t i = 0; target.unanchored && i < text_.size();) {
          std::size_t const end = choice_word(i, i, target);
          i = end == none ? i + 1 : std::max(end, i + 1);
        }
        return;
      default:
        return;
    }
  }

 private:
  /// Begins a pattern: its matches come in the text's order.
  void begin_pattern() {
    pattern_begin_ = matches_.size();
    pattern_count_ = 0;
  }

  /// Of one pattern's matches only the last ones are kept: they are tried first. All are of one type, so that a place
  /// is used again as it is.
  Match& add(Match::Type type, std::size_t begin, std::size_t end) {
    std::size_t const place = pattern_begin_ + pattern_count_++ % most_matches;
    if (place == matches_.size()) matches_.emplace_back();
    Match& match = matches_[place];
    match.begin = begin;
    match.end = end;
    match.type = type;
    return match;
  }

  std::size_t add_latex(std::size_t begin, EnvironmentMatch const& found, std::size_t end) {
    add(Match::Type::Latex, begin, end).latex = found;
    return end;
  }

  std::size_t latex_at(std::size_t begin, std::size_t at, bool hope) {
    auto found = scanner_.match(at, false);
    if (!found) return none;
    if (hope && !i_hope_follows(text_, found->end) && !i_hope_follows(text_, found->end_dry)) return none;
    return add_latex(begin, *found, found->end);
  }

  std::size_t latex_after_space(std::size_t begin, std::size_t at, bool hope) {
    std::size_t const behind = skip_space(text_, at);
    std::size_t const end = latex_at(begin, behind, hope);
    return end == none && behind > at ? latex_at(begin, behind - 1, hope) : end;
  }

  void environments(bool boxed) {
    from_dense_end([&](std::size_t from, Fuel& attempts) {
      for (std::size_t at = scanner_.candidate(from); at != none && attempts.spend(1);) {
        auto found = scanner_.match(at, boxed);
        if (found && attempts.spend(work_of_match)) add_latex(at, *found, found->end);
        at = scanner_.candidate(found ? std::max(found->end, at + 1) : at + 1);
      }
    });
  }

  /// walk(from, attempts) over the whole text, or, where that takes too many attempts, over its end only: candidates
  /// are tried from there.
  template <typename Walk>
  void from_dense_end(Walk walk) {
    Fuel attempts(most_attempts);
    walk(0, attempts);
    if (!attempts.empty()) return;
    matches_.resize(pattern_begin_);
    pattern_count_ = 0;
    Fuel again(most_attempts);
    walk(text_.size() - std::min(text_.size(), dense_end), again);
  }

  void boxes() {
    std::size_t const box = plain_box.find(text_, 0);
    if (box == none) return;
    begin_pattern();
    environments(true);
    begin_pattern();
    std::size_t const close = text_.rfind('}');
    if (close == none || close < box + plain_box.size() + 1) return;
    EnvironmentMatch whole{.begin = box, .end = close + 1, .end_dry = close + 1, .size = 1, .plain_box = true};
    whole.parts[0].content = text_.substr(box, close + 1 - box);
    add_latex(box, whole, close + 1);
  }

  std::size_t plain_at(std::size_t begin, std::size_t at, After after, bool hope) {
    if (at > text_.size()) return none;
    auto found = plain_.any(at, after);
    if (!found || (hope && !i_hope_follows(text_, found->end))) return none;
    add(Match::Type::Expression, begin, found->end).plain = *found;
    return found->end;
  }

  std::size_t plain_behind_answer(std::size_t at, bool colon) {
    std::size_t from = at + answer.size();
    if (colon && !starts_with(text_, from, ":")) return none;
    if (colon) ++from;
    // Behind the last equals sign of the next hundred characters that a number follows ..
    std::size_t limit = from;
    for (int characters = 0; characters <= 100 && limit < text_.size(); ++characters)
      limit = next_character(text_, limit);
    for (std::size_t i = limit; i > from; --i) {
      if (text_[i - 1] != '=') continue;
      std::size_t const behind = skip_space_(i);
      if (behind == i) continue;
      std::size_t const end = plain_at(at, behind - 1, After::NoEquals, false);
      if (end != none) return end;
    }
    // .. or the first number.
    return within(text_, from, 50, [&](std::size_t i) { return plain_at(at, i, After::NoEquals, false); });
  }

  void plain_everywhere() {
    // Both patterns in one walk, each going on behind its own matches.
    std::vector<PlainMatch> numbers;
    from_dense_end([&](std::size_t from, Fuel& attempts) {
      numbers.clear();
      std::size_t count = 0;
      std::size_t free_for_arithmetic = 0;
      std::size_t free_for_numbers = 0;
      for (std::size_t i = next_number(text_, from); i < text_.size(); i = next_number(text_, i + 1)) {
        if (!attempts.spend(work_of_match)) return;
        if (i >= free_for_arithmetic) {
          if (auto const found = plain_.arithmetic(i, After::Anything)) {
            add(Match::Type::Expression, i, found->end).plain = *found;
            free_for_arithmetic = found->end;
          }
        }
        if (i < free_for_numbers) continue;
        if (auto const found = plain_.number(i, After::Anything)) {
          if (numbers.size() < most_matches) {
            numbers.push_back(*found);
          } else {
            numbers[count % most_matches] = *found;
          }
          ++count;
          free_for_numbers = found->end;
        }
      }
    });
    begin_pattern();
    for (PlainMatch const& number : numbers) add(Match::Type::Expression, number.begin, number.end).plain = number;
  }

  std::string_view choice_key(std::size_t at, ChoiceTarget const& target) const {
    for (auto const& key : target.strings) {
      if (!key.empty() && starts_with(text_, at, key)) return text_.substr(at, key.size());
    }
    return {};
  }

  std::size_t choice_bare(std::size_t begin, std::size_t at, ChoiceTarget const& target, bool hope) {
    std::size_t const i = skip_space(text_, at);
    auto const key = choice_key(i, target);
    if (key.empty() || (hope && !i_hope_follows(text_, i + key.size()))) return none;
    add(Match::Type::Choice, begin, i + key.size()).choice = key;
    return i + key.size();
  }

  /// (\*\*)?key(\*\*)?[.,:\s$]
  std::size_t choice_word_at(std::size_t begin, std::size_t at, ChoiceTarget const& target) {
    std::size_t i = starts_with(text_, at, "**") ? at + 2 : at;
    auto const key = choice_key(i, target);
    if (key.empty()) return none;
    i += key.size();
    if (starts_with(text_, i, "**")) i += 2;
    bool const ends = i >= text_.size() || is_space(text_[i]) || std::string_view(".,:").find(text_[i]) != none;
    if (!ends) return none;
    std::size_t const end = std::min(i + 1, text_.size());
    add(Match::Type::Choice, begin, end).choice = key;
    return end;
  }

  std::size_t choice_word(std::size_t begin, std::size_t at, ChoiceTarget const& target) {
    if (at == 0) {
      std::size_t const end = choice_word_at(begin, 0, target);
      if (end != none) return end;
    }
    return at < text_.size() && is_space(text_[at]) ? choice_word_at(begin, at + 1, target) : none;
  }

  static constexpr std::size_t most_matches = 32;
  static constexpr std::int64_t most_attempts = 100'000;  // of a walk over the text; far beyond any completion's
  static constexpr std::int64_t work_of_match = 8;        // in attempts that find nothing
  static constexpr std::size_t dense_end = 10'000;        // so short that a walk over it ends

  std::string_view text_;
  EnvironmentScanner scanner_;
  PlainScanner plain_;
  SpaceSkipper skip_space_;
  std::vector<Match>& matches_;
  Anchors& answers_;
  Anchors& final_answers_;
  std::size_t pattern_begin_ = 0;  ///< in matches_
  std::size_t pattern_count_ = 0;  ///< of the pattern's matches, those that were dropped included
};

}  // namespace

std::string_view detail::searched_part(std::string_view text) {
  constexpr std::size_t most = std::size_t{1} << 18U;
  if (text.size() <= most) return text;
  std::size_t begin = text.size() - most;
  while (begin < text.size() && is_continuation(text[begin])) ++begin;
  return text.substr(begin);
}

std::vector<int> const& Extractor::priorities(Targets const& targets) {
  priorities_.assign({i_hope, final_answer_is, answer_colon, answer_word, unanchored});
  if (targets.latex && targets.latex->box_priority >= 0) priorities_.push_back(targets.latex->box_priority);
  if (targets.choice) priorities_.push_back(text_begin);
  std::sort(priorities_.begin(), priorities_.end());
  priorities_.erase(std::unique(priorities_.begin(), priorities_.end()), priorities_.end());
  return priorities_;
}

void Extractor::collect(std::string_view text, Targets const& targets, int priority) {
  matches_.clear();
  Collector collector(text, matches_, answers_, final_answers_);
  if (targets.latex) collector.latex(priority, *targets.latex);
  if (targets.expression) collector.expression(priority, *targets.expression);
  if (targets.choice) collector.choice(priority, *targets.choice);
  if (matches_.size() < 2) return;
  std::stable_sort(matches_.begin(), matches_.end(),
                   [](Match const& a, Match const& b) { return a.end != b.end ? a.end > b.end : a.begin < b.begin; });
}

}  // namespace grove::math
