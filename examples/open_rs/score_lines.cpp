// SPDX-License-Identifier: Apache-2.0
#include "open_rs/score_lines.hpp"

#include <limits>
#include <utility>

#include "grove/error.hpp"
#include "open_rs/lines.hpp"

namespace open_rs {
namespace {

using grove::io::Json;
using grove::io::JsonFields;

/// More than any model's context; a number beyond is a mistake in the line.
constexpr std::size_t most_tokens = 10'000'000;

std::vector<grove::TokenId> ids_in(JsonFields const& fields, Json const& list) {
  std::vector<grove::TokenId> ids;
  for (auto const& id : list) {
    if (!id.is_number_unsigned() || id > Json(std::numeric_limits<grove::TokenId>::max()))
      fields.refuse("tokens", "a number of tokens or a list of token ids");
    ids.push_back(id.get<grove::TokenId>());
  }
  return ids;
}

std::vector<grove::TokenId> tokens_of(JsonFields const& fields, std::string const& completion, LineNeeds const& needs) {
  auto const* given = fields.find("tokens");
  if (given != nullptr && given->is_array()) return ids_in(fields, *given);
  if (given != nullptr && (!given->is_number_unsigned() || *given > Json(most_tokens)))
    fields.refuse("tokens", "a number of tokens up to " + std::to_string(most_tokens) + " or a list of token ids");
  bool const number_is_enough = needs.tokens != TokensRead::Ids;
  if (given != nullptr && number_is_enough) return std::vector<grove::TokenId>(given->get<std::size_t>());
  if (needs.tokenizer) return needs.tokenizer->encode(completion);
  if (needs.tokens == TokensRead::None) return {};
  throw grove::Error(fields.where(),
                     "the reward " + needs.reward + (number_is_enough ? " counts" : " compares") + " tokens",
                     number_is_enough ? "\"tokens\": their number" : "\"tokens\": a list of their ids",
                     "or give --model DIR to tokenise completions");
}

}  // namespace

void LineNeeds::take(std::string const& name, TokensRead read) {
  if (read <= tokens) return;
  tokens = read;
  reward = name;
  keep_tokens = true;
}

Judged read_scored_line(std::string const& text, std::size_t number, LineNeeds const& needs) {
  auto const line = parse_line(text, number);
  if (!line.json) throw grove::Error(line.where(), "not a JSON object", "{\"gold\": \"...\", \"completion\": \"...\"}");
  JsonFields const fields(*line.json, line.where());
  Judged judged;
  judged.problem.id = number - 1;
  auto const* gold = fields.find("gold");
  if (gold == nullptr || !(gold->is_string() || gold->is_number())) fields.refuse("gold", "a text or a number");
  judged.problem.gold = gold->is_string() ? gold->get<std::string>() : gold->dump();
  judged.completion.text = fields.required<std::string>("completion");
  if (auto const* group = fields.find("group")) judged.group = group->dump();
  if (needs.keep_columns) {
    judged.problem.prompt = fields.value_or<std::string>("prompt", "");
    for (auto const& [name, value] : line.json->items())
      if (name != "gold" && name != "completion")
        judged.problem.columns.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  if (needs.keep_tokens) judged.completion.tokens = tokens_of(fields, judged.completion.text, needs);
  return judged;
}

void JudgedLines::add(Judged line) {
  auto const id = groups.try_emplace(line.group, static_cast<std::uint32_t>(groups.size())).first->second;
  episodes.add(line.completion.tokens.size(), id, false);
  lines.push_back(std::move(line));
}

}  // namespace open_rs
