// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "grove/text/unicode.hpp"

/// The regular expressions that published byte-level tokenizers cut text into words with, as hand-written scanners.
namespace grove::text {

enum class SplitPattern {
  gpt2,    ///< ByteLevel's own
  qwen2,   ///< one digit a word
  llama3,  ///< also GPT-4's: up to three digits a word
};

/// The pattern whose regular expression is written exactly so in tokenizer.json, if it is one of the known.
std::optional<SplitPattern> known_split_pattern(std::string_view regex);

namespace detail {

/// Cuts one piece of text into words. `next` returns the end of the word at `p`; words leave nothing out.
/// The scan knows the piece only: its end is the end of the text for every look-ahead.
class WordScanner {
 public:
  WordScanner(std::string_view piece, std::uint8_t const* classes)
      : end_(piece.data() + piece.size()), classes_(classes) {}

  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  char const* next_gpt2(char const* p) const {
    if (*p == '\'') {
      if (int const size = contraction<false>(p)) return p + size;
    }
    Char const first = at(p);
    Char body = first;
    if (*p == ' ' && p + 1 < end_) body = at(p + 1);
    char const* const start = *p == ' ' ? p + 1 : p;
    if (start < end_ && !(body.classes & space)) {
      std::uint8_t const kind = body.classes & (letter | number);
      return run(start + body.size, [kind](std::uint8_t c) { return (c & (letter | number | space)) == kind; });
    }
    return whitespace(p, first).end;
  }

  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,D}|
  /// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  template <int MaxDigits>
  char const* next_gpt4(char const* p) const {
    Char const first = at(p);
    if (first.classes & letter) return letters(p + first.size);
    if (first.classes & number) return digits<MaxDigits>(p + first.size);
    if (*p == '\'') {
      if (int const size = contraction<true>(p)) return p + size;
    }
    char const* const after = p + first.size;
    bool const line_end = is_line_end(*p);
    if (after < end_ && !line_end) {
      Char const second = at(after);
      if (second.classes & letter) return letters(after + second.size);
      if (*p == ' ' && !(second.classes & (number | space))) return symbols(after + second.size);
    }
    if (!(first.classes & space)) return symbols(after);
    Blank const blank = whitespace(p, first);
    return blank.after_line_end != nullptr ? blank.after_line_end : blank.end;
  }

 private:
  struct Char {
    std::uint8_t classes;
    std::uint32_t size;
  };
  struct Blank {
    char const* end;             ///< of `\s+(?!\S)|\s+`
    char const* after_line_end;  ///< of `\s*[\r\n]+`, or null
  };

  static bool is_line_end(char c) { return c == '\n' || c == '\r'; }

  Char at(char const* p) const {
    auto const byte = static_cast<unsigned char>(*p);
    if (byte < 0x80) return {classes_[byte], 1};
    auto const [value, size] = decode_valid(p);
    return {classes_[value], size};
  }

  template <typename Accept>
  char const* run(char const* p, Accept accept) const {
    while (p < end_) {
      Char const c = at(p);
      if (!accept(c.classes)) break;
      p += c.size;
    }
    return p;
  }

  char const* letters(char const* p) const {
    return run(p, [](std::uint8_t c) { return (c & letter) != 0; });
  }

  template <int MaxDigits>
  char const* digits(char const* p) const {
    for (int count = 1; count < MaxDigits && p < end_; ++count) {
      Char const c = at(p);
      if (!(c.classes & number)) break;
      p += c.size;
    }
    return p;
  }

  char const* symbols(char const* p) const {
    p = run(p, [](std::uint8_t c) { return (c & (letter | number | space)) == 0; });
    while (p < end_ && is_line_end(*p)) ++p;
    return p;
  }

  Blank whitespace(char const* p, Char c) const {
    char const* after_line_end = nullptr;
    char const* last = p;
    char const* q = p;
    while (true) {
      last = q;
      q += c.size;
      if (is_line_end(*last)) after_line_end = q;
      if (q >= end_ || !((c = at(q)).classes & space)) break;
    }
    return {q >= end_ || last == p ? q : last, after_line_end};
  }

  /// Bytes of the contraction at the apostrophe `p`, 0 if there is none. U+017F (long s) folds to s, as in Oniguruma.
  template <bool IgnoreCase>
  int contraction(char const* p) const {
    std::ptrdiff_t const left = end_ - p;
    if (left < 2) return 0;
    auto const fold = [](char c) { return IgnoreCase && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    char const a = fold(p[1]);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
    if (left < 3) return 0;
    char const b = fold(p[2]);
    if ((b == 'e' && (a == 'r' || a == 'v')) || (a == 'l' && b == 'l')) return 3;
    if (IgnoreCase && p[1] == '\xC5' && p[2] == '\xBF') return 3;
    return 0;
  }

  char const* end_;
  std::uint8_t const* classes_;
};

/// Calls `word(begin, end)` for every word of the piece.
template <typename Word>
void split_words(SplitPattern pattern, std::string_view piece, std::uint8_t const* classes, Word&& word) {
  WordScanner const scanner(piece, classes);
  char const* const end = piece.data() + piece.size();
  auto const walk = [&](auto next) {
    for (char const* p = piece.data(); p < end;) {
      char const* const stop = next(p);
      word(p, stop);
      p = stop;
    }
  };
  switch (pattern) {
    case SplitPattern::gpt2:
      return walk([&](char const* p) { return scanner.next_gpt2(p); });
    case SplitPattern::qwen2:
      return walk([&](char const* p) { return scanner.next_gpt4<1>(p); });
    case SplitPattern::llama3:
      return walk([&](char const* p) { return scanner.next_gpt4<3>(p); });
  }
}

}  // namespace detail
}  // namespace grove::text
