// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <istream>
#include <string>

#include "grove/io/json.hpp"

namespace grove::data {

/// Bounds on one element of an array.
struct ElementLimits {
  std::size_t bytes = std::size_t{1} << 28;
  std::size_t depth = 255;
};

/// Hands over the elements of a JSON array one by one with "NAME:row N", N from 0, holding the text of one at a time.
/// As strict as io::parse_json; Error names `NAME:LINE:COLUMN` when it comes to what is wrong, and a row that is no
/// object.
void for_each_element(std::istream& in, std::string const& name,
                      std::function<void(std::string&& where, io::Json&&)> const& take, ElementLimits limits = {});

}  // namespace grove::data
