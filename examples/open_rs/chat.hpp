// SPDX-License-Identifier: Apache-2.0
// open_rs generate --chat: a conversation in a terminal, or with lines from a pipe.
#pragma once

#include <cstddef>
#include <istream>
#include <ostream>
#include <string>

#include "grove/nn/cpu/generation_options.hpp"
#include "grove/policy/causal_lm.hpp"
#include "grove/rollout/prompt_format.hpp"

namespace open_rs {

struct ChatOptions {
  grove::nn::cpu::GenerationOptions generation{};  ///< its text streams are the chat's own
  std::string system{};                            ///< first turn; empty: none
  bool asks = false;                               ///< prints a mark where a line is wanted
  bool clean = false;                              ///< control characters of an answer are not for this terminal
};

/// Each line of `in` is a turn, each answer goes to `out` as it is sampled; the model sees the whole conversation.
/// "/new" forgets it, "/exit" and the end of `in` end. Ctrl-C (SIGINT) ends the answer, whose beginning stays in the
/// conversation, or drops the line that is being typed. Notes go to `notes`.
void chat(grove::AnyCausalLm& policy, grove::PromptFormat const& format, ChatOptions const& options, std::istream& in,
          std::ostream& out, std::ostream& notes);

}  // namespace open_rs
