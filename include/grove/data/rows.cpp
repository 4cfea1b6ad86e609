// SPDX-License-Identifier: Apache-2.0
#include "grove/data/rows.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "grove/data/json_array.hpp"
#include "grove/data/jsonl.hpp"
#include "grove/data/parquet.hpp"
#include "grove/error.hpp"

namespace grove::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> text_kinds{".jsonl", ".json", ".ndjson"};

bool is_text(fs::path const& file) { return std::ranges::find(text_kinds, file.extension()) != text_kinds.end(); }
bool is_parquet(fs::path const& file) { return file.extension() == ".parquet"; }

/// A name of the form SPLIT-00000-of-00003.
struct ShardName {
  std::string split{};
  std::size_t number = 0, of = 0;
};

std::optional<ShardName> shard_name(fs::path const& file) {
  std::string const stem = file.stem().string();
  constexpr std::string_view between = "-of-";
  auto const of = stem.rfind(between);
  if (of == stem.npos || of == 0) return std::nullopt;
  auto const dash = stem.rfind('-', of - 1);
  if (dash == stem.npos) return std::nullopt;
  ShardName name{.split = stem.substr(0, dash)};
  auto const read = [&](std::size_t begin, std::size_t end, std::size_t& number) {
    auto const* const last = stem.data() + end;
    return begin < end && std::from_chars(stem.data() + begin, last, number).ptr == last;
  };
  bool const reads = read(dash + 1, of, name.number) && read(of + between.size(), stem.size(), name.of);
  return reads ? std::optional(name) : std::nullopt;
}

/// Shards of one split, all of them.
void check_shards(fs::path const& folder, std::vector<fs::path> const& files) {
  std::map<std::string, std::pair<std::size_t, std::size_t>> splits;  // shards there are and should be
  for (fs::path const& file : files)
    if (auto const name = shard_name(file)) {
      ++splits[name->split].first;
      splits[name->split].second = name->of;
    }
  if (splits.size() > 1) {
    std::string names;
    for (auto const& [split, counts] : splits) names += (names.empty() ? "" : ", ") + split;
    throw Error(folder.string(), "holds several splits: " + names, "one of them",
                "name it: " + (folder / splits.rbegin()->first).lexically_normal().string());
  }
  for (auto const& [split, counts] : splits)
    if (counts.first != counts.second)
      throw Error(
          folder.string(),
          "holds " + std::to_string(counts.first) + " of the " + std::to_string(counts.second) + " shards of " + split,
          "all of them");
}

/// The data files of a folder for which `holds`, sorted; Parquet where there is any.
template <class F>
std::vector<fs::path> files_in(fs::path const& folder, F const& holds) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (auto const& entry : fs::directory_iterator(folder, ignored))
    if ((is_parquet(entry.path()) || is_text(entry.path())) && holds(entry.path())) files.push_back(entry.path());
  if (std::ranges::any_of(files, is_parquet)) std::erase_if(files, is_text);
  std::ranges::sort(files);
  return files;
}

using Take = std::function<void(Row&&)>;

void take_lines(std::string const& path, Take const& take) {
  JsonlReader reader(path);
  while (std::optional<Line> line = reader.next()) {
    if (line->text.find_first_not_of(" \t") == line->text.npos) continue;
    if (!line->is_json()) throw Error(line->where, "is no JSON object", "one JSON object a line");
    take({std::move(line->where), std::move(line->json)});
  }
}

/// Whether the first character that is no blank opens an array.
bool is_array(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;  // reading it says why
  for (char letter = 0; file.get(letter);)
    if (std::string_view(" \t\r\n\xef\xbb\xbf").find(letter) == std::string_view::npos) return letter == '[';
  return false;
}

std::string first_line(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  std::getline(file, line);
  return line;
}

/// A .json file is an array of objects, or JSON lines under the other name.
void take_json(std::string const& path, Take const& take) {
  if (!is_array(path)) {
    if (auto const line = first_line(path); line == "{" || line == "{\r")
      throw Error(path, "is one object over several lines", "an array of objects, or one object a line");
    return take_lines(path, take);
  }
  std::ifstream file(path, std::ios::binary);
  for_each_element(file, path, [&](std::string&& where, io::Json&& row) { take({std::move(where), std::move(row)}); });
}

void take_file(fs::path const& path, Take const& take) {
  if (is_parquet(path))
    return read_parquet(path, [&](std::size_t number, io::Json&& row) {
      take({path.string() + ":row " + std::to_string(number), std::move(row)});
    });
  if (path.extension() == ".json") return take_json(path.string(), take);
  take_lines(path.string(), take);
}

}  // namespace

std::vector<fs::path> data_files(fs::path const& path) {
  auto const any = [](fs::path const&) { return true; };
  if (fs::is_directory(path)) {
    auto files = files_in(path, any);
    if (files.empty()) files = files_in(path / "data", any);
    if (files.empty()) throw Error(path.string(), "holds no data files", "files that end in .parquet, .jsonl or .json");
    check_shards(path, files);
    return files;
  }
  if (!fs::exists(path)) {
    fs::path const above = path.has_parent_path() ? path.parent_path() : ".";
    for (auto const& folder : {above, above / "data"}) {
      auto shards = files_in(folder, [&](fs::path const& file) {
        auto const name = shard_name(file);
        return name && name->split == path.filename().string();
      });
      if (shards.empty()) continue;
      check_shards(path, shards);
      return shards;
    }
  }
  return {path};
}

std::string data_name(fs::path const& path) {
  fs::path const whole = fs::absolute(path).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).stem().string();
}

void for_each_row(fs::path const& path, Take const& take) {
  bool any = false;
  for (auto const& file : data_files(path))
    take_file(file, [&](Row&& row) {
      any = true;
      take(std::move(row));
    });
  if (!any) throw Error(path.string(), "holds no problems", "one or more rows");
}

std::vector<Row> read_rows(fs::path const& path) {
  std::vector<Row> rows;
  for_each_row(path, [&](Row&& row) { rows.push_back(std::move(row)); });
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
