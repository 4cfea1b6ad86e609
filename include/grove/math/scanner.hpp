// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "grove/math/token.hpp"

namespace grove::math {

/// How LaTeX is read.
enum class Dialect : std::uint8_t {
  Compatible,  ///< as Math-Verify's grammar reads it, what it refuses and misreads included
  Strict,      ///< forgiving in writing, right in meaning
  Letters,     ///< as Strict, but every letter is a symbol: no words, no units, no 1e5
};

namespace detail {

/// Cuts normalised LaTeX into tokens. `problem` is empty, or says why the text is no mathematics.
class Scanner {
 public:
  /// Tokens end with one of TokenKind::End; their views point into `text`.
  void scan(std::string_view text, Dialect dialect);

  [[nodiscard]] std::vector<Token> const& tokens() const { return tokens_; }
  [[nodiscard]] std::string_view problem() const { return problem_; }

 private:
  void push(TokenKind kind, std::size_t length, std::uint8_t detail = 0, std::string_view text = {});
  void command();
  void letters_command();
  void environment(bool begins);
  void wrapped(Wrapper wrapper, std::size_t command_length);
  void letter();
  bool strict_word();
  std::string_view letters();
  bool large_base_number();
  void number();
  void caret();
  bool symbol_character();
  bool wide_character();
  void fail(std::string_view problem);

  std::string_view text_;
  bool strict_ = false;
  bool words_ = false;   ///< letters may form words
  bool commas_ = false;  ///< commas stand between thousands
  std::size_t at_ = 0;
  bool spaced_ = false;
  std::size_t letters_end_ = 0;  ///< of the run of letters that was looked at last
  std::size_t last_vowel_ = 0;   ///< behind its last vowel
  std::vector<Token> tokens_;
  std::string_view problem_;
};

/// The length of a number of the strict dialect at a position, thousands groups included ("1 234", `1\,234`,
/// `1{,}234`, "1,234" where `commas`), 0 if there is none; its digits without groups are appended to `digits` if given.
std::size_t grouped_number_length(std::string_view text, std::size_t at, bool commas, std::string* digits);

/// Is every comma of the text one between the thousands of a single number?
bool commas_group_thousands(std::string_view text);

}  // namespace detail
}  // namespace grove::math
