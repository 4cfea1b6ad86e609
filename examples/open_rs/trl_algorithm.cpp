// SPDX-License-Identifier: Apache-2.0
#include "open_rs/trl_algorithm.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <variant>

#include "grove/advantage/group_relative.hpp"
#include "grove/advantage/reward_decoupled.hpp"
#include "grove/erased_algorithm.hpp"
#include "grove/error.hpp"
#include "grove/named/named_algorithm.hpp"
#include "open_rs/trl_terms.hpp"

namespace open_rs {

namespace {

using grove::Error;
using Settings = std::vector<std::pair<std::string, std::string>>;

/// Takes a key out of the settings; `otherwise` where it is not among them.
std::string take(Settings& settings, std::string const& key, std::string const& otherwise) {
  std::string value = otherwise;
  for (auto const& [name, given] : settings)
    if (name == key) value = given;
  std::erase_if(settings, [&](auto const& setting) { return setting.first == key; });
  return value;
}

std::string choice(Settings& settings, std::string const& key, std::string const& otherwise,
                   std::vector<std::string> const& allowed) {
  auto value = take(settings, key, otherwise);
  if (std::ranges::find(allowed, value) != allowed.end()) return value;
  std::string list;
  for (auto const& one : allowed) list += (list.empty() ? "" : ", ") + one;
  throw Error("option " + key, "is '" + value + "'", "one of " + list);
}

bool flag(Settings& settings, std::string const& key, bool otherwise) {
  return grove::option_flag(key, take(settings, key, otherwise ? "true" : "false"));
}

TrlAdvantage advantage_of(Settings& settings) {
  auto const scale = choice(settings, "scale_rewards", "group", {"group", "batch", "none", "true", "false"});
  auto const order = choice(settings, "multi_objective_aggregation", "sum_then_normalize",
                            {"sum_then_normalize", "normalize_then_sum"});
  if (order == "normalize_then_sum") return {grove::RewardDecoupled{}};
  if (scale == "batch") return {grove::GroupRelative<grove::OverBatch>{}};
  if (scale == "none" || scale == "false") return {grove::GroupRelative<grove::Unscaled>{}};
  return {grove::GroupRelative<grove::OverGroup>{}};
}

TrlCorrection correction_of(Settings& settings, std::string const& otherwise) {
  using Mode = TrlCorrection::Mode;
  auto const mode = choice(settings, "vllm_importance_sampling_mode", otherwise,
                           {"token_truncate", "token_mask", "sequence_truncate", "sequence_mask"});
  TrlCorrection correction;
  if (mode == "token_truncate") correction.mode = Mode::TokenTruncate;
  if (mode == "token_mask") correction.mode = Mode::TokenMask;
  if (mode == "sequence_truncate") correction.mode = Mode::SequenceTruncate;
  if (!flag(settings, "vllm_importance_sampling_correction", true)) correction.mode = Mode::Off;
  return correction;
}

TrlMean mean_of(std::string const& loss_type) {
  if (loss_type == "grpo" || loss_type == "sapo") return {TrlMean::Kind::Sequence};
  if (loss_type == "luspo") return {TrlMean::Kind::SequenceSum};
  if (loss_type == "dr_grpo") return {TrlMean::Kind::ConstantLength};
  return {TrlMean::Kind::Token};
}

/// What the options that remain choose, for one ratio level and surrogate.
template <class S, class R, class... Correction>
grove::AnyAlgorithm compose(Settings& settings, std::string const& loss_type, R ratio, Correction... correction) {
  using PG = grove::PolicyGradient<R, S, grove::Keeping<TrlTopEntropy>, grove::OffPolicySequenceMask, Correction...>;
  using Kl = TrlKl<R>;
  using Bonus = grove::EntropyBonus<TrlEntropy, grove::TokenMean<grove::Window>, TrlTopEntropy>;
  using O = grove::Terms<TrlMean, PG, Kl, Bonus>;
  grove::Algorithm<TrlAdvantage, O> algorithm{.advantage = advantage_of(settings)};
  algorithm.objective.aggregate = mean_of(loss_type);
  algorithm.objective.template get<PG>().ratio = ratio;
  auto& weights = algorithm.objective.template get<PG>().weights;
  ((std::get<Correction>(weights) = correction), ...);
  algorithm.objective.template get<Kl>().importance_weighted = flag(settings, "use_bias_correction_kl", false);
  algorithm.objective.template get<Bonus>().control.adaptive = flag(settings, "use_adaptive_entropy", false);
  return grove::erase(algorithm);
}

void refuse_level(std::string const& loss_type, std::string const& level, std::string const& expected) {
  throw Error("option importance_sampling_level", "is " + level + " with loss_type=" + loss_type, expected);
}

}  // namespace

grove::AnyAlgorithm trl_algorithm(Settings& settings) {
  auto const loss_type =
      choice(settings, "loss_type", "dapo", {"grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo"});
  auto const level =
      choice(settings, "importance_sampling_level", loss_type == "luspo" ? "sequence" : "token", {"token", "sequence"});
  bool const sequence = level == "sequence";
  if (sequence && (loss_type == "bnpo" || loss_type == "dr_grpo" || loss_type == "dapo" || loss_type == "cispo"))
    refuse_level(loss_type, level, "token: a sequence's ratio belongs under a mean of sequences (grpo, sapo, luspo)");
  if (loss_type == "luspo" && !sequence) refuse_level(loss_type, level, "sequence: LUSPO weighs a sequence's ratio");
  if (loss_type == "vespo") {
    if (sequence) refuse_level(loss_type, level, "token: VESPO weighs whole sequences itself");
    auto const correction = correction_of(settings, "token_truncate");
    if (correction.by_sequence())
      throw Error("option vllm_importance_sampling_mode", "is one of whole sequences with loss_type=vespo",
                  "token_truncate or token_mask: VESPO weighs whole sequences itself");
    return compose<grove::LogProbability>(settings, loss_type, TrlVespoWeight{{}, correction});
  }
  auto const correction = correction_of(settings, "sequence_mask");
  if (loss_type == "cispo")
    return compose<grove::CappedWeight<TrlCap>>(settings, loss_type, grove::TokenRatio{}, correction);
  if (loss_type == "sapo")
    return sequence ? compose<grove::SoftGate>(settings, loss_type, grove::SequenceRatio{}, correction)
                    : compose<grove::SoftGate>(settings, loss_type, grove::TokenRatio{}, correction);
  return sequence ? compose<TrlTwoSided>(settings, loss_type, grove::SequenceRatio{}, correction)
                  : compose<TrlTwoSided>(settings, loss_type, grove::TokenRatio{}, correction);
}

std::span<std::string_view const> trl_choices() {
  static constexpr std::array<std::string_view, 8> keys = {"loss_type",
                                                           "importance_sampling_level",
                                                           "scale_rewards",
                                                           "multi_objective_aggregation",
                                                           "use_bias_correction_kl",
                                                           "use_adaptive_entropy",
                                                           "vllm_importance_sampling_correction",
                                                           "vllm_importance_sampling_mode"};
  return keys;
}

std::string trl_table(Settings const& settings) {
  auto given = settings;
  auto const loss_type = take(given, "loss_type", "dapo");
  std::string text;
  auto const line = [&](std::string const& key, std::string const& otherwise, std::string const& help) {
    auto row = "  " + key + '=' + take(given, key, otherwise);
    row.resize(std::max<std::size_t>(row.size(), 38), ' ');
    text += row + "  " + help + '\n';
  };
  bool const luspo = loss_type == "luspo", vespo = loss_type == "vespo";
  line("loss_type", loss_type, "grpo, dr_grpo, dapo, bnpo, cispo, sapo, luspo or vespo: chooses among the keys below");
  line("importance_sampling_level", luspo ? "sequence" : "token",
       "token, or sequence with grpo, sapo and luspo, which has no other");
  line("scale_rewards", "group", "group (or true), batch, none (or false)");
  line("multi_objective_aggregation", "sum_then_normalize", "or normalize_then_sum");
  line("use_bias_correction_kl", "false", "the KL times p / p_old");
  line("use_adaptive_entropy", "false", "the entropy bonus steers towards entropy_target");
  line("vllm_importance_sampling_correction", "true", "p_old / p_sampled, where sampled_log_probs are given");
  line("vllm_importance_sampling_mode", vespo ? "token_truncate" : "sequence_mask",
       "token_truncate (default of vespo), token_mask; not with vespo: sequence_truncate, sequence_mask (default)");
  return text;
}

}  // namespace open_rs
