// SPDX-License-Identifier: Apache-2.0
#include "grove/rollout/recording.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>

#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"
#include "grove/io/json.hpp"
#include "grove/reward/score.hpp"

namespace grove {
namespace {

using io::Json;

std::string file_name(std::uint64_t step) {
  char name[32];
  std::snprintf(name, sizeof name, "step-%06llu.jsonl", static_cast<unsigned long long>(step));
  return name;
}

/// Where a sequence stands in an epoch's optimizer steps.
struct Place {
  std::size_t minibatch, micro_batch, position;
};

std::vector<std::vector<Place>> places_of(std::size_t sequences, UpdatePlan const& plan, std::size_t epochs) {
  std::vector<std::vector<Place>> places(sequences);
  std::size_t const per_epoch = plan.size() / epochs;
  for (std::size_t step = 0; step < plan.size(); ++step)
    for (std::size_t m = 0; m < plan[step].size(); ++m)
      for (std::size_t p = 0; p < plan[step][m].size(); ++p)
        places[plan[step][m][p]].push_back({step % per_epoch, m, p});
  return places;
}

Json per_epoch(std::vector<Place> const& places, std::size_t Place::*member) {
  if (places.size() == 1) return places[0].*member;
  Json list = Json::array();
  for (auto const& place : places) list.push_back(place.*member);
  return list;
}

Json line_of(TokenTrajectories const& t, std::size_t i, RewardMatrix const& rewards, std::vector<Place> const& places) {
  auto const& sample = t.samples[i];
  Json line;
  line["id"] = sample.id;
  line["group"] = t.episodes.group[i];
  line["index"] = sample.index;
  line["rank"] = 0;
  line["minibatch"] = per_epoch(places, &Place::minibatch);
  line["micro_batch"] = per_epoch(places, &Place::micro_batch);
  line["position"] = per_epoch(places, &Place::position);
  line["prompt_ids"] = sample.prompt;
  line["train_prompt_ids"] = sample.context();
  line["ids"] = sample.completion.tokens;
  line["log_probs"] = sample.completion.log_probs;
  line["rewards"] = Json::object();
  for (std::size_t r = 0; r < rewards.rewards(); ++r) {
    auto const& value = rewards(r, i);
    auto const tokens = rewards.tokens(r, i);
    auto& written = line["rewards"][rewards.name(r)];
    if (!tokens.empty())
      written = std::vector<double>(tokens.begin(), tokens.end());
    else if (value)
      written = *value;
  }
  line["finish"] = sample.completion.finish == Finish::Stop ? "stop" : "length";
  line["policy_version"] = sample.completion.versions.empty() ? 0 : sample.completion.versions.front();
  return line;
}

std::vector<TokenId> read_ids(io::JsonFields const& fields, std::string_view key, std::size_t vocabulary) {
  std::vector<TokenId> ids;
  auto const* list = fields.find(key);
  if (list == nullptr || !list->is_array()) fields.refuse(key, "a list of token ids");
  for (auto const& id : *list) {
    if (!id.is_number_integer() || id < 0 || id >= vocabulary)
      fields.refuse(key, "token ids from 0 to " + std::to_string(vocabulary - 1));
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

std::vector<std::size_t> read_places(io::JsonFields const& fields, std::string_view key) {
  auto const* value = fields.find(key);
  if (value == nullptr) return {};
  if (value->is_number_unsigned()) return {value->get<std::size_t>()};
  std::vector<std::size_t> places;
  if (!value->is_array()) fields.refuse(key, "a number, or one number an epoch");
  for (auto const& place : *value) {
    if (!place.is_number_unsigned()) fields.refuse(key, "a number, or one number an epoch");
    places.push_back(place.get<std::size_t>());
  }
  return places;
}

Score read_score(io::JsonFields const& fields, Json const& value, std::size_t tokens) {
  if (value.is_null()) return std::nullopt;
  if (value.is_number()) return value.get<double>();
  if (!value.is_array() || value.size() != tokens ||
      !std::ranges::all_of(value, [](Json const& x) { return x.is_number(); }))
    fields.refuse("rewards",
                  "numbers, null, or lists of " + std::to_string(tokens) + " numbers, one for each of the ids");
  return Score::of_tokens(value.get<std::vector<double>>());
}

/// What a line says besides its sample.
struct LineExtras {
  std::uint32_t group = 0;
  bool has_index = false, has_log_probs = false;
  std::optional<std::uint32_t> rank{};
  std::vector<std::pair<std::string, Score>> rewards{};
  std::vector<std::size_t> minibatch{}, micro_batch{}, position{};
};

std::pair<TokenSample, LineExtras> parse_line(Json const& json, std::string const& where, AnyCausalLm const& policy) {
  io::JsonFields const fields(json, where);
  auto const vocabulary = policy.config().vocab_size;
  TokenSample sample{.id = fields.required<std::size_t>("id"),
                     .index = static_cast<std::uint32_t>(fields.value_or<std::size_t>("index", 0)),
                     .prompt = read_ids(fields, "prompt_ids", vocabulary)};
  if (fields.find("train_prompt_ids")) {
    auto train = read_ids(fields, "train_prompt_ids", vocabulary);
    if (train != sample.prompt) sample.train_prompt = std::move(train);
  }
  auto& completion = sample.completion;
  completion.tokens = read_ids(fields, "ids", vocabulary);
  auto const finish = fields.value_or<std::string>("finish", "stop");
  if (finish != "stop" && finish != "length") fields.refuse("finish", "\"stop\" or \"length\"");
  completion.finish = finish == "stop" ? Finish::Stop : Finish::Length;
  completion.versions.assign(completion.tokens.size(),
                             fields.value_or<std::size_t>("policy_version", policy.version()));

  LineExtras extras{.group = static_cast<std::uint32_t>(fields.required<std::size_t>("group")),
                    .has_index = fields.find("index") != nullptr};
  if (fields.find("rank")) extras.rank = static_cast<std::uint32_t>(fields.required<std::size_t>("rank"));
  if (auto const* log_probs = fields.find("log_probs")) {
    if (!log_probs->is_array() || log_probs->size() != completion.tokens.size())
      fields.refuse("log_probs", "one number for each of the " + std::to_string(completion.tokens.size()) + " ids");
    for (auto const& x : *log_probs) {
      if (!x.is_number()) fields.refuse("log_probs", "numbers");
      completion.log_probs.push_back(x.get<float>());
    }
    extras.has_log_probs = true;
  } else {
    completion.log_probs.assign(completion.tokens.size(), 0.0f);
  }
  auto const* rewards = fields.find("rewards");
  if (rewards == nullptr || !rewards->is_object() || rewards->empty())
    fields.refuse("rewards", "an object {name: score} of at least one reward");
  for (auto const& [name, value] : rewards->items())
    extras.rewards.emplace_back(name, read_score(fields, value, completion.tokens.size()));
  extras.minibatch = read_places(fields, "minibatch");
  extras.micro_batch = read_places(fields, "micro_batch");
  extras.position = read_places(fields, "position");
  return {std::move(sample), std::move(extras)};
}

/// The plan that the lines ask for; empty where one of them leaves it to the trainer.
UpdatePlan plan_of(std::vector<LineExtras> const& lines) {
  std::map<std::pair<std::size_t, std::size_t>,
           std::map<std::size_t, std::vector<std::pair<std::size_t, std::uint32_t>>>>
      steps;
  for (std::uint32_t i = 0; i < lines.size(); ++i) {
    auto const& line = lines[i];
    if (line.minibatch.empty() || line.micro_batch.size() != line.minibatch.size()) return {};
    for (std::size_t epoch = 0; epoch < line.minibatch.size(); ++epoch) {
      auto const position = epoch < line.position.size() ? line.position[epoch] : i;
      steps[{epoch, line.minibatch[epoch]}][line.micro_batch[epoch]].emplace_back(position, i);
    }
  }
  UpdatePlan plan;
  for (auto& [step, micro_batches] : steps) {
    auto& minibatch = plan.emplace_back();
    for (auto& [number, members] : micro_batches) {
      std::ranges::sort(members);
      auto& sequences = minibatch.emplace_back();
      for (auto const& [position, sequence] : members) sequences.push_back(sequence);
    }
  }
  return plan;
}

RewardMatrix rewards_of(std::vector<LineExtras> const& lines) {
  std::vector<std::string> names;
  for (auto const& line : lines)
    for (auto const& [name, value] : line.rewards)
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  RewardMatrix matrix(names, std::vector<double>(names.size(), 1.0), lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (auto const& [name, score] : lines[i].rewards) {
      auto const reward = static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
      matrix(reward, i) = static_cast<std::optional<double> const&>(score);
      if (!score.tokens.empty()) matrix.set_tokens(reward, i, score.tokens);
    }
  return matrix;
}

}  // namespace

std::string recording_lines(TokenTrajectories const& t, RewardMatrix const& rewards, UpdatePlan const& plan,
                            std::size_t epochs, std::size_t rank, std::size_t first_group) {
  auto const places = places_of(t.samples.size(), plan, epochs);
  std::string text;
  for (std::size_t i = 0; i < t.samples.size(); ++i) {
    auto line = line_of(t, i, rewards, places[i]);
    line["rank"] = rank;
    line["group"] = first_group + t.episodes.group[i];
    text += line.dump() + "\n";
  }
  return text;
}

void write_recording(std::filesystem::path const& folder, std::uint64_t step, TokenTrajectories const& t,
                     RewardMatrix const& rewards, UpdatePlan const& plan, std::size_t epochs) {
  write_recording(folder, step, {recording_lines(t, rewards, plan, epochs)});
}

void write_recording(std::filesystem::path const& folder, std::uint64_t step, std::vector<std::string> const& ranks) {
  std::string text;
  if (ranks.size() == 1) {
    text = ranks[0];
  } else {
    std::vector<std::pair<std::uint64_t, std::string>> lines;
    for (auto const& one : ranks) {
      std::istringstream in(one);
      for (std::string line; std::getline(in, line);)
        lines.emplace_back(io::parse_json_line(line, "recording").at("id").get<std::uint64_t>(), line);
    }
    std::ranges::stable_sort(lines, {}, &std::pair<std::uint64_t, std::string>::first);
    for (auto const& [id, line] : lines) text += line + "\n";
  }
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error(folder.string(), "cannot be made: " + error.message(), "a folder for the recording");
  io::write_file(folder / file_name(step), text);
}

TokenTrajectories read_recording(std::filesystem::path const& folder, std::uint64_t step, AnyCausalLm const& policy,
                                 std::optional<float> sampling_temperature) {
  auto const path = folder / file_name(step);
  std::ifstream in(path);
  if (!in)
    throw Error(path.string(), "cannot be read", "the recording of step " + std::to_string(step),
                "record more steps, or train fewer");
  std::vector<TokenSample> samples;
  std::vector<LineExtras> extras;
  std::map<std::uint32_t, std::set<std::uint32_t>> indices;  // of each group
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    auto const where = path.string() + ":" + std::to_string(number);
    auto [sample, extra] = parse_line(io::parse_json_line(line, where), where, policy);
    auto& taken = indices[extra.group];
    if (!extra.has_index) sample.index = taken.empty() ? 0 : *taken.rbegin() + 1;
    if (!taken.insert(sample.index).second)
      throw Error(where,
                  "group " + std::to_string(extra.group) + " has a sequence of index " + std::to_string(sample.index) +
                      " already",
                  "an index of its own for each sequence of a group");
    if (!extra.has_log_probs) {
      auto sequence = sampling_temperature ? sample.prompt : sample.context();
      auto const prompt = sequence.size();
      sequence.insert(sequence.end(), sample.completion.tokens.begin(), sample.completion.tokens.end());
      auto const log_probs = policy.log_probs(std::vector<std::vector<TokenId>>{sequence},
                                              sampling_temperature.value_or(policy.options().temperature));
      std::copy(log_probs[0].begin() + static_cast<std::ptrdiff_t>(prompt) - 1, log_probs[0].end(),
                sample.completion.log_probs.begin());
    }
    samples.push_back(std::move(sample));
    extras.push_back(std::move(extra));
  }
  if (samples.empty()) throw Error(path.string(), "holds no sequence", "one line a sequence");
  TokenTrajectories t;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i].problem = static_cast<std::uint32_t>(i);
    t.problems.emplace_back().id = samples[i].id;
    t.add(std::move(samples[i]), extras[i].group);
  }
  t.plan = plan_of(extras);
  if (std::ranges::all_of(extras, [](auto const& line) { return line.rank.has_value(); }))
    for (auto const& line : extras) t.ranks.push_back(*line.rank);
  t.recorded = rewards_of(extras);
  return t;
}

}  // namespace grove
