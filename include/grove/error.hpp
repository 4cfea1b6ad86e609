// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace grove {

/// The one exception of the library: what is wrong, where, what was expected and what to do about it.
/// `what()` is one line: "WHERE: WHAT; expected EXPECTED; FIX" with the empty parts left out.
struct Error : std::runtime_error {
  Error(std::string where_, std::string what_, std::string expected_ = {}, std::string fix_ = {})
      : std::runtime_error(compose(where_, what_, expected_, fix_)),
        where(std::move(where_)),
        problem(std::move(what_)),
        expected(std::move(expected_)),
        fix(std::move(fix_)) {}

  std::string where;     ///< file, key, line or function
  std::string problem;   ///< what is wrong
  std::string expected;  ///< what would have been right
  std::string fix;       ///< what the user can do

 private:
  static std::string compose(std::string const& where, std::string const& what, std::string const& expected,
                             std::string const& fix) {
    std::string line = where + ": " + what;
    if (!expected.empty()) line += "; expected " + expected;
    if (!fix.empty()) line += "; " + fix;
    return line;
  }
};

}  // namespace grove
