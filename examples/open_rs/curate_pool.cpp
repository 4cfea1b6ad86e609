// SPDX-License-Identifier: Apache-2.0
// The rows that open_rs curate works on.
#include <unordered_set>
#include <utility>

#include "grove/error.hpp"
#include "open_rs/curate_stages.hpp"

namespace open_rs {

using grove::Error;

std::string PoolRow::text(std::string const& column) const {
  auto const at = row.json.find(column);
  if (at == row.json.end() || at->is_null()) return "";
  return at->is_string() ? at->get<std::string>() : at->dump();
}

std::string PoolRow::problem(std::string const& column) const {
  for (std::string const& name :
       column.empty() ? std::vector<std::string>{"problem", "question", "prompt"} : std::vector<std::string>{column})
    if (std::string found = text(name); !found.empty()) return found;
  throw Error(row.where, "has no problem", column.empty() ? "a column problem, question or prompt" : column,
              "name another column with --set data.problem=NAME");
}

void for_each_pool_row(std::vector<std::string> const& files, std::function<void(PoolRow&&)> const& take) {
  std::unordered_set<std::string> ids;
  std::size_t number = 0;
  for (std::size_t f = 0; f < files.size(); ++f) {
    std::unordered_set<std::string> here;
    grove::data::for_each_row(files[f], [&](grove::data::Row&& row) {
      PoolRow entry{.id = std::to_string(number), .name = number, .file = f, .row = std::move(row)};
      ++number;
      for (char const* const column : {"unique_id", "id"})
        if (std::string const own = entry.text(column); !own.empty()) {
          entry.id = own;
          entry.name = entry.row.json[column];
        }
      bool const is_first = here.insert(entry.id).second;
      if (is_first && ids.contains(entry.id)) {
        entry.id = grove::data::data_name(files[f]) + "/" + entry.id;
        entry.name = entry.id;
      }
      if (!ids.insert(entry.id).second)
        throw Error(entry.row.where, "the id " + entry.id + " stands twice", "each once");
      take(std::move(entry));
    });
  }
}

}  // namespace open_rs
