// SPDX-License-Identifier: Apache-2.0
#include "open_rs/open_rs.hpp"

#include <iostream>

#include "grove/error.hpp"
#include "grove/version.hpp"

namespace open_rs {

template std::filesystem::path run_training(grove::Grpo, TrainFlags const&, Recipe const&,
                                            std::vector<ExtraReward> const&);
template std::filesystem::path run_training(grove::GrpoTokenMean, TrainFlags const&, Recipe const&,
                                            std::vector<ExtraReward> const&);

int print_version() {
  std::cout << "grove " << grove::version << ", CPU build\n";
  return 0;
}

int print_help(std::string const& name) {
  if (name != "--help" && name != "-h" && name != "help")
    throw grove::Error("open_rs", "unknown command '" + name + "'", "tokenize, detokenize, logprobs, generate or train",
                       "see open_rs --help");
  std::cout << "usage: open_rs COMMAND [options]        (open_rs COMMAND --help lists the options)\n\n"
               "  tokenize     text on stdin -> token ids\n"
               "  detokenize   token ids on stdin -> text\n"
               "  logprobs     token ids on stdin -> log-probs\n"
               "  generate     prompts or conversations on stdin -> completions\n"
               "  train        GRPO with a recipe of open-rs on problems of a file\n"
               "  --version    which build this is\n\n"
               "stdin and stdout are JSON lines in the same order; everything else goes to stderr.\n";
  return 0;
}

}  // namespace open_rs
