// SPDX-License-Identifier: Apache-2.0
#include "grove/profile/profile.hpp"

#include <fstream>
#include <sstream>
#include <utility>

#include "grove/io/atomic_file.hpp"
#include "grove/io/json.hpp"

namespace grove {
namespace {

constexpr std::string_view phases[] = {"gather", "score", "shape", "estimate", "update"};

bool is_phase(std::string_view name) {
  for (auto const phase : phases)
    if (phase == name) return true;
  return false;
}

/// The peak that the system has counted (VmHWM), in bytes.
double counted_peak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("VmHWM:")) continue;
    std::istringstream fields(line.substr(6));
    double kibibytes = 0;
    fields >> kibibytes;
    return 1024 * kibibytes;
  }
  return 0;
}

}  // namespace

double take_peak_memory() {
  double const peak = counted_peak();
  std::ofstream("/proc/self/clear_refs") << "5";  // VmHWM becomes what is resident now (proc_pid_clear_refs(5))
  return peak;
}

Profile::Profile(ProfileOptions options) : options_(std::move(options)) {}

Profile::~Profile() {
  try {
    finish();
  } catch (...) {  // an exception is under way, or the run's end said it already
  }
}

SpanHook Profile::on_span(SpanHook next) {
  return [this, next = std::move(next)](std::string_view name, bool begins) {
    if (next) next(name, begins);
    if (begins)
      begin(name);
    else
      end(name);
  };
}

std::int64_t Profile::now() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start_).count();
}

void Profile::begin(std::string_view name) {
  if (is_phase(name)) take_peak_memory();
  open_.push_back({std::string(name), now()});
}

void Profile::end(std::string_view name) {
  if (open_.empty() || open_.back().name != name) return;
  auto const& last = open_.back();
  if (is_phase(name)) peaks_[last.name] = take_peak_memory();
  if (options_.trace.empty() || events_.size() >= options_.most_spans)
    ++left_out_;
  else
    events_.push_back({last.name, last.begin, now() - last.begin});
  open_.pop_back();
}

double Profile::forward(StepSize const& size) const {
  auto const& m = options_.model;
  return 2 * m.multiplied() * size.tokens +
         2 * static_cast<double>(m.layers * m.heads * m.head_dim) * size.squared_lengths;
}

void Profile::report(StepSize const& size, Metrics& metrics) {
  auto const seconds = [&](char const* name) { return metrics.find(name).value_or(0); };
  auto const rate = [&](char const* name, double work, double in, double possible) {
    if (in > 0 && possible > 0) metrics.set(name, work / in / possible);
  };
  auto const sampled = static_cast<double>(size.sampled_tokens);
  double const gather = seconds("timing/gather"), score = seconds("timing/score"), update = seconds("timing/update");
  rate("timing/tokens_per_second", sampled, seconds("step_time"), 1);
  rate("timing/gather_tokens_per_second", sampled, gather, 1);
  auto const passes = static_cast<double>(size.trained_passes);
  rate("timing/update_tokens_per_second", passes * size.tokens, update, 1);
  double const backward = options_.adapters ? 1 : 2;
  if (size.scored_passes > 0)
    rate("timing/score_mfu", static_cast<double>(size.scored_passes) * forward(size), score, options_.operations);
  rate("timing/update_mfu", passes * (1 + backward) * forward(size), update, options_.operations);
  double const longest = metrics.find("completions/max_length").value_or(0);
  rate("timing/gather_bandwidth", longest * options_.weight_bytes, gather, options_.bandwidth);
  for (auto const& [phase, bytes] : peaks_)
    if (bytes > 0) metrics.set("timing/" + phase + "_peak_bytes", bytes);
  peaks_.clear();
}

void Profile::finish() {
  if (written_ || options_.trace.empty()) return;
  written_ = true;
  while (!open_.empty()) end(std::string(open_.back().name));  // a step that threw
  auto path = options_.trace;
  if (options_.rank > 0)
    path.replace_filename(path.stem().string() + "-rank-" + std::to_string(options_.rank) + path.extension().string());
  auto events = io::Json::array();
  events.push_back({{"name", "process_name"},
                    {"ph", "M"},
                    {"pid", options_.rank},
                    {"args", {{"name", "rank " + std::to_string(options_.rank)}}}});
  for (auto const& event : events_)
    events.push_back({{"name", event.name},
                      {"cat", is_phase(event.name) ? "phase" : "work"},
                      {"ph", "X"},
                      {"ts", event.begin},
                      {"dur", event.length},
                      {"pid", options_.rank},
                      {"tid", 0}});
  io::Json json;
  json["traceEvents"] = std::move(events);
  json["displayTimeUnit"] = "ms";
  json["otherData"] = {{"left_out", left_out_}};
  io::write_file(path, json.dump() + "\n");
}

}  // namespace grove
