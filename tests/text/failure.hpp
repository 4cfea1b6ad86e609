// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "grove/error.hpp"

/// The line of the grove::Error that `f` throws; empty if it throws none.
template <typename F>
std::string failure(F&& f) {
  try {
    f();
  } catch (grove::Error const& error) {
    return error.what();
  }
  return {};
}
