// SPDX-License-Identifier: Apache-2.0
#include <grove/text/unicode.hpp>
#include <grove/version.hpp>
#include <iostream>

int main() {
  std::cout << "grove " << grove::version << '\n';
  return grove::text::nfc("e\u0301") == "\u00e9" ? 0 : 1;
}
