// SPDX-License-Identifier: Apache-2.0
// Accuracy by a verifier that knows mathematics; needs the library grove::math.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/completion.hpp"
#include "grove/math/policy.hpp"
#include "grove/problem.hpp"
#include "grove/reward/score.hpp"

namespace grove {
namespace detail {

/// Workspaces that no thread uses at the moment; they keep their memory from check to check.
class SpareWorkspaces {
 public:
  template <class F>
  auto with(F const& f) {
    auto workspace = take();
    auto result = f(*workspace);
    std::scoped_lock lock(mutex_);
    spare_.push_back(std::move(workspace));
    return result;
  }

 private:
  std::unique_ptr<math::Workspace> take() {
    std::scoped_lock lock(mutex_);
    if (spare_.empty()) return std::make_unique<math::Workspace>();
    auto last = std::move(spare_.back());
    spare_.pop_back();
    return last;
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<math::Workspace>> spare_;
};

}  // namespace detail

/// A verdict with everything a person wants to know of it.
struct MathExplanation : math::Verification {
  std::string gold_text{}, answer_text{};  ///< what was extracted, before it was read
};

/// 1 where the policy finds the completion's answer equal to the gold answer, else 0, also where no answer can be read
/// or the verdict is Unknown. Declines a problem whose gold has no meaning under the policy, unless `unjudged` has a
/// score. `MathAnswer<math::Strict>` is what training should use.
template <math::Policy P>
class MathAnswer {
 public:
  static constexpr std::string_view name = "accuracy";

  explicit MathAnswer(P policy = P(), std::optional<double> unjudged = {})
      : policy_(std::move(policy)), unjudged_(unjudged) {}

  Score operator()(Problem const& problem, Completion const& completion) const {
    auto const outcome = workspaces_->with(
        [&](math::Workspace& workspace) { return policy_.judge(workspace, problem.gold, completion.text); });
    if (!outcome.gold_read) return unjudged_;
    if (outcome.verdict == math::Verdict::Unparsed) return Score::of_unreadable(0.0);
    return outcome.verdict == math::Verdict::Equal ? 1.0 : 0.0;
  }

  /// How the score comes about.
  MathExplanation explain(Problem const& problem, Completion const& completion) const {
    return workspaces_->with([&](math::Workspace& workspace) {
      return MathExplanation{math::verify(policy_, problem.gold, completion.text, workspace), workspace.gold.text,
                             workspace.answer.text};
    });
  }

  /// Why this verifier does not take a problem's gold answer for right; empty where it does.
  std::string gold_fault(Problem const& problem) const {
    auto const judged = workspaces_->with([&](math::Workspace& workspace) {
      return math::verify(policy_, problem.gold, gold_completion(problem), workspace);
    });
    if (!judged.gold_read)
      return unjudged_ ? "the gold answer cannot be read, so every answer scores " + std::to_string(*unjudged_)
                       : "the gold answer cannot be read";
    if (judged.verdict == math::Verdict::Equal) return {};
    return "the gold answer is not equal to itself: " + judged.reason;
  }

  /// The gold answer in a box: what a right answer looks like.
  std::string gold_completion(Problem const& problem) const {
    std::string_view gold = problem.gold;
    if (gold.find("\\boxed") != gold.npos) return problem.gold;
    while (gold.size() >= 2 && gold.front() == '$' && gold.back() == '$') gold = gold.substr(1, gold.size() - 2);
    std::string text = "\\boxed{";
    return text.append(gold).append("}");
  }

 private:
  P policy_;
  std::optional<double> unjudged_;
  std::shared_ptr<detail::SpareWorkspaces> workspaces_ = std::make_shared<detail::SpareWorkspaces>();
};

}  // namespace grove
