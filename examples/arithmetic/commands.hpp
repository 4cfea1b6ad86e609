// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "open_rs/command_line.hpp"

namespace arithmetic {

int train(open_rs::Arguments const& arguments);
int pretrain(open_rs::Arguments const& arguments);
int print_problems(open_rs::Arguments const& arguments);

}  // namespace arithmetic
