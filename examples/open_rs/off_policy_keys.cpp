// SPDX-License-Identifier: Apache-2.0
#include "open_rs/off_policy_keys.hpp"

#include "grove/error.hpp"

namespace open_rs {

namespace po = boost::program_options;

grove::OldLogProbs old_log_probs_of(std::string_view word) {
  using grove::OldLogProbs;
  if (word == "auto") return OldLogProbs::Auto;
  if (word == "sampled") return OldLogProbs::Sampled;
  if (word == "recomputed") return OldLogProbs::Recomputed;
  if (word == "current") return OldLogProbs::Current;
  throw grove::Error("recipe", "old_log_probs is '" + std::string(word) + "'", "auto, sampled, recomputed or current");
}

void OffPolicyKeys::add_to(po::options_description& options) {
  options.add_options()  //
      ("one_step_ahead", po::value(&one_step_ahead)->default_value(false),
       "with placement split:K, sample a step's completions while the step before trains, by the weights that it "
       "begins with")  //
      ("old_log_probs", po::value(&old_log_probs)->default_value("auto"),
       "whose log-probs ratios are taken to: sampled (the sampler's), recomputed (the policy's at the step's "
       "beginning), current (its own), or auto: current for one update a step, else one of the others");
}

void OffPolicyKeys::check(std::string const& placement, bool two_views, bool replays) const {
  auto const old = old_log_probs_of(old_log_probs);
  if (one_step_ahead && placement == "colocated" && !replays)
    throw grove::Error("recipe", "one_step_ahead with placement = colocated", "placement = split:K",
                       "ranks that train cannot sample at the same time");
  if (!two_views) return;
  std::string const views = " where trained log-probs differ from the sampler's on purpose";
  if (one_step_ahead)
    throw grove::Error("recipe", "one_step_ahead" + views, "false",
                       "or repair logprob_temperature, logprob_rounding, rollout_bos and prompt_over_limit");
  if (old == grove::OldLogProbs::Sampled || old == grove::OldLogProbs::Current)
    throw grove::Error("recipe", "old_log_probs is " + old_log_probs + views, "auto or recomputed");
}

void OffPolicyKeys::put_into(grove::TrainOptions& options) const {
  options.old_log_probs = old_log_probs_of(old_log_probs);
  options.ratio_check.staleness = one_step_ahead ? 1 : 0;
}

}  // namespace open_rs
