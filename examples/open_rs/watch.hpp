// SPDX-License-Identifier: Apache-2.0
// Observers of a training run: evaluation on test sets while training, guards, a stop on a plateau.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "grove/dist/process_group.hpp"
#include "grove/guards.hpp"
#include "grove/observers.hpp"
#include "grove/rollout/language_drift.hpp"
#include "open_rs/evaluate_run.hpp"
#include "open_rs/evaluation_keys.hpp"

namespace open_rs {

/// Samples and judges test sets with the policy as it is, and adds `eval/SET/pass@1`, its standard error, mean length
/// and truncated share to the report, of several completions also pass@4, pass@8 and maj@n as far as there are as many,
/// and the mean over the sets, `eval/pass@1`. Ranks divide the problems; every rank has the same numbers. The sampler's
/// random numbers are an evaluation's own.
class TrainingEvaluation {
 public:
  /// Reads the test sets. Throws grove::Error for a bad file, and for a model without a chat template.
  TrainingEvaluation(EvaluationKeys const& keys, ModelFlags const& model, std::size_t max_tokens, std::uint64_t seed);

  template <class T>
  void operator()(T& trainer, grove::StepReport& report) {
    evaluate(trainer.policy(), trainer.communicator(), report.metrics);
  }

 private:
  void evaluate(grove::AnyCausalLm& policy, grove::ProcessGroup& ranks, grove::Metrics& metrics) const;
  void evaluate(grove::AnyCausalLm& policy, grove::ProcessGroup& ranks, grove::data::EvaluationSet const& set,
                grove::Metrics& metrics) const;
  /// Of each problem's number of right completions and its majority.
  void write_statistics(std::string const& prefix, std::span<double const> right, std::span<double const> majority,
                        grove::Metrics& metrics) const;

  SamplingPlan plan_{};
  std::string verifier_;
  std::optional<grove::PromptFormat> format_;
  std::vector<grove::data::EvaluationSet> sets_;
};

/// Reports of a run's earlier steps, as metrics.jsonl has them; none where there is no such file.
std::vector<grove::StepReport> history_of(std::filesystem::path const& run);

/// All that watches a run, as one observer that stands before those that write.
class Watch {
 public:
  /// `say` receives one line where a run is ended.
  Watch(EvaluationKeys const& keys, GuardKeys const& guards, ModelFlags const& model, std::size_t max_tokens,
        std::uint64_t seed, std::function<void(std::string const&)> const& say);

  /// What the steps of a run that is gone on with have shown, up to `last`.
  void recall(std::vector<grove::StepReport> history, std::uint64_t last);

  /// The evaluation before the first step, as a report of step 0; none where it is not wanted or the run is on its way.
  template <class T>
  std::optional<grove::StepReport> before(T& trainer) {
    if (!on_start_ || trainer.steps() > 0) return std::nullopt;
    grove::StepReport report;
    (*evaluation_)(trainer, report);
    plateau_.see(0, report.metrics);
    return report;
  }

  template <class T>
  bool operator()(T& trainer, grove::StepReport& report) {
    drift_(trainer, report);
    if (evaluation_ && every_ > 0 && report.step % every_ == 0) (*evaluation_)(trainer, report);
    bool const guarded = guards_(trainer, report);
    double wishes = plateau_(trainer, report) || guarded ? 1 : 0;
    trainer.communicator().all_reduce_sum(std::span(&wishes, 1));  // not every metric is that of all ranks
    return wishes > 0;
  }

 private:
  std::optional<TrainingEvaluation> evaluation_;
  std::size_t every_ = 0;
  bool on_start_ = false;
  grove::LanguageDrift drift_{};
  grove::Guards guards_;
  grove::StopOnPlateau plateau_;
};

}  // namespace open_rs
