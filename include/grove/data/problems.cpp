// SPDX-License-Identifier: Apache-2.0
#include "grove/data/problems.hpp"

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "grove/data/rows.hpp"
#include "grove/error.hpp"

namespace grove::data {
namespace {

using io::Json;
using io::JsonFields;

constexpr std::array<std::string_view, 4> problem_candidates{"problem", "question", "prompt", "messages"};
constexpr std::array<std::string_view, 3> gold_candidates{"solution", "answer", "final_answer"};

std::string list_of_columns(JsonFields const& fields) {
  std::string list;
  for (auto const& member : fields.object().items()) list += (list.empty() ? "" : ", ") + member.key();
  return list;
}

/// The column to use: the one asked for, which must be there, or the first candidate that is; else empty.
std::string choose(JsonFields const& fields, std::string const& asked, std::span<const std::string_view> candidates,
                   std::string_view option) {
  if (!asked.empty()) {
    if (fields.find(asked) == nullptr)
      throw Error(fields.where(), "has no column " + io::excerpt(Json(asked)),
                  "the column that " + std::string(option) + " names; the line has: " + list_of_columns(fields));
    return asked;
  }
  for (std::string_view const candidate : candidates)
    if (fields.find(candidate) != nullptr) return std::string(candidate);
  return "";
}

[[noreturn]] void refuse_missing(JsonFields const& fields, char const* what, char const* expected,
                                 std::string_view option) {
  throw Error(fields.where(), std::string("has no ") + what + "; its columns are: " + list_of_columns(fields), expected,
              "name another column with " + std::string(option));
}

std::vector<Message> messages_of(JsonFields const& fields, std::string const& column) {
  std::vector<Message> messages;
  for (Json const& entry : *fields.find(column)) {
    JsonFields const turn(entry, fields.where() + ": column " + io::excerpt(Json(column)));
    for (auto const& member : entry.items())
      if (member.key() != "role" && member.key() != "content" && !member.value().is_null())
        throw Error(turn.where(), "a turn has the key " + io::excerpt(Json(member.key())), "only role and content");
    messages.push_back({turn.required<std::string>("role"), turn.required<std::string>("content")});
  }
  if (messages.empty()) fields.refuse(column, "at least one turn");
  if (messages.back().role == "assistant") fields.refuse(column, "a last turn that is not the assistant's own answer");
  return messages;
}

/// Text of a string or number; none for anything else.
std::optional<std::string> plain_text(Json const& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return value.dump();
  return std::nullopt;
}

std::string gold_of(JsonFields const& fields, std::string const& column) {
  char const* const expected = "a string, a number or a list of them; name another column with data.gold";
  Json const& value = *fields.find(column);
  std::string gold;
  if (value.is_array()) {
    for (Json const& entry : value) {
      std::optional<std::string> const text = plain_text(entry);
      if (!text) fields.refuse(column, expected);
      gold += (gold.empty() ? "" : ", ") + *text;
    }
  } else {
    std::optional<std::string> const text = plain_text(value);
    if (!text) fields.refuse(column, expected);
    gold = *text;
  }
  if (gold.find_first_not_of(" \t\r\n") == gold.npos) fields.refuse(column, "a gold answer that is not empty");
  return gold;
}

/// How a line names itself: none, or the text of its id.
std::optional<std::string> id_text(JsonFields const& fields) {
  Json const* const id = fields.find("id");
  if (id == nullptr) return std::nullopt;
  if (id->is_number_unsigned()) return id->dump();
  if (id->is_string()) return id->dump();
  fields.refuse("id", "an integer >= 0 or a string");
}

/// "line N" or "row N" of "FILE:N" and "FILE:row N".
std::string place_in(std::string const& where) {
  std::string const place = where.substr(where.rfind(':') + 1);
  return place.starts_with("row") ? place : "line " + place;
}

}  // namespace

Problem problem_of(Json const& json, std::string const& where, ProblemColumns const& columns,
                   std::uint64_t default_id) {
  JsonFields const fields(json, where);
  std::string const column = choose(fields, columns.problem, problem_candidates, "data.problem");
  if (column.empty()) refuse_missing(fields, "problem", "problem, question, prompt or messages", "data.problem");
  Json const& value = *fields.find(column);

  Problem problem;
  problem.id = default_id;
  if (value.is_string()) {
    problem.prompt = value.get<std::string>();
    if (problem.prompt.empty()) fields.refuse(column, "a problem that is not empty");
  } else if (value.is_array() && (column == "messages" || column == columns.problem)) {
    problem.messages = messages_of(fields, column);
  } else {
    fields.refuse(column, column == "messages" ? "a list of {\"role\", \"content\"}" : "a string");
  }

  std::string const gold = choose(fields, columns.gold, gold_candidates, "data.gold");
  if (gold.empty() && columns.need_gold)
    refuse_missing(fields, "gold", "solution, answer or final_answer", "data.gold");
  if (!gold.empty()) problem.gold = gold_of(fields, gold);
  if (!gold.empty() && gold == column)
    throw Error(where, "column " + io::excerpt(Json(gold)) + " is both problem and gold",
                "the gold in a column of its own", "name another column with data.gold");

  for (auto const& member : json.items()) {
    std::string const& name = member.key();
    bool const is_number_id = name == "id" && member.value().is_number_unsigned();
    if (is_number_id) problem.id = member.value().get<std::uint64_t>();
    if (name == column || name == gold || is_number_id) continue;
    problem.columns.emplace_back(
        name, member.value().is_string() ? member.value().get<std::string>() : member.value().dump());
  }
  return problem;
}

std::vector<Problem> load_problems(std::string const& path, ProblemColumns const& columns) {
  std::vector<Problem> problems;
  std::unordered_map<std::string, std::string> place_of_id;
  for_each_row(path, [&](Row const& row) {
    std::optional<std::string> const id = id_text(JsonFields(row.json, row.where));
    if (!problems.empty() && id.has_value() == place_of_id.empty())
      throw Error(row.where, id ? "has an id, unlike the lines before" : "has no id, unlike the lines before",
                  "an id in every line or in none");
    if (id) {
      auto const [first, is_new] = place_of_id.emplace(*id, place_in(row.where));
      if (!is_new) throw Error(row.where, "the id " + *id + " stands in " + first->second + " already", "each id once");
    }
    problems.push_back(problem_of(row.json, row.where, columns, problems.size()));
  });
  return problems;
}

}  // namespace grove::data
