// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "grove/text/jinja/value.hpp"

/// Python's operators. Where Python raises, these fail; integers of more than 64 bits fail as well.
namespace grove::text::jinja {

enum class Arithmetic : std::uint8_t { add, subtract, multiply, divide, floor_divide, modulo, power };
enum class Relation : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };

Value arithmetic(Runtime& runtime, Arithmetic operation, Value const& left, Value const& right);
Value negated(Runtime& runtime, Value const& operand);
Value positive(Runtime& runtime, Value const& operand);

bool equals(Runtime& runtime, Value const& left, Value const& right);
/// `left < right`.
bool less(Runtime& runtime, Value const& left, Value const& right);
/// `item in container`.
bool contains(Runtime& runtime, Value const& container, Value const& item);
bool compare(Runtime& runtime, Relation relation, Value const& left, Value const& right);

/// `object[start:stop:step]`, each none where it is left out.
Value slice(Runtime& runtime, Value const& object, Value const& start, Value const& stop, Value const& step);

/// An integer as Python's indices take it; fails for what is none.
std::int64_t as_index(Runtime& runtime, Value const& value, std::string_view what);

/// Fails with the message of an undefined value if it is one.
void require_defined(Runtime& runtime, Value const& value);

/// Where `needle` first occurs in `text` from `from` on, in linear time; npos if it does not.
std::size_t find_text(std::string_view text, std::string_view needle, std::size_t from = 0);

}  // namespace grove::text::jinja
