// SPDX-License-Identifier: Apache-2.0
// The stages of open_rs curate: each keeps some rows of a pool and can say why it let the others go.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "grove/data/rows.hpp"

namespace open_rs {

/// A row of the pool with the id it keeps through all stages.
struct PoolRow {
  std::string id{};        ///< as text
  grove::io::Json name{};  ///< the same as the data have it: an integer, or a string
  std::size_t file = 0;    ///< its number among the data files
  grove::data::Row row{};  ///< with the columns that stages look at

  /// A column as text; empty where there is none.
  std::string text(std::string const& column) const;
  /// That column, or where none is named the first there is of problem, question and prompt.
  std::string problem(std::string const& column) const;
};

/// The rows of the data files as one pool, one by one and whole. Ids are those of the rows, else running numbers from
/// 0; where two files share one, the file's name is put before it.
void for_each_pool_row(std::vector<std::string> const& files, std::function<void(PoolRow&&)> const& take);

/// What stages need besides the rows.
struct StageInputs {
  std::vector<std::string> data{}, completions{}, judge_completions{}, against{};
  std::map<std::string, std::string> settings{};  ///< "stage.key", all of them with their defaults

  std::string const& of(std::string const& key) const { return settings.at(key); }
  double number(std::string const& key) const;
  std::size_t count(std::string const& key) const;
  std::string problem_of(PoolRow const& row) const { return row.problem(of("data.problem")); }
  std::string gold_of(PoolRow const& row) const;
};

/// A problem's text as dedup compares it: in lower case, without blanks beside signs, dollars, quotes and the
/// punctuation of sentences. Signs of mathematics stay, so that x+1 and x-1 are two problems.
std::string dedup_key(std::string const& text);

/// A row with what these stages look at: some of its columns, and of a solution that is not one of them whether it has
/// a box.
PoolRow narrowed(PoolRow&& row, std::vector<std::string> const& stages, StageInputs const& inputs);

/// Names of the stages in the paper's order, and every key with its default; those of "data" are of all stages.
std::vector<std::string> const& stage_names();
std::map<std::string, std::string> const& stage_defaults();

/// The files beside the data on which a stage depends.
std::vector<std::string> files_of(std::string const& stage, StageInputs const& inputs);

/// Places in `pool` that the stage keeps, of those in `kept`. Throws grove::Error for what the stage lacks.
std::vector<std::size_t> run_stage(std::string const& stage, std::vector<PoolRow> const& pool,
                                   std::vector<std::size_t> const& kept, StageInputs const& inputs);

}  // namespace open_rs
