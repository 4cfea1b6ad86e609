// SPDX-License-Identifier: Apache-2.0
#include "grove/data/evaluation_set.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "grove/data/gold_column.hpp"
#include "grove/data/rows.hpp"
#include "grove/error.hpp"

namespace grove::data {
namespace {

using io::Json;

constexpr std::string_view final_mark = "####";

std::string trimmed(std::string_view text) {
  auto const first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

/// Text of a string, a number, or a list of them; none for anything else and for what is empty.
std::optional<std::string> text_of(Json const* value) {
  if (value == nullptr) return std::nullopt;
  std::string text;
  if (value->is_string()) {
    text = trimmed(value->get<std::string>());
  } else if (value->is_number()) {
    text = value->dump();
  } else if (value->is_array()) {
    for (Json const& entry : *value) {
      std::optional<std::string> const part = entry.is_array() ? std::nullopt : text_of(&entry);
      if (!part) return std::nullopt;
      text += (text.empty() ? "" : ", ") + *part;
    }
  }
  return text.empty() ? std::nullopt : std::optional(text);
}

Json const* find(Row const& row, std::string const& column) {
  auto const at = row.json.find(column);
  return at == row.json.end() || at->is_null() ? nullptr : &*at;
}

std::optional<std::string> text_of(Row const& row, std::string const& column) { return text_of(find(row, column)); }

bool is_number(std::string const& text) {
  return !text.empty() && text.find_first_of("0123456789") != text.npos &&
         text.find_first_not_of("0123456789+-.,eE") == text.npos && text.find(", ") == text.npos;
}

bool has_box(std::string const& text) { return text.find("\\boxed") != text.npos || text.find("\\fbox") != text.npos; }

std::string as_latex(std::string const& text) {
  for (std::string_view const mark : {"$", "\\[", "\\(", "\\boxed", "\\fbox"})
    if (text.find(mark) != text.npos) return text;
  return "$" + text + "$";
}

/// GSM8K: the number behind the mark, without commas between thousands.
std::string behind_mark(std::string const& text) {
  std::string number = trimmed(std::string_view(text).substr(text.rfind(final_mark) + final_mark.size()));
  std::erase(number, ',');
  return number;
}

std::string columns_of(Row const& row) {
  std::string list;
  for (auto const& member : row.json.items()) list += (list.empty() ? "" : ", ") + member.key();
  return list;
}

/// Where the gold stands and what makes a gold of it.
struct GoldRule {
  std::string column{};
  GoldForm form = GoldForm::Latex;
  std::function<std::string(std::string const&)> read{};
};

std::string unchanged(std::string const& text) { return text; }

GoldRule rule_for(std::string const& column, std::span<Row const> rows) {
  auto const all = [&](auto const& holds) {
    return std::ranges::all_of(rows, [&](Row const& row) {
      auto const text = text_of(row, column);
      return text && holds(*text);
    });
  };
  if (all([](std::string const& text) { return text.find(final_mark) != text.npos; }))
    return {column, GoldForm::Expression, behind_mark};
  if (all(is_number)) return {column, GoldForm::Expression, unchanged};
  if (all(has_box)) return {column, GoldForm::Latex, unchanged};
  return {column, GoldForm::Latex, as_latex};
}

bool some_row_has(std::span<Row const> rows, std::string const& column) {
  return std::ranges::any_of(rows, [&](Row const& row) { return find(row, column) != nullptr; });
}

GoldRule choose_gold(std::string const& file, std::span<Row const> rows, std::string const& asked) {
  if (!asked.empty()) return rule_for(asked, rows);
  if (some_row_has(rows, "final_answer")) return {"final_answer", GoldForm::Latex, as_latex};
  bool const answers = some_row_has(rows, "answer"), solutions = some_row_has(rows, "solution");
  GoldRule answer = rule_for("answer", rows), solution = rule_for("solution", rows);
  bool const boxes = solutions && std::ranges::all_of(rows, [](Row const& row) {
                       auto const text = text_of(row, "solution");
                       return text && has_box(*text);
                     });
  if (answers && answer.form == GoldForm::Expression) return answer;
  if (boxes) return solution;
  if (answers) return answer;
  if (solutions) return {"solution", GoldForm::Latex, unchanged};
  throw Error(file, "has no gold answers; its columns are: " + columns_of(rows.front()),
              "a column answer, solution or final_answer", "name another with --gold-column");
}

std::string choose_problem(std::string const& file, std::span<Row const> rows, std::string const& asked) {
  if (!asked.empty()) return asked;
  for (char const* const column : {"problem", "question", "prompt"})
    if (some_row_has(rows, column)) return column;
  throw Error(file, "has no problems; its columns are: " + columns_of(rows.front()),
              "a column problem, question or prompt", "name another with --problem-column");
}

/// The text of that id; empty where the row has none.
std::string id_in(Row const& row, char const* column) {
  Json const* const id = find(row, column);
  if (id == nullptr) return {};
  if (id->is_string()) return id->get<std::string>();
  if (id->is_number_integer()) return id->dump();
  throw Error(row.where, std::string(column) + " is " + io::excerpt(*id), "an integer or a string");
}

EvaluationProblem named(Row const& row, std::size_t number) {
  EvaluationProblem problem{.id = id_in(row, "id"), .unique_id = id_in(row, "unique_id"), .number = number};
  if (problem.id.empty()) problem.id = problem.unique_id.empty() ? std::to_string(number) : problem.unique_id;
  return problem;
}

[[noreturn]] void refuse(Row const& row, std::string const& column, char const* what, char const* option) {
  Json const* const value = find(row, column);
  if (value == nullptr)
    throw Error(row.where,
                "has no " + std::string(what) + " in the column " + io::excerpt(Json(column)) +
                    "; its columns are: " + columns_of(row),
                "one in every row", std::string("name another column with ") + option);
  throw Error(row.where, column + " is " + io::excerpt(*value), "a " + std::string(what) + " that is not empty",
              std::string("name another column with ") + option);
}

}  // namespace

EvaluationSet load_evaluation_set(std::filesystem::path const& file, EvaluationColumns const& columns) {
  std::vector<Row> const rows = read_rows(file);
  EvaluationSet set{.file = file.string()};
  set.problem_column = choose_problem(set.file, rows, columns.problem);
  GoldRule const rule = choose_gold(set.file, rows, columns.gold);
  set.gold_column = rule.column;
  set.form = rule.form;
  std::map<std::string, std::string> first;
  std::vector<std::string> golds;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Row const& row = rows[i];
    EvaluationProblem problem = named(row, i);
    auto const [other, is_new] = first.emplace(problem.id, row.where);
    if (!is_new)
      throw Error(row.where, "the id " + problem.id + " stands at " + other->second + " already", "each id once");
    Json const* const text = find(row, set.problem_column);
    if (text == nullptr || !text->is_string() || trimmed(text->get<std::string>()).empty())
      refuse(row, set.problem_column, "problem", "--problem-column");
    problem.problem = text->get<std::string>();
    auto const gold = text_of(row, set.gold_column);
    if (!gold) refuse(row, set.gold_column, "gold answer", "--gold-column");
    golds.push_back(*gold);
    problem.gold = rule.read(*gold);
    if (problem.gold.empty()) refuse(row, set.gold_column, "gold answer", "--gold-column");
    auto const alone = rule.column == "solution" ? text_of(row, "answer") : std::nullopt;
    problem.gold_answer = alone ? *alone : problem.gold;
    set.problems.push_back(std::move(problem));
  }
  if (auto const wrong = columns.sentences ? std::nullopt : why_no_mathematics(golds))
    throw Error(set.file, "in column " + set.gold_column + " " + *wrong, "answers",
                "name the column of the gold answer with --gold-column");
  return set;
}

}  // namespace grove::data
