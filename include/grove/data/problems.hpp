// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "grove/io/json.hpp"
#include "grove/problem.hpp"

namespace grove::data {

/// Which columns of a data set are the problem and the gold answer. Empty means: the first there is of `problem`,
/// `question`, `prompt` (text) and `messages`; and of `solution`, `answer` and `final_answer`.
struct ProblemColumns {
  std::string problem{};
  std::string gold{};
  bool need_gold = true;  ///< false: a line without gold is fine (its gold is then empty)
};

/// The problem of one data line. Its text goes to `prompt`, a conversation (list of {"role", "content"}) to `messages`.
/// A gold may be a string, a number (its JSON text) or a list of them (joined by ", "). An integer `id` is kept,
/// otherwise it is `default_id`. All other columns follow in `columns`, strings as they are, anything else as JSON
/// text.
Problem problem_of(io::Json const& json, std::string const& where, ProblemColumns const& columns,
                   std::uint64_t default_id);

/// Reads a file of JSON lines or a JSON array, or a folder of such shards (see rows.hpp); blank lines are skipped.
/// Without `id`s, problems are numbered from 0 in order. Errors name "FILE:N": no object, a missing column, a gold that
/// is none, an id given twice or only sometimes, no problem at all.
std::vector<Problem> load_problems(std::string const& path, ProblemColumns const& columns = {});

}  // namespace grove::data
