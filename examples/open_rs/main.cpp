// SPDX-License-Identifier: Apache-2.0
#include "open_rs/open_rs.hpp"

int main(int argc, char** argv) { return open_rs::main(argc, argv); }
