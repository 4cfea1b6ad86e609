// SPDX-License-Identifier: Apache-2.0
// An estimator, a term of the loss and a ratio of one's own, put together as an algorithm, and the whole open_rs
// command line with it:
//   ./examples/run custom_algorithm train --model DIR --data FILE.jsonl --set reward_funcs=format,exact_answer
#include "my_algorithm.hpp"
#include "open_rs/open_rs.hpp"

int main(int argc, char** argv) { return open_rs::main<MyAlgorithm>(argc, argv); }
