// SPDX-License-Identifier: Apache-2.0
// A command called as a function, with its input given and what it prints kept.
#pragma once

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "grove/io/json.hpp"

namespace test {

struct Captured {
  int code = 0;
  std::string out{}, error{};

  grove::io::Json json() const { return grove::io::Json::parse(out); }
  std::vector<grove::io::Json> lines() const {
    std::vector<grove::io::Json> parsed;
    std::istringstream in(out);
    for (std::string line; std::getline(in, line);) parsed.push_back(grove::io::Json::parse(line));
    return parsed;
  }
  bool says(std::string const& text) const { return error.find(text) != std::string::npos; }
};

/// Calls `command`, which returns an exit code, with std::cin, std::cout and std::cerr redirected.
template <class F>
Captured captured(std::string const& input, F const& command) {
  std::istringstream in(input);
  std::ostringstream out, error;
  auto* const old_in = std::cin.rdbuf(in.rdbuf());
  auto* const old_out = std::cout.rdbuf(out.rdbuf());
  auto* const old_error = std::cerr.rdbuf(error.rdbuf());
  int const code = command();
  std::cin.rdbuf(old_in);
  std::cin.clear();
  std::cout.rdbuf(old_out);
  std::cerr.rdbuf(old_error);
  return {code, out.str(), error.str()};
}

}  // namespace test
