// SPDX-License-Identifier: Apache-2.0
#include "grove/checkpoint/checkpoint_folder.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>
#include <set>
#include <string_view>
#include <system_error>

#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"
#include "grove/io/json.hpp"
#include "grove/io/safetensors.hpp"
#include "grove/version.hpp"

namespace grove {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t format = 1;
constexpr std::string_view folder_prefix = "checkpoint-", model_prefix = "model/";
constexpr auto info_file = "state.json";

struct File {
  char const* name;
  std::string_view prefix;  // of the entries in it, which their names there are without
};
constexpr std::array files = {File{"model.safetensors", model_prefix}, File{"state.safetensors", {}}};

std::string name_of_pieces(std::size_t rank, std::size_t ranks) {
  std::array<char, 80> name{};
  std::snprintf(name.data(), name.size(), "optimizer-%05zu-of-%05zu.safetensors", rank, ranks);
  return name.data();
}

bool is_model(std::string const& name) { return name.starts_with(model_prefix); }

void write_tensors(fs::path const& folder, State const& state) {
  for (auto const& file : files) {
    std::vector<io::TensorView> tensors;
    for (auto const& entry : state.entries())
      if (!entry.piece && is_model(entry.name) == !file.prefix.empty())
        tensors.push_back({entry.name.substr(file.prefix.size()), entry.dtype, entry.shape, entry.bytes});
    io::write_safetensors((folder / file.name).string(), tensors);
  }
}

std::optional<std::uint64_t> step_of(fs::path const& path) {
  auto const name = path.filename().string();
  if (!name.starts_with(folder_prefix)) return std::nullopt;
  std::uint64_t step = 0;
  auto const* const end = name.data() + name.size();
  auto const [at, error] = std::from_chars(name.data() + folder_prefix.size(), end, step);
  return error == std::errc() && at == end ? std::optional(step) : std::nullopt;
}

/// A number of a checkpoint's metrics, or NaN.
double metric_of(fs::path const& checkpoint, std::string const& metric) {
  auto const info = read_checkpoint_info(checkpoint);
  auto const at = std::ranges::find(info.metrics, metric, &std::pair<std::string, double>::first);
  return at == info.metrics.end() ? std::nan("") : at->second;
}

}  // namespace

fs::path checkpoint_path(fs::path const& folder, std::uint64_t step) {
  return folder / (std::string(folder_prefix) + std::to_string(step));
}

void write_checkpoint(fs::path const& folder, State const& state, CheckpointInfo const& info,
                      std::function<void(fs::path const&)> const& beside) {
  io::AtomicFolder target(checkpoint_path(folder, info.step));
  write_common(target.path(), state, info, beside);
  target.commit();
}

void write_pieces(fs::path const& target, State const& state, std::size_t rank, std::size_t ranks) {
  std::vector<io::TensorView> tensors;
  for (auto const& entry : state.entries())
    if (entry.piece) tensors.push_back({entry.name, entry.dtype, entry.shape, entry.bytes});
  io::write_safetensors((target / name_of_pieces(rank, ranks)).string(), tensors);
}

void write_common(fs::path const& target, State const& state, CheckpointInfo const& info,
                  std::function<void(fs::path const&)> const& beside) {
  io::Json json;
  json["format"] = format;
  json["grove"] = version;
  json["step"] = info.step;
  json["composition"] = info.composition;
  json["settings"] = io::Json::object();
  for (auto const& [name, value] : info.settings) json["settings"][name] = value;
  json["metrics"] = io::Json::object();
  for (auto const& [name, value] : info.metrics)
    json["metrics"][name] = std::isfinite(value) ? io::Json(value) : io::Json(nullptr);
  if (info.shards > 0) json["shards"] = info.shards;
  write_tensors(target, state);
  if (beside) beside(target);
  io::write_file(target / info_file, json.dump(1, ' ', false, io::Json::error_handler_t::replace) + "\n");
}

CheckpointInfo read_checkpoint_info(fs::path const& checkpoint) {
  auto const path = (checkpoint / info_file).string();
  auto const json = io::read_json_file(path);
  io::JsonFields const fields(json, path);
  if (auto const written = fields.required<std::size_t>("format"); written != format)
    throw Error(path, "format is " + std::to_string(written), std::to_string(format),
                "resume with the version of open_rs that wrote it");
  CheckpointInfo info{.step = fields.required<std::size_t>("step"),
                      .composition = fields.required<std::string>("composition"),
                      .shards = fields.value_or<std::size_t>("shards", 0)};
  auto const object = [&](char const* key) -> io::Json const& {
    auto const* value = fields.find(key);
    if (value == nullptr || !value->is_object()) fields.refuse(key, "an object");
    return *value;
  };
  for (auto const& [name, value] : object("settings").items()) {
    if (!value.is_string()) fields.refuse("settings", "strings");
    info.settings.emplace_back(name, value.get<std::string>());
  }
  for (auto const& [name, value] : object("metrics").items())
    info.metrics.emplace_back(name, value.is_number() ? value.get<double>() : std::nan(""));
  return info;
}

State read_checkpoint_state(fs::path const& checkpoint) {
  auto mapped = std::make_shared<std::vector<io::SafetensorsFile>>();
  std::vector<State::Entry> entries;
  for (auto const& file : files) {
    auto const& open = mapped->emplace_back(io::SafetensorsFile::open((checkpoint / file.name).string()));
    for (auto const& tensor : open.tensors())
      entries.push_back({std::string(file.prefix) + tensor.name, tensor.dtype, tensor.shape, open.bytes(tensor)});
  }
  auto const ranks = read_checkpoint_info(checkpoint).shards;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    auto const& open =
        mapped->emplace_back(io::SafetensorsFile::open((checkpoint / name_of_pieces(rank, ranks)).string()));
    for (auto const& tensor : open.tensors())
      entries.push_back({tensor.name, tensor.dtype, tensor.shape, open.bytes(tensor), true});
  }
  return {std::move(entries), checkpoint.string(), std::move(mapped)};
}

std::vector<FoundCheckpoint> checkpoints_in(fs::path const& folder) {
  std::vector<FoundCheckpoint> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (auto const step = step_of(it->path()); step && it->is_directory()) found.push_back({*step, it->path()});
  std::ranges::sort(found, {}, &FoundCheckpoint::step);
  return found;
}

void remove_superseded(fs::path const& folder, Retention const& retention) {
  auto const found = checkpoints_in(folder);
  if (retention.last == 0 || found.size() <= retention.last) return;
  std::set<std::uint64_t> kept;
  for (auto i = found.size() - retention.last; i < found.size(); ++i) kept.insert(found[i].step);
  if (retention.best > 0) {
    std::vector<std::pair<double, std::uint64_t>> ranked;  // best first; among equals the later one
    for (auto const& one : found)
      if (auto const value = metric_of(one.path, retention.metric); !std::isnan(value))
        ranked.emplace_back(retention.greater_is_better ? value : -value, one.step);
    std::ranges::sort(ranked, std::greater<>());
    for (std::size_t i = 0; i < std::min(retention.best, ranked.size()); ++i) kept.insert(ranked[i].second);
  }
  for (auto const& one : found) {
    if (kept.contains(one.step)) continue;
    std::error_code error;
    io::remove_folder(one.path, error);
    if (error) throw Error(one.path.string(), "an old checkpoint cannot be removed: " + error.message());
  }
}

std::optional<FoundCheckpoint> checkpoint_to_resume(std::string const& choice, fs::path const& folder) {
  if (fs::is_directory(folder)) io::remove_leftovers(folder);
  if (choice.empty() || choice == "off" || choice == "false") return std::nullopt;
  bool const newest = choice == "auto" || choice == "true";
  fs::path chosen(newest ? folder : fs::path(choice));
  if (!chosen.has_filename()) chosen = chosen.parent_path();
  if (!newest && fs::exists(chosen / info_file)) return FoundCheckpoint{read_checkpoint_info(chosen).step, chosen};
  auto const found = checkpoints_in(chosen);
  if (!found.empty()) return found.back();
  if (newest) return std::nullopt;
  throw Error("--resume", "there is no checkpoint in " + chosen.string(),
              "a folder checkpoint-STEP, or one that holds such", "use --resume auto to begin where there is none");
}

void check_resumable(fs::path const& checkpoint, CheckpointInfo const& then, CheckpointInfo const& now,
                     std::span<const std::string> allowed) {
  auto const may_differ = [&](std::string const& name) {
    return std::ranges::any_of(allowed, [&](auto const& one) { return one == name || one == "all"; });
  };
  auto const compare = [&](std::string const& name, std::string const& before, std::string const& after) {
    if (before == after || may_differ(name)) return;
    throw Error("--resume " + checkpoint.string(), name + " is " + after, before + ", as in the checkpoint",
                "set it so, or go on with the other one by --resume-allow " + name);
  };
  auto const value = [](Settings const& settings, std::string const& name) -> std::string {
    auto const at = std::ranges::find(settings, name, &Settings::value_type::first);
    return at == settings.end() ? "not there" : "'" + at->second + "'";
  };
  compare("composition", then.composition, now.composition);
  for (auto const& [name, text] : now.settings) compare(name, value(then.settings, name), "'" + text + "'");
  for (auto const& [name, text] : then.settings) compare(name, "'" + text + "'", value(now.settings, name));
}

}  // namespace grove
