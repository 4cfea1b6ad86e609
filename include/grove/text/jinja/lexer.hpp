// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "grove/text/jinja/runtime.hpp"

namespace grove::text::jinja {

enum class TokenKind : std::uint8_t {
  data,
  variable_begin,
  variable_end,
  block_begin,
  block_end,
  name,
  text,
  integer,
  real,
  symbol,
  end
};

struct Token {
  TokenKind kind;
  int line;
  std::string value;  ///< the data, the name, the text unescaped, the digits, the operator
};

/// Splits a template as jinja2 does with trim_blocks and lstrip_blocks: comments are gone, `raw` blocks are data, white
/// space is stripped where `-`, `+` and the two options say so. Ends with an `end` token.
std::vector<Token> tokenize(Runtime& runtime, std::string_view source);

}  // namespace grove::text::jinja
