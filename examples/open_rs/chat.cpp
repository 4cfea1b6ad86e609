// SPDX-License-Identifier: Apache-2.0
#include "open_rs/chat.hpp"

#include <unistd.h>

#include <csignal>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/rollout/group_sampler.hpp"

namespace open_rs {
namespace {

namespace cpu = grove::nn::cpu;

// A signal handler can set nothing else.
volatile std::sig_atomic_t interrupted = 0;
volatile std::sig_atomic_t asking = 0;  // a line is waited for, whose beginning the terminal has dropped

void interrupt(int) {
  interrupted = 1;
  constexpr std::string_view again = "\n> ";
  if (asking != 0 && ::write(STDERR_FILENO, again.data(), again.size()) < 0) asking = 0;
}

/// Ctrl-C is the chat's while this lives.
class Interrupts {
 public:
  Interrupts() {
    struct sigaction action {};
    action.sa_handler = interrupt;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &action, &before_);
    interrupted = 0;
  }
  Interrupts(Interrupts const&) = delete;
  Interrupts& operator=(Interrupts const&) = delete;
  ~Interrupts() { ::sigaction(SIGINT, &before_, nullptr); }

 private:
  struct sigaction before_ {};
};

struct Interrupted {};

/// Text without characters that move a terminal's cursor or change its state.
std::string without_controls(std::string_view text) {
  std::string clean;
  for (char const letter : text) {
    auto const c = static_cast<unsigned char>(letter);
    if ((c >= 0x20 && c != 0x7f) || letter == '\n' || letter == '\t')
      clean += letter;
    else if (letter != '\r')
      clean += "\xef\xbf\xbd";
  }
  return clean;
}

class Chat {
 public:
  Chat(grove::AnyCausalLm& policy, grove::PromptFormat const& format, ChatOptions const& options, std::ostream& out,
       std::ostream& notes)
      : policy_(policy), format_(format), options_(options), out_(out), notes_(notes) {
    begin();
  }

  void begin() {
    conversation_.messages.clear();
    if (!options_.system.empty()) conversation_.messages.push_back({"system", options_.system});
  }

  /// Answers one turn. What the user may mend by another line is a note.
  void answer(std::string line) {
    conversation_.messages.push_back({"user", std::move(line)});
    said_.clear();
    interrupted = 0;
    bool taken = true;
    try {
      sample(format_.tokens(conversation_));
    } catch (Interrupted const&) {
      notes_ << "\n[stopped]";
    } catch (grove::Error const& error) {
      taken = false;
      notes_ << error.what();
    }
    out_ << '\n' << std::flush;
    notes_ << (taken ? "" : "\n") << std::flush;
    if (taken)
      conversation_.messages.push_back({"assistant", said_});
    else
      conversation_.messages.pop_back();
  }

 private:
  void sample(std::vector<grove::TokenId> const& prompt) {
    auto const context = policy_.config().max_position_embeddings;
    if (prompt.size() >= context)
      throw grove::Error("the conversation", std::to_string(prompt.size()) + " tokens",
                         "fewer than the model's context of " + std::to_string(context), "/new begins another");
    auto generation = options_.generation;
    generation.text = [this, streams = grove::text_streams(format_.tokenizer())] { return shown(streams()); };
    cpu::GenerationRequest const request{.id = turn_++, .prompt = prompt};
    bool whole = true;
    policy_.generate({&request, 1}, generation, [&](cpu::GeneratedCompletion&& generated) {
      said_ = std::move(generated.completion.text);  // cut before a stop string
      whole = generated.completion.finish == grove::Finish::Stop;
    });
    if (!whole) notes_ << "\n[the answer was cut; --max-tokens allows more]";
  }

  /// A stream that shows each piece as it comes.
  cpu::TextStream shown(cpu::TextStream stream) {
    auto const kept = std::make_shared<cpu::TextStream>(std::move(stream));
    return {.push =
                [this, kept](grove::TokenId id) {
                  if (interrupted != 0) throw Interrupted{};
                  return show(kept->push(id));
                },
            .finish = [this, kept] { return show(kept->finish()); }};
  }

  std::string show(std::string text) {
    if (text.empty()) return text;
    said_ += text;
    out_ << (options_.clean ? without_controls(text) : text) << std::flush;
    return text;
  }

  grove::AnyCausalLm& policy_;
  grove::PromptFormat const& format_;
  ChatOptions const& options_;
  std::ostream& out_;
  std::ostream& notes_;
  grove::Problem conversation_{};
  std::string said_;
  std::uint64_t turn_ = 0;
};

/// The next line; false at the end. Standard streams go on reading behind a signal.
bool read_line(std::istream& in, std::string& line, ChatOptions const& options, std::ostream& notes) {
  asking = options.asks ? 1 : 0;  // before the prompt: who has seen it may press Ctrl-C
  if (options.asks) notes << "> " << std::flush;
  bool const is_there = static_cast<bool>(std::getline(in, line));
  asking = 0;
  return is_there;
}

}  // namespace

void chat(grove::AnyCausalLm& policy, grove::PromptFormat const& format, ChatOptions const& options, std::istream& in,
          std::ostream& out, std::ostream& notes) {
  if (!format.has_template())
    throw grove::Error("--chat", "the model has no chat template",
                       "chat_template.jinja or a chat_template in tokenizer_config.json");
  Interrupts const interrupts;
  Chat talk(policy, format, options, out, notes);
  if (options.asks) notes << "/new begins another conversation, /exit or Ctrl-D ends, Ctrl-C stops an answer\n";
  std::string line;
  for (;;) {
    if (!read_line(in, line, options, notes) || line == "/exit") break;
    if (line.ends_with('\r')) line.pop_back();
    if (line == "/new") {
      talk.begin();
    } else if (line.find_first_not_of(" \t") != line.npos) {
      talk.answer(line);
    } else if (options.asks) {
      notes << '\n';
    }
    if (!out) break;
  }
  if (options.asks) notes << '\n';
}

}  // namespace open_rs
