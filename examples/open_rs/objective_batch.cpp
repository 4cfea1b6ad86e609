// SPDX-License-Identifier: Apache-2.0
#include "open_rs/objective_batch.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <span>

#include "grove/error.hpp"
#include "grove/solo.hpp"

namespace open_rs {

namespace {

using grove::Error;
using grove::io::Json;

/// Squares of numbers beyond it overflow.
constexpr double largest = 1e100;

/// Reads the columns of one line.
class Reader {
 public:
  Reader(Line const& line, ObjectiveBatch& batch) : fields_(*line.json, line.where()), batch_(batch) {}

  bool has(char const* key) const { return fields_.find(key) != nullptr; }

  Json const& list(char const* key, std::string const& expected) const {
    auto const* value = fields_.find(key);
    if (value == nullptr || !value->is_array()) fields_.refuse(key, expected);
    return *value;
  }

  bool flag(char const* key, std::size_t sequence, Json const& value) const {
    if (!value.is_boolean() && value != 0 && value != 1)
      throw Error(where(key, sequence), "holds " + grove::io::excerpt(value), "true or false, or 1 or 0");
    return value.is_boolean() ? value.get<bool>() : value == 1;
  }

  double number(char const* key, std::size_t sequence, Json const& value) const {
    if (!value.is_number() || std::abs(value.get<double>()) > largest)
      throw Error(where(key, sequence), "holds " + grove::io::excerpt(value), "numbers from -1e100 to 1e100");
    return value.get<double>();
  }

  /// A ragged column of one number a token; empty where the line does not have it.
  std::vector<double> tokens(char const* key) const {
    return tokens<double>(key, [&](std::size_t s, Json const& value) { return number(key, s, value); });
  }

  /// The same of what `read` makes of an entry.
  template <class T, class Read>
  std::vector<T> tokens(char const* key, Read const& read) const {
    std::vector<T> column;
    if (!has(key)) return column;
    auto const& rows = list(key, "one list of numbers a sequence");
    auto const& episodes = batch_.episodes;
    if (rows.size() != episodes.sequences())
      throw Error(fields_.where(), std::string(key) + " has " + std::to_string(rows.size()) + " lists",
                  std::to_string(episodes.sequences()) + ", one a sequence of log_probs");
    for (std::size_t s = 0; s < rows.size(); ++s) {
      if (!rows[s].is_array() || rows[s].size() != episodes.length(s))
        throw Error(where(key, s),
                    rows[s].is_array() ? "has " + std::to_string(rows[s].size()) + " numbers" : "is no list",
                    std::to_string(episodes.length(s)) + ", one a token of log_probs");
      for (auto const& value : rows[s]) column.push_back(read(s, value));
    }
    return column;
  }

  /// One entry a sequence.
  Json const& sequences(char const* key) const {
    auto const& values = list(key, "one entry a sequence");
    if (values.size() != batch_.episodes.sequences())
      throw Error(fields_.where(), std::string(key) + " has " + std::to_string(values.size()) + " entries",
                  std::to_string(batch_.episodes.sequences()) + ", one a sequence of log_probs");
    return values;
  }

  std::string where(char const* key, std::size_t sequence) const {
    return fields_.where() + ", " + key + "[" + std::to_string(sequence) + "]";
  }

 private:
  grove::io::JsonFields fields_;
  ObjectiveBatch& batch_;
};

/// Sequences, groups and truncation: the shape of the batch.
void read_episodes(Reader const& reader, ObjectiveBatch& batch) {
  auto const& rows = reader.list("log_probs", "one list of numbers a sequence");
  for (std::size_t s = 0; s < rows.size(); ++s) {
    if (!rows[s].is_array()) throw Error(reader.where("log_probs", s), "is no list", "the log-probs of a sequence");
    batch.episodes.add(rows[s].size(), static_cast<std::uint32_t>(s), false);
  }
  batch.has_groups = reader.has("groups");
  if (batch.has_groups) {
    std::map<std::string, std::uint32_t> ids;
    auto const& groups = reader.sequences("groups");
    for (std::size_t s = 0; s < groups.size(); ++s) {
      if (!groups[s].is_number_integer() && !groups[s].is_string())
        throw Error(reader.where("groups", s), "is " + grove::io::excerpt(groups[s]), "an integer or a name");
      batch.episodes.group[s] = ids.emplace(groups[s].dump(), static_cast<std::uint32_t>(ids.size())).first->second;
    }
  }
  batch.has_truncated = reader.has("truncated");
  if (batch.has_truncated) {
    auto const& truncated = reader.sequences("truncated");
    for (std::size_t s = 0; s < truncated.size(); ++s)
      batch.episodes.truncated[s] = reader.flag("truncated", s, truncated[s]);
  }
}

void read_rewards(Reader const& reader, ObjectiveBatch& batch, ObjectiveOptions const& options) {
  auto const& rows = reader.sequences("rewards");
  auto weights = options.reward_weights;
  std::size_t const n = rows.empty() ? weights.size() : (rows[0].is_array() ? rows[0].size() : 1);
  if (n == 0 && !rows.empty()) throw Error(reader.where("rewards", 0), "has 0 numbers", "one for each reward");
  if (weights.empty()) weights.assign(n, 1.0);
  if (weights.size() != n)
    throw Error("option reward_weights", "has " + std::to_string(weights.size()) + " numbers",
                std::to_string(n) + ", one for each reward of " + batch.where);
  std::vector<std::string> names;
  for (std::size_t r = 0; r < n; ++r) names.push_back("reward_" + std::to_string(r));
  batch.rewards = grove::RewardMatrix(names, weights, rows.size());
  for (std::size_t s = 0; s < rows.size(); ++s) {
    Json const row = rows[s].is_array() ? rows[s] : Json::array({rows[s]});
    if (row.size() != n)
      throw Error(reader.where("rewards", s), "has " + std::to_string(row.size()) + " numbers",
                  std::to_string(n) + ", as many as the first sequence");
    for (std::size_t r = 0; r < n; ++r)
      if (!row[r].is_null()) batch.rewards(r, s) = reader.number("rewards", s, row[r]);
  }
}

/// Greedy rewards come one a group, in the order in which groups first appear.
void read_greedy(Reader const& reader, ObjectiveBatch& batch) {
  if (!reader.has("greedy_rewards")) return;
  auto const& values = reader.list("greedy_rewards", "one number a group");
  std::uint32_t groups = 0;
  for (auto g : batch.episodes.group) groups = std::max(groups, g + 1);
  if (values.size() != groups)
    throw Error(
        batch.where, "greedy_rewards has " + std::to_string(values.size()) + " numbers",
        std::to_string(groups) + (batch.has_groups ? ", one a group" : ", one a sequence: there are no groups"));
  for (auto g : batch.episodes.group) batch.greedy_rewards.push_back(reader.number("greedy_rewards", g, values[g]));
}

void count_tokens(Reader const& reader, ObjectiveBatch& batch, ObjectiveOptions const& options) {
  batch.counts = reader.tokens<std::uint8_t>(
      "masks", [&](std::size_t s, Json const& value) { return reader.flag("masks", s, value) ? 1 : 0; });
  if (batch.counts.empty()) batch.counts.assign(batch.episodes.tokens(), 1);
  for (std::size_t t = 0; t < batch.counts.size(); ++t)
    if (!batch.counts[t]) batch.episodes.environment.push_back({t, t + 1});
  if (!options.mask_truncated_completions) return;
  if (!batch.has_truncated)
    throw Error(batch.where, "truncated is missing", "one flag a sequence, for mask_truncated_completions");
  for (std::size_t s = 0; s < batch.episodes.sequences(); ++s)
    if (batch.episodes.truncated[s])
      for (auto t = batch.episodes.cu_seqlens[s]; t < batch.episodes.cu_seqlens[s + 1]; ++t) batch.counts[t] = 0;
}

/// A column whose name is one of ours but for underscores and letter case would be left out in silence.
void refuse_misspelt(Line const& line) {
  auto const squeezed = [](std::string text) {
    std::erase(text, '_');
    for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return text;
  };
  for (auto const* known : {"log_probs", "old_log_probs", "ref_log_probs", "sampled_log_probs", "entropies", "values",
                            "old_values", "sum_squares", "rewards", "greedy_rewards", "groups", "truncated", "masks"})
    for (auto const& [name, value] : line.json->items())
      if (name != known && squeezed(name) == squeezed(known))
        throw Error(line.where(), "has a column '" + name + "'", known);
}

}  // namespace

ObjectiveBatch read_batch(Line const& line, ObjectiveOptions const& options) {
  if (!line.json) throw Error(line.where(), "not a JSON object", "{\"log_probs\": [[...]], \"rewards\": [[...]], ...}");
  refuse_misspelt(line);
  ObjectiveBatch batch{.where = line.where()};
  Reader const reader(line, batch);
  read_episodes(reader, batch);
  batch.log_probs = reader.tokens("log_probs");
  batch.old_log_probs = reader.tokens("old_log_probs");
  batch.ref_log_probs = reader.tokens("ref_log_probs");
  batch.sampled_log_probs = reader.tokens("sampled_log_probs");
  batch.entropies = reader.tokens("entropies");
  batch.values = reader.tokens("values");
  batch.old_values = reader.tokens("old_values");
  batch.sum_squares = reader.tokens("sum_squares");
  read_rewards(reader, batch, options);
  read_greedy(reader, batch);
  count_tokens(reader, batch, options);
  return batch;
}

namespace {

void append(std::string& text, double x) {
  char buffer[32];
  auto const [end, error] = std::to_chars(buffer, buffer + sizeof buffer, x);
  text.append(buffer, end);
}

std::string ragged(std::vector<double> const& column, grove::Episodes const& episodes) {
  std::string text = "[";
  for (std::size_t s = 0; s < episodes.sequences(); ++s) {
    text += s == 0 ? "[" : ",[";
    for (auto t = episodes.cu_seqlens[s]; t < episodes.cu_seqlens[s + 1]; ++t) {
      if (t > episodes.cu_seqlens[s]) text += ',';
      append(text, column[t]);
    }
    text += ']';
  }
  return text + "]";
}

}  // namespace

std::string to_json(ObjectiveAnswer const& answer, grove::Episodes const& episodes) {
  std::string text = "{\"advantages\":" + ragged(answer.advantages, episodes) + ",\"loss\":";
  append(text, answer.loss);
  text += ",\"d_log_prob\":" + ragged(answer.d_log_prob, episodes);
  text += ",\"d_entropy\":" + ragged(answer.d_entropy, episodes);
  text += ",\"d_value\":" + ragged(answer.d_value, episodes) + ",\"metrics\":{";
  bool first = true;
  for (auto const& [name, value] : answer.metrics) {
    text += first ? "" : ",";
    text += to_json(std::string_view(name)) + ":";
    append(text, value);
    first = false;
  }
  return text + "}}";
}

}  // namespace open_rs
