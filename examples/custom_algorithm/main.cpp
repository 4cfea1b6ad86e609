// SPDX-License-Identifier: Apache-2.0
// An estimator and a term of the loss of one's own, put together as an algorithm, and the whole open_rs command line
// with it (two passes over each batch, since the term is 0 in the first update):
//   ./examples/run custom_algorithm train --model DIR --data FILE.jsonl --set reward_funcs=format,exact_answer
//     --set num_iterations=2
#include "my_algorithm.hpp"
#include "open_rs/open_rs.hpp"

int main(int argc, char** argv) { return open_rs::main<MyAlgorithm>(argc, argv); }
