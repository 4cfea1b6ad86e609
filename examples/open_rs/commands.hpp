// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "open_rs/command_line.hpp"
#include "open_rs/rewards.hpp"

namespace open_rs {

int tokenize(Arguments const& arguments);
int detokenize(Arguments const& arguments);
int logprobs(Arguments const& arguments);
int generate(Arguments const& arguments);
int evaluate(Arguments const& arguments);
int report(Arguments const& arguments);
int curate(Arguments const& arguments);
int recipe(Arguments const& arguments);
int objective(Arguments const& arguments);
int verify(Arguments const& arguments);
int plan(Arguments const& arguments);
int score(Arguments const& arguments, std::vector<ExtraReward> const& extras);
int print_version();
int print_help(std::string const& name);

}  // namespace open_rs
