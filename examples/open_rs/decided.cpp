// SPDX-License-Identifier: Apache-2.0
#include "open_rs/decided.hpp"

#include <algorithm>
#include <utility>

#include "grove/error.hpp"
#include "open_rs/curate_stages.hpp"
#include "open_rs/evaluate_samples.hpp"

namespace open_rs {

TrivialRule TrivialRule::of(std::vector<std::string> const& settings) {
  StageInputs inputs{.settings = stage_defaults()};
  for (auto const& setting : settings) {
    auto const at = setting.find('=');
    auto const key = setting.substr(0, at);
    if (at == std::string::npos || !key.starts_with("trivial.") || !inputs.settings.contains(key))
      throw grove::Error("--set", "'" + setting + "'",
                         "trivial.drop_from=P, trivial.drop_below=P, trivial.verifier=NAME", "as for open_rs curate");
    inputs.settings[key] = setting.substr(at + 1);
  }
  TrivialRule rule{.drop_from = inputs.number("trivial.drop_from"),
                   .drop_below = inputs.number("trivial.drop_below"),
                   .verifier = inputs.of("trivial.verifier")};
  static_cast<void>(rule.is_right("1", ""));  // a verifier that does not exist is an error now
  return rule;
}

bool TrivialRule::decides(std::size_t right, std::size_t judged, std::size_t n) const {
  // The share of right ones lies between these two in the end, and that of the judged ones does now.
  double const least = static_cast<double>(right) / static_cast<double>(n);
  double const most = static_cast<double>(right + n - judged) / static_cast<double>(n);
  return least >= drop_from || most < drop_below || (least >= drop_below && most < drop_from);
}

bool TrivialRule::is_right(std::string const& gold, std::string const& text) const {
  std::vector<JudgedSet> sets(1);
  sets[0].set.problems.push_back({.id = "0", .gold = gold, .gold_answer = gold});
  sets[0].samples.push_back({Sample{.completion = text}});
  judge(sets, verifier, 1);
  return sets[0].samples[0][0].chosen.correct;
}

DecidedGroups::DecidedGroups(TrivialRule rule, std::vector<std::string> golds, std::size_t samples, Write write)
    : rule_(std::move(rule)),
      golds_(std::move(golds)),
      samples_(samples),
      write_(std::move(write)),
      groups_(golds_.size()),
      early_end_(golds_.size()) {}

void DecidedGroups::take(grove::nn::cpu::GeneratedCompletion&& generated) {
  auto const request = generated.request;
  Group& group = groups_.at(request);
  if (group.closed) return;  // ended early, or not needed any more
  auto const sample = generated.sample;
  group.waiting.emplace(sample, std::move(generated));
  while (!group.closed && !group.waiting.empty() && group.waiting.begin()->first == group.taken.size())
    judge_next(request);
  for (; written_ < groups_.size() && groups_[written_].closed; ++written_) {
    for (auto const& completion : groups_[written_].taken) write_(completion);
    groups_[written_].taken.clear();
  }
}

void DecidedGroups::judge_next(std::size_t request) {
  Group& group = groups_[request];
  auto next = std::move(group.waiting.extract(group.waiting.begin()).mapped());
  group.right += rule_.is_right(golds_[request], next.completion.text) ? 1 : 0;
  group.taken.push_back(std::move(next));
  std::size_t const judged = group.taken.size();
  if (judged < samples_ && rule_.decides(group.right, judged, samples_)) {
    early_end_.end(request);
    spared_ += samples_ - judged;
    group.closed = true;
  }
  group.closed |= judged == samples_;
  if (group.closed) group.waiting.clear();
}

}  // namespace open_rs
