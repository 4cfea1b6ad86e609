// SPDX-License-Identifier: Apache-2.0
// open_rs generate: prompts or conversations in, completions out, each a function of (id, prompt, seed, index) alone.
#include <unistd.h>

#include <iostream>
#include <optional>
#include <utility>

#include "grove/error.hpp"
#include "grove/rollout/group_sampler.hpp"
#include "open_rs/chat.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/decided.hpp"
#include "open_rs/lines.hpp"

namespace open_rs {
namespace {

namespace cpu = grove::nn::cpu;

struct GenerateFlags {
  ModelFlags model{};
  cpu::SamplingOptions sampling{};
  std::uint32_t samples = 1;
  std::size_t max_tokens = 512;
  std::uint64_t seed = 0;
  std::vector<std::string> stop{};
  bool chat = false;
  std::string system{};
  bool stop_decided = false;
  std::vector<std::string> settings{};
};

struct Prompt {
  std::uint64_t id = 0;
  std::vector<grove::TokenId> tokens{};
  std::string answer{};  // where it decides
};

void add_options(Command& command, GenerateFlags& flags) {
  flags.model.add_to(command.options());
  flags.model.add_cache_to(command.options());
  command.options().add_options()  //
      ("temperature", po::value(&flags.sampling.temperature)->default_value(1)->value_name("T"),
       "0: greedy, with log-probs at T = 1")  //
      ("top-p", po::value(&flags.sampling.top_p)->default_value(1)->value_name("P"),
       "keep the most probable tokens up to this mass")  //
      ("top-k", po::value(&flags.sampling.top_k)->default_value(0)->value_name("K"),
       "keep the K most probable tokens; 0: all")  //
      ("min-p", po::value(&flags.sampling.min_p)->default_value(0)->value_name("P"),
       "keep tokens of at least this share of the best")                                                       //
      (",n", po::value(&flags.samples)->default_value(1)->value_name("N"), "completions of each prompt")       //
      ("max-tokens", po::value(&flags.max_tokens)->default_value(512)->value_name("N"), "longest completion")  //
      ("seed", po::value(&flags.seed)->default_value(0)->value_name("S"), "of the random numbers")             //
      ("stop", po::value(&flags.stop)->composing()->value_name("TEXT"),
       "end a completion before this text; may be repeated")                                        //
      ("chat", po::bool_switch(&flags.chat), "talk with the model in this terminal, line by line")  //
      ("system", po::value(&flags.system)->value_name("TEXT"), "first turn of a chat")              //
      ("stop-decided", po::bool_switch(&flags.stop_decided),
       "lines with an \"answer\", completions for curate's trivial stage: of each prompt no more than decide whether "
       "the stage keeps it, whatever the rest of the -n would be")  //
      ("set", po::value(&flags.settings)->composing()->value_name("KEY=VALUE"),
       "with --stop-decided: trivial.drop_from, trivial.drop_below and trivial.verifier, as for curate");
}

grove::Problem problem_of(Line const& line, grove::io::JsonFields const& fields) {
  grove::Problem problem;
  auto const* messages = fields.find("messages");
  if (messages != nullptr && fields.find("prompt") != nullptr)
    throw grove::Error(line.where(), "has both prompt and messages", "one of them");
  if (messages == nullptr) {
    problem.prompt = fields.required<std::string>("prompt");
    return problem;
  }
  if (!messages->is_array() || messages->empty()) fields.refuse("messages", "a list of {\"role\", \"content\"}");
  for (auto const& message : *messages) {
    grove::io::JsonFields const turn(message, line.where() + " messages");
    problem.messages.push_back({turn.required<std::string>("role"), turn.required<std::string>("content")});
  }
  return problem;
}

Prompt prompt_of(Line const& line, grove::PromptFormat const& format, std::size_t context, bool judged) {
  if (!line.json)
    throw grove::Error(line.where(), "not a JSON object", "{\"prompt\": \"...\"} or {\"messages\": [...]}");
  grove::io::JsonFields const fields(*line.json, line.where());
  Prompt prompt{.id = fields.value_or<std::size_t>("id", line.number - 1)};
  auto problem = problem_of(line, fields);
  problem.id = prompt.id;
  if (judged) prompt.answer = fields.required<std::string>("answer");
  try {
    prompt.tokens = format.tokens(problem);
  } catch (grove::Error const& e) {
    throw grove::Error(line.where(), e.what());
  }
  if (prompt.tokens.size() >= context)
    throw grove::Error(line.where(), "a prompt of " + std::to_string(prompt.tokens.size()) + " tokens",
                       "fewer than the model's context of " + std::to_string(context));
  return prompt;
}

void write(cpu::GeneratedCompletion const& generated) {
  auto const& c = generated.completion;
  std::cout << "{\"id\":" << generated.id << ",\"index\":" << generated.sample << ",\"text\":" << to_json(c.text)
            << ",\"ids\":" << to_json(c.tokens) << ",\"log_probs\":" << to_json(c.log_probs) << ",\"finish\":\""
            << (c.finish == grove::Finish::Stop ? "stop" : "length") << "\"}\n";
}

void check(GenerateFlags const& flags) {
  if (flags.samples == 0) throw grove::Error("-n", "0 completions", "at least 1");
  if (flags.max_tokens == 0) throw grove::Error("--max-tokens", "0 tokens", "at least 1");
  if (flags.chat && flags.samples != 1) throw grove::Error("-n", "several answers in a chat", "1");
  if (!flags.chat && !flags.system.empty())
    throw grove::Error("--system", "is for --chat", {}, "put a system turn into messages");
  if (!flags.stop_decided && !flags.settings.empty()) throw grove::Error("--set", "is for --stop-decided");
  if (flags.stop_decided && flags.samples < 2)
    throw grove::Error("--stop-decided", "1 completion of each prompt",
                       "several, of which some may not be needed: -n N");
  cpu::validate(flags.sampling);
}

/// Samples the prompts and writes a line for each completion.
void answer(grove::AnyCausalLm& policy, GenerateFlags const& flags, cpu::GenerationOptions options,
            std::optional<TrivialRule> const& rule, std::vector<Prompt> const& prompts) {
  std::vector<cpu::GenerationRequest> requests;
  for (auto const& prompt : prompts)
    requests.push_back({.id = prompt.id, .prompt = prompt.tokens, .samples = flags.samples});
  if (!rule) return policy.generate(requests, options, [](cpu::GeneratedCompletion&& generated) { write(generated); });
  std::vector<std::string> golds;
  for (auto const& prompt : prompts) golds.push_back(prompt.answer);
  DecidedGroups groups(*rule, std::move(golds), flags.samples, write);
  options.delivery = cpu::Delivery::AsFinished;
  options.early_end = &groups.early_end();
  policy.generate(requests, options, [&](cpu::GeneratedCompletion&& generated) { groups.take(std::move(generated)); });
  std::cerr << groups.decided() << " of " << prompts.size() << " prompts were decided early, " << groups.spared()
            << " of " << prompts.size() * flags.samples << " completions not needed\n";
}

}  // namespace

int generate(Arguments const& arguments) {
  GenerateFlags flags;
  Command command(
      "open_rs generate",
      "Lines {\"prompt\"} (taken as it is) or {\"messages\"} (through the chat template), with an optional \"id\", on "
      "stdin -> lines {\"id\",\"index\",\"text\",\"ids\",\"log_probs\",\"finish\"}.");
  add_options(command, flags);
  if (!command.parse(arguments)) return 0;
  check(flags);
  auto const rule = flags.stop_decided ? std::optional(TrivialRule::of(flags.settings)) : std::nullopt;
  auto policy = flags.model.load();
  auto const format = grove::PromptFormat::load(flags.model.folder);
  cpu::GenerationOptions const options{.sampling = flags.sampling,
                                       .max_tokens = flags.max_tokens,
                                       .stop_tokens = policy.config().eos_ids,
                                       .stop_strings = flags.stop,
                                       .text = grove::text_streams(format.tokenizer()),
                                       .key = {flags.seed, grove::Purpose::Sampling},
                                       .batch = flags.model.batch,
                                       .kv_cache_bytes = flags.model.kv_cache.count};
  if (flags.chat) {
    chat(policy, format,
         {.generation = options,
          .system = flags.system,
          .asks = isatty(STDIN_FILENO) != 0,
          .clean = isatty(STDOUT_FILENO) != 0},
         std::cin, std::cout, std::cerr);
    return 0;
  }
  for_each_batch<Prompt>(
      std::cin, 1024,
      [&](Line const& line) {
        return prompt_of(line, format, policy.config().max_position_embeddings, flags.stop_decided);
      },
      [&](std::vector<Prompt> const& prompts) {
        answer(policy, flags, options, rule, prompts);
        std::cout.flush();
      });
  return 0;
}

}  // namespace open_rs
