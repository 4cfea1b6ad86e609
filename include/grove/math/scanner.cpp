// SPDX-License-Identifier: Apache-2.0
#include "grove/math/scanner.hpp"

#include <algorithm>
#include <array>

#include "grove/math/ascii.hpp"
#include "grove/math/boxes.hpp"
#include "grove/math/kinds.hpp"
#include "grove/math/words.hpp"

namespace grove::math::detail {
namespace {

constexpr std::size_t none = std::string_view::npos;

constexpr std::uint8_t d(auto value) { return static_cast<std::uint8_t>(value); }

/// What the grammar skips besides white space; its length, or 0.
std::size_t blank_command(std::string_view text, std::size_t at, bool strict) {
  if (at + 1 >= text.size()) return 0;
  if (std::string_view(",:;!$").find(text[at + 1]) != none) return 2;
  if (strict && (text[at + 1] == ' ' || text[at + 1] == '/')) return 2;
  std::size_t end = at + 1;
  while (end < text.size() && is_letter(text[end])) ++end;
  std::string_view const name = text.substr(at + 1, end - at - 1);
  constexpr std::array<std::string_view, 8> spaces{"quad",       "qquad",        "thinspace",   "medspace",
                                                   "thickspace", "negthinspace", "negmedspace", "negthickspace"};
  if (std::find(spaces.begin(), spaces.end(), name) != spaces.end()) return end - at;
  // The grammar's spaces need no word boundary: \quadx is a space and x.
  if (name.starts_with("qquad")) return 6;
  if (name.starts_with("quad")) return 5;
  if (!strict) return 0;
  constexpr std::array<std::string_view, 22> sizes{
      "left",  "right", "middle", "big",   "Big",    "bigg",     "Bigg",         "bigl",      "bigr", "Bigl", "Bigr",
      "biggl", "biggr", "Biggl",  "Biggr", "limits", "nolimits", "displaystyle", "textstyle", "rm",   "bf",   "hfill"};
  if (std::find(sizes.begin(), sizes.end(), name) == sizes.end()) return 0;
  // `\left.` and `\right.` are delimiters that are not drawn.
  bool const side = name == "left" || name == "right";
  return end - at + (side && starts_with(text, end, ".") ? 1 : 0);
}

std::size_t digits_end(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

}  // namespace

void Scanner::fail(std::string_view problem) {
  problem_ = problem;
  push(TokenKind::Unknown, 1);
}

void Scanner::push(TokenKind kind, std::size_t length, std::uint8_t detail, std::string_view text) {
  tokens_.push_back({.kind = kind,
                     .detail = detail,
                     .spaced = spaced_,
                     .begin = static_cast<std::uint32_t>(at_),
                     .end = static_cast<std::uint32_t>(at_ + length),
                     .text = text.data() != nullptr ? text : text_.substr(at_, length)});
  at_ += length;
  spaced_ = false;
}

void Scanner::scan(std::string_view text, Dialect dialect) {
  text_ = text;
  strict_ = dialect != Dialect::Compatible;
  words_ = dialect == Dialect::Strict;
  commas_ = strict_ && text.find(',') != none && commas_group_thousands(text);
  at_ = 0;
  letters_end_ = 0;
  spaced_ = false;
  tokens_.clear();
  problem_ = {};
  while (at_ < text_.size() && problem_.empty()) {
    char const c = text_[at_];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || (strict_ && (c == '~' || c == '$' || is_space(c)))) {
      if (c == '~' && starts_with(text_, at_, "~=")) {
        push(TokenKind::Relation, 2, d(RelationType::Approximately));
        continue;
      }
      ++at_;
      spaced_ = true;
    } else if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
      number();
    } else if (c == '\\') {
      command();
    } else if (is_letter(c)) {
      letter();
    } else if (c == '^') {
      caret();
    } else if (!symbol_character() && !wide_character()) {
      fail("a character that is no mathematics");
    }
  }
  at_ = text_.size();
  push(TokenKind::End, 0);
}

/// A numeral with digits above 9, as capital letters, and the base below it: 1A3_{16}.
bool Scanner::large_base_number() {
  std::size_t end = at_;
  bool digit = false;
  bool letter = false;
  for (; end < text_.size() && (is_digit(text_[end]) || (text_[end] >= 'A' && text_[end] <= 'Z')); ++end)
    (is_digit(text_[end]) ? digit : letter) = true;
  if (!digit || !letter || end - at_ > 32) return false;
  std::size_t const below = starts_with(text_, end, ")") ? end + 1 : end;
  if (!starts_with(text_, below, "_")) return false;
  std::size_t const base = starts_with(text_, below + 1, "{") ? below + 2 : below + 1;
  if (digits_end(text_, base) != base + 2) return false;
  push(TokenKind::Number, end - at_);
  return true;
}

void Scanner::number() {
  if (words_ && large_base_number()) return;
  if (strict_) {
    // A script and a root have one number; what comes behind it stands on its own: \log_2 128, \sqrt 2 345.
    TokenKind const last = tokens_.empty() ? TokenKind::End : tokens_.back().kind;
    bool const script = last == TokenKind::Underscore || last == TokenKind::Caret || last == TokenKind::Root ||
                        last == TokenKind::Fraction || last == TokenKind::Binomial;
    std::size_t const grouped = grouped_number_length(text_, at_, commas_, nullptr);
    std::size_t const space = text_.substr(at_, grouped).find_first_not_of("0123456789.,");
    std::size_t const length = script && space != none ? space : grouped;
    std::size_t end = at_ + length;
    // 1.5e3, 2E-5
    if (words_ && end < text_.size() && lower(text_[end]) == 'e') {
      std::size_t const sign = end + 1 < text_.size() && (text_[end + 1] == '-' || text_[end + 1] == '+') ? 2 : 1;
      std::size_t const exponent = digits_end(text_, end + sign);
      bool const letters = exponent < text_.size() && is_letter(text_[exponent]);
      if (exponent > end + sign && !letters) {
        push(TokenKind::Scientific, exponent - at_);
        return;
      }
    }
    push(TokenKind::Number, length);
    // The point of 3./2 belongs to the number.
    bool const point = starts_with(text_, at_, ".") && at_ + 1 < text_.size();
    if (point && std::string_view("/*+-^)},]").find(text_[at_ + 1]) != none) ++at_;
    return;
  }
  std::size_t end = digits_end(text_, at_);
  if (end + 1 < text_.size() && text_[end] == '.' && is_digit(text_[end + 1])) end = digits_end(text_, end + 1);
  if (end < text_.size() && text_[end] == 'E') {
    bool const sign = end + 1 < text_.size() && (text_[end + 1] == '-' || text_[end + 1] == '+');
    std::size_t const first = end + (sign ? 2 : 1);
    std::size_t const exponent = digits_end(text_, first);
    if (exponent > first) {
      push(TokenKind::Scientific, exponent - at_);
      return;
    }
  }
  std::size_t const sign = end < text_.size() && is_space(text_[end]) ? end + 1 : end;
  std::size_t const length = starts_with(text_, sign, "\\%") ? 2 : starts_with(text_, sign, "%") ? 1 : 0;
  if (length != 0) {
    std::string_view const digits = text_.substr(at_, end - at_);
    push(TokenKind::Percent, sign + length - at_, 0, digits);
  } else {
    push(TokenKind::Number, end - at_);
  }
}

void Scanner::caret() {
  constexpr std::array<std::string_view, 4> degrees{"\\circle", "\\circ", "\\degree", "\u00b0"};
  std::size_t begin = strict_ ? skip_space(text_, at_ + 1) : at_ + 1;
  bool const braced = starts_with(text_, begin, "{");
  if (braced) ++begin;
  if (strict_) begin = skip_space(text_, begin);
  for (auto const degree : degrees) {
    if (!starts_with(text_, begin, degree)) continue;
    std::size_t end = begin + degree.size();
    if (braced) {
      if (strict_) end = skip_space(text_, end);
      if (!starts_with(text_, end, "}")) continue;
      ++end;
    }
    push(TokenKind::Degree, end - at_);
    return;
  }
  constexpr std::array<std::string_view, 4> transposes{"^{T}", "^{\\top}", "^\\top", "^T"};
  for (auto const transpose : transposes) {
    if (!starts_with(text_, at_, transpose)) continue;
    push(TokenKind::Transpose, transpose.size());
    return;
  }
  push(TokenKind::Caret, 1);
}

/// The rest of the run of letters here; its end and last vowel are found once a run, or a long one took quadratic time.
std::string_view Scanner::letters() {
  if (at_ >= letters_end_) {
    last_vowel_ = at_;
    std::size_t end = at_;
    for (; end < text_.size() && is_letter(text_[end]); ++end) {
      if (std::string_view("aeiouyAEIOUY").find(text_[end]) != none) last_vowel_ = end + 1;
    }
    letters_end_ = end;
  }
  return text_.substr(at_, letters_end_ - at_);
}

void Scanner::letter() {
  if (words_ && (tokens_.empty() || tokens_.back().kind == TokenKind::LeftRound) && large_base_number()) return;
  if (words_ && strict_word()) return;
  char const c = text_[at_];
  if (!strict_) {
    if (std::size_t const length = grammar_word(letters()); length != 0) {
      push(TokenKind::Word, length);
      return;
    }
    if (c == 'd') {
      std::size_t const next = skip_space(text_, at_ + 1);
      if (next < text_.size() && is_letter(text_[next])) {
        push(TokenKind::Differential, next + 1 - at_, 0, text_.substr(next, 1));
        return;
      }
      if (next + 1 < text_.size() && text_[next] == '\\' && is_letter(text_[next + 1])) {
        std::size_t end = next + 1;
        while (end < text_.size() && is_letter(text_[end])) ++end;
        push(TokenKind::Differential, end - at_, 0, text_.substr(next + 1, end - next - 1));
        return;
      }
    }
  }
  push(c == 'e' ? TokenKind::LetterE : c == 'E' && !strict_ ? TokenKind::CapitalE : TokenKind::Letter, 1);
}

void Scanner::command() {
  if (std::size_t const blank = blank_command(text_, at_, strict_); blank != 0) {
    bool const negative = text_[at_ + 1] == '!';
    at_ += blank;
    spaced_ = !negative;
    return;
  }
  if (at_ + 1 >= text_.size()) {
    if (strict_) {
      ++at_;
      return;
    }
    fail("a backslash without a command");
    return;
  }
  char const next = text_[at_ + 1];
  switch (next) {
    case '{':
      if (starts_with(text_, at_, "\\{\\}")) return push(TokenKind::Constant, 4, d(Constant::EmptySet));
      return push(TokenKind::LeftSet, 2);
    case '}':
      return push(TokenKind::RightSet, 2);
    case '|':
      return push(TokenKind::DoubleBar, 2);
    case '\\':
      return push(TokenKind::NewRow, 2);
    case '(':
      return push(TokenKind::LeftRound, 2);
    case ')':
      return push(TokenKind::RightRound, 2);
    case '%':
      if (strict_) return push(TokenKind::PercentSign, 2);
      break;
    case '[':
    case ']':
      if (strict_) {
        at_ += 2;
        return;
      }
      break;
    default:
      if (is_letter(next)) return letters_command();
  }
  fail("an unknown command");
}

void Scanner::letters_command() {
  std::size_t end = at_ + 1;
  while (end < text_.size() && is_letter(text_[end])) ++end;
  std::string_view const letters = text_.substr(at_ + 1, end - at_ - 1);
  if (letters == "begin" || letters == "end") return environment(letters == "begin");
  if (letters == "vrule" || letters == "vspace" || letters == "hfil") {
    at_ = end;
    return;
  }
  Command const found = find_command(letters, false);
  // Parsers of LaTeX take an unknown command for a symbol of that name: 5\lex is 5 times it.
  if (strict_ && !words_ && found.length != letters.size() && !strict_command(letters))
    return push(TokenKind::Named, letters.size() + 1, 0, letters);
  if (strict_ && found.length != letters.size()) {
    if (auto const known = strict_command(letters)) {
      if (known->kind != TokenKind::End) return push(known->kind, letters.size() + 1, known->detail, known->name);
      at_ = end;
      return;
    }
  }
  if (found.length == 0) return fail("an unknown command");
  if (strict_ && found.length != letters.size()) {
    // \pix is refused by TeX, but \cdotx and the like come from careless replacement; single letters behind only.
    if (letters.size() - found.length > 2) return fail("an unknown command");
  }
  if (found.kind == TokenKind::Wrapped) return wrapped(static_cast<Wrapper>(found.detail), found.length + 1);
  push(found.kind, found.length + 1, found.detail, found.name);
}

void Scanner::environment(bool begins) {
  std::size_t const open = text_.find('{', at_);
  std::size_t const close = text_.find('}', at_);
  if (open == none || close == none || close < open) return fail("an environment without a name");
  std::string_view const name = trim(text_.substr(open + 1, close - open - 1));
  std::size_t end = close + 1;
  auto const kind = matrix_environment(name, begins, strict_);
  if (kind == TokenKind::End) {
    at_ = end;  // without a meaning of its own
    return;
  }
  if (kind == TokenKind::Unknown) return fail("an unknown environment");
  if (name == "array" && begins) {
    std::size_t const columns = strict_ ? skip_space(text_, end) : end;
    std::size_t const last = starts_with(text_, columns, "{") ? text_.find('}', columns) : none;
    if (last == none) return fail("an array without columns");
    end = last + 1;
  }
  push(kind, end - at_);
}

void Scanner::wrapped(Wrapper wrapper, std::size_t command_length) {
  std::size_t open = at_ + command_length;
  if (open < text_.size() && is_space(text_[open])) open = strict_ ? skip_space(text_, open) : open + 1;
  if (!starts_with(text_, open, "{")) {
    if (!strict_ || open >= text_.size()) return fail("a command without its argument");
    std::size_t const end = next_character(text_, open);
    return push(TokenKind::Wrapped, end - at_, d(wrapper), text_.substr(open, end - open));
  }
  std::size_t close = strict_ ? closing_brace(text_, open, text_.size()) : text_.find('}', open);
  while (!strict_ && close != none && text_[close - 1] == '\\') close = text_.find('}', close + 1);
  if (close == none) return fail("an open brace");
  std::string_view const content = text_.substr(open + 1, close - open - 1);
  if (starts_with(text_, at_, "\\mathbb{") && content.size() == 1) {
    constexpr std::string_view letters = "NZQRC";
    constexpr std::array<Constant, 5> sets{Constant::Naturals, Constant::Integers, Constant::Rationals, Constant::Reals,
                                           Constant::Complexes};
    if (std::size_t const set = letters.find(content[0]); set != none) {
      return push(TokenKind::Constant, close + 1 - at_, d(sets[set]));
    }
  }
  push(TokenKind::Wrapped, close + 1 - at_, d(wrapper), content);
}

}  // namespace grove::math::detail
