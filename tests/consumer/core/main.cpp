// SPDX-License-Identifier: Apache-2.0
#include <grove/error.hpp>
#include <grove/version.hpp>
#include <iostream>

int main() {
  try {
    throw grove::Error("consumer", "nothing is wrong");
  } catch (grove::Error const& error) {
    std::cout << "grove " << grove::version << ": " << error.what() << '\n';
  }
}
