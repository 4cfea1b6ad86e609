// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "grove/math/token.hpp"

namespace grove::math::detail {

/// The length of a word that Math-Verify's grammar takes for a function's name wherever it stands ("norm", "tr"), at
/// the beginning of some letters; 0 if there is none.
std::size_t grammar_word(std::string_view letters);

/// Commands that only the strict dialect knows; TokenKind::End: without meaning, skipped.
std::optional<Command> strict_command(std::string_view name);

/// A word outside of `\text` in the strict dialect: a function's name, a connective, a percent word, ...; its letters
/// multiply where it is none.
std::optional<Command> strict_name(std::string_view word);

/// Begin or end of a matrix, a determinant or cases; End: an environment to be looked through; Unknown: any other.
TokenKind matrix_environment(std::string_view name, bool begins, bool strict);

/// Is it the name of a unit of measure, of money or of something that is counted?
bool is_unit(std::string_view word);

/// What a word behind a number multiplies it by: 1000 for "thousand", 0 for a word that is none of these.
std::int64_t magnitude(std::string_view word);

/// Do words behind a number (in lower case) say something else than what it counts: "or six", "and a half", "is wrong"?
bool says_more(std::string_view words);

/// "percent" and the like.
bool is_percent_word(std::string_view word);

}  // namespace grove::math::detail
