// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace grove::data {

/// How a gold answer is written: as LaTeX or prose that holds it in LaTeX (MATH-500, Minerva, OlympiadBench), or as a
/// plain number or expression (AIME, AMC, GSM8K).
enum class GoldForm : std::uint8_t { Latex, Expression };

struct EvaluationProblem {
  std::string id{};         ///< the row's `id` or `unique_id` as text, else its number from 0
  std::string unique_id{};  ///< the row's `unique_id`, empty where it has none
  std::size_t number = 0;   ///< of the row, from 0
  std::string problem{};
  std::string gold{};         ///< in the form of the set
  std::string gold_answer{};  ///< the answer alone where a column has it, else `gold`
};

struct EvaluationSet {
  std::string file{};  ///< as it was named
  std::string problem_column{}, gold_column{};
  GoldForm form = GoldForm::Latex;
  std::vector<EvaluationProblem> problems{};
};

/// Columns of one's own; empty: found in the file.
struct EvaluationColumns {
  std::string problem{}, gold{};
  bool sentences = false;  ///< gold answers may be prose or labels and need not be mathematics
};

/// Reads a test set as published: the problem from `problem`, `question` or `prompt`; the gold answer from
/// `final_answer` (OlympiadBench), from what follows "####" in `answer` (GSM8K), from `answer` where it is a number in
/// every row (AIME, AMC), from `solution` where every row's has a box (MATH-500, Minerva), from `answer`, from
/// `solution`, whichever comes first. Throws Error for a file that has none of these, a row that lacks its column or
/// whose gold is empty, an id given twice, and a gold
/// column that cannot be one (gold_column.hpp).
EvaluationSet load_evaluation_set(std::filesystem::path const& file, EvaluationColumns const& columns = {});

}  // namespace grove::data
