// SPDX-License-Identifier: Apache-2.0
#include "grove/rollout/run_folder.hpp"

#include <array>
#include <cstdio>
#include <deque>

#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"
#include "grove/io/json.hpp"
#include "grove/io/safetensors.hpp"
#include "grove/optim/device_memory.hpp"

namespace grove {
namespace {

constexpr std::array tokenizer_files = {
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "vocab.json",
    "merges.txt",     "added_tokens.json"};

std::filesystem::path const& made(std::filesystem::path const& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error(folder.string(), "cannot be made: " + error.message(), {}, "choose another with --out");
  return folder;
}

std::string text_of(io::Json const& line) { return line.dump(-1, ' ', false, io::Json::error_handler_t::replace); }

}  // namespace

void copy_tokenizer(std::filesystem::path const& source, std::filesystem::path const& target) {
  for (auto const* name : tokenizer_files) {
    std::error_code error;
    if (std::filesystem::exists(source / name))
      std::filesystem::copy_file(source / name, target / name, std::filesystem::copy_options::overwrite_existing,
                                 error);
    if (error)
      throw Error((target / name).string(), "cannot be written: " + error.message(), "a writable folder with room");
  }
}

void detail::save_folder(std::filesystem::path const& source, std::filesystem::path const& target,
                         std::function<void(std::filesystem::path const&)> const& save) {
  if (target.has_parent_path()) std::filesystem::create_directories(target.parent_path());
  io::AtomicFolder folder(target);
  save(folder.path());
  copy_tokenizer(source, folder.path());
  folder.commit();
}

std::function<void(std::size_t, std::span<const ParameterView>)> dump_gradients_to(
    std::filesystem::path const& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error(folder.string(), "cannot be made: " + error.message(), "a folder for the gradients");
  return [folder](std::size_t update, std::span<const ParameterView> parameters) {
    std::vector<io::TensorView> tensors;
    std::deque<HostBytes> gradients;  // elements stay in place
    for (auto const& p : parameters) {
      gradients.emplace_back(p.device, p.gradient, p.size * sizeof(float));
      tensors.push_back({.name = std::string(p.name),
                         .dtype = io::DType::F32,
                         .shape = {p.shape.begin(), p.shape.end()},
                         .bytes = gradients.back().bytes()});
    }
    char name[40];
    std::snprintf(name, sizeof name, "update-%06zu.safetensors", update + 1);
    io::write_safetensors((folder / name).string(), tensors, {});
  };
}

RunLog::RunLog(std::filesystem::path folder, bool completions, std::optional<std::uint64_t> last_step)
    : folder_(std::move(folder)),
      metrics_file_((made(folder_) / "metrics.jsonl").string(), last_step),
      events_(folder_.string()) {
  if (completions) completions_file_.emplace((folder_ / "completions.jsonl").string(), last_step);
}

void RunLog::write_metrics(StepReport const& report) {
  io::Json line;
  line["step"] = report.step;
  std::vector<metrics::Scalar> scalars;
  for (auto const& [name, value] : report.metrics) {
    line[name] = value;
    scalars.push_back({name, value});
  }
  metrics_file_.write(text_of(line));
  events_.write(report.step, scalars);
}

void RunLog::write_completions(std::uint64_t step, TokenTrajectories const& t, RewardMatrix const& rewards,
                               std::span<const float> advantage) {
  for (std::size_t i = 0; i < t.samples.size(); ++i) {
    auto const& problem = t.problem(i);
    io::Json line;
    line["step"] = step;
    line["id"] = t.samples[i].id;
    line["problem"] = problem.id;
    line["prompt"] = problem.messages.empty() ? problem.prompt : problem.messages.back().content;
    line["completion"] = t.completion(i).text;
    line["gold"] = problem.gold;
    for (std::size_t r = 0; r < rewards.rewards(); ++r) {
      auto const& value = rewards(r, i);
      line["rewards"][rewards.name(r)] = value ? io::Json(*value) : io::Json(nullptr);
    }
    auto const first = t.episodes.cu_seqlens[i];
    line["advantage"] = t.episodes.length(i) > 0 ? static_cast<double>(advantage[first]) : 0.0;
    line["tokens"] = t.episodes.length(i);
    line["finish"] = t.completion(i).finish == Finish::Stop ? "stop" : "length";
    completions_file_->write(text_of(line));
  }
}

}  // namespace grove
