// SPDX-License-Identifier: Apache-2.0
#include "grove/data/rows.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "grove/data/jsonl.hpp"
#include "grove/error.hpp"

namespace grove::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> kinds{".jsonl", ".json", ".ndjson"};

void append_lines(std::string const& path, std::vector<Row>& rows) {
  JsonlReader reader(path);
  while (std::optional<Line> line = reader.next()) {
    if (line->text.find_first_not_of(" \t") == line->text.npos) continue;
    if (!line->is_json()) throw Error(line->where, "is no JSON object", "one JSON object a line");
    rows.push_back({std::move(line->where), std::move(line->json)});
  }
}

/// A .json file is an array of objects, or JSON lines under the other name.
void append_json(std::string const& path, std::vector<Row>& rows) {
  std::string const text = io::read_text_file(path);
  auto const first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == text.npos || text[first] != '[') return append_lines(path, rows);
  io::Json array = io::parse_json(text, path);
  std::size_t number = 0;
  for (io::Json& row : array) {
    std::string where = path + ":row " + std::to_string(number++);
    if (!row.is_object()) throw Error(where, "is " + io::excerpt(row), "an object");
    rows.push_back({std::move(where), std::move(row)});
  }
}

void append(fs::path const& path, std::vector<Row>& rows) {
  auto const kind = path.extension().string();
  if (kind == ".json") return append_json(path.string(), rows);
  append_lines(path.string(), rows);
}

}  // namespace

std::vector<Row> read_rows(fs::path const& path) {
  std::vector<Row> rows;
  if (!fs::is_directory(path)) {
    append(path, rows);
  } else {
    std::vector<fs::path> shards;
    for (auto const& entry : fs::directory_iterator(path))
      if (std::ranges::find(kinds, entry.path().extension().string()) != kinds.end()) shards.push_back(entry.path());
    std::ranges::sort(shards);
    if (shards.empty()) throw Error(path.string(), "holds no data files", "files that end in .jsonl or .json");
    for (auto const& shard : shards) append(shard, rows);
  }
  if (rows.empty()) throw Error(path.string(), "holds no problems", "one JSON object a line");
  return rows;
}

std::string nearest(std::string_view word, std::vector<std::string> const& known) {
  std::string best;
  std::size_t fewest = 0;
  for (std::string const& candidate : known) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (char const letter : word) {
      std::size_t diagonal = row[0]++;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        std::size_t const replaced = diagonal + (letter != candidate[j] ? 1 : 0);
        diagonal = row[j + 1];
        row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
      }
    }
    if (best.empty() || row.back() < fewest) {
      best = candidate;
      fewest = row.back();
    }
  }
  return best;
}

}  // namespace grove::data
