// SPDX-License-Identifier: Apache-2.0
// open_rs tokenize, detokenize, logprobs: text to ids and back, and the log-probs of given ids.
#include <algorithm>
#include <cmath>
#include <iostream>

#include "grove/error.hpp"
#include "grove/text/tokenizer.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/lines.hpp"

namespace open_rs {
namespace {

std::size_t vocabulary_of(grove::text::Tokenizer const& tokenizer) { return tokenizer.vocab_size(); }

}  // namespace

int tokenize(Arguments const& arguments) {
  std::filesystem::path folder;
  Command command("open_rs tokenize", "Lines {\"text\"} or plain text on stdin -> {\"ids\"}.");
  command.options().add_options()                                                                 //
      ("model", po::value(&folder)->required()->value_name("DIR"), "folder with tokenizer.json")  //
      ("add-special-tokens", po::bool_switch(), "add what the tokenizer's post-processor adds (BOS, say)");
  auto const values = command.parse(arguments);
  if (!values) return 0;
  auto const tokenizer = grove::text::Tokenizer::load(folder);
  grove::text::EncodeOptions const options{.add_special_tokens = (*values)["add-special-tokens"].as<bool>()};
  for_each_batch<std::string>(
      std::cin, 1,
      [](Line const& line) {
        return line.json ? grove::io::JsonFields(*line.json, line.where()).required<std::string>("text") : line.text;
      },
      [&](std::vector<std::string> const& texts) {
        for (auto const& text : texts) std::cout << "{\"ids\":" << to_json(tokenizer.encode(text, options)) << "}\n";
      });
  return 0;
}

int detokenize(Arguments const& arguments) {
  std::filesystem::path folder;
  Command command("open_rs detokenize", "Lines {\"ids\"} on stdin -> {\"text\"}; invalid bytes become U+FFFD.");
  command.options().add_options()                                                                 //
      ("model", po::value(&folder)->required()->value_name("DIR"), "folder with tokenizer.json")  //
      ("skip-special-tokens", po::bool_switch(), "leave special tokens out");
  auto const values = command.parse(arguments);
  if (!values) return 0;
  auto const tokenizer = grove::text::Tokenizer::load(folder);
  grove::text::DecodeOptions const options{.skip_special_tokens = (*values)["skip-special-tokens"].as<bool>()};
  using Ids = std::vector<grove::TokenId>;
  for_each_batch<Ids>(
      std::cin, 1, [&](Line const& line) { return ids_of(line, vocabulary_of(tokenizer), 0); },
      [&](std::vector<Ids> const& lines) {
        for (auto const& ids : lines) std::cout << "{\"text\":" << to_json(tokenizer.decode(ids, options)) << "}\n";
      });
  return 0;
}

int logprobs(Arguments const& arguments) {
  ModelFlags model;
  float temperature = 1;
  Command command(
      "open_rs logprobs",
      "Lines {\"ids\"} on stdin -> {\"log_probs\"}: of each token but the first, given those before it; natural "
      "logarithm of the untruncated softmax.");
  model.add_to(command.options());
  command.options().add_options()("temperature", po::value(&temperature)->default_value(1)->value_name("T"),
                                  "divides the logits");
  if (!command.parse(arguments)) return 0;
  if (!(temperature > 0)) throw grove::Error("--temperature", std::to_string(temperature), "a positive number");
  auto const policy = model.load();
  using Ids = std::vector<grove::TokenId>;
  for_each_batch<Ids>(
      std::cin, model.batch > 0 ? model.batch : 64,
      [&](Line const& line) {
        auto ids = ids_of(line, policy.config().vocab_size, 1);
        if (ids.size() > policy.config().max_position_embeddings)
          throw grove::Error(
              line.where(), std::to_string(ids.size()) + " tokens",
              "at most the model's context of " + std::to_string(policy.config().max_position_embeddings));
        return ids;
      },
      [&](std::vector<Ids> const& lines) {
        for (auto const& numbers : policy.log_probs(lines, temperature)) {
          if (!std::ranges::all_of(numbers, [](float x) { return std::isfinite(x); }))
            throw grove::Error(model.folder.string(), "the model gives log-probs that are not finite",
                               "finite weights");
          std::cout << "{\"log_probs\":" << to_json(numbers) << "}\n";
        }
      });
  return 0;
}

}  // namespace open_rs
