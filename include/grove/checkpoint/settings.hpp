// SPDX-License-Identifier: Apache-2.0
// The numbers that a run was started with, as text: a resume with others is refused by name.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/option.hpp"
#include "grove/train_options.hpp"

namespace grove {

/// Names and values.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// The shortest text that reads back as the same number.
inline std::string setting_text(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}
inline std::string setting_text(std::size_t value) { return std::to_string(value); }
inline std::string setting_text(bool value) { return value ? "true" : "false"; }

/// The options of an algorithm and of the training, those that change results.
template <class Algorithm>
Settings settings_of(Algorithm const& algorithm, TrainOptions const& o) {
  Settings settings;
  auto const add = [&](std::string_view name, auto value) { settings.emplace_back(name, setting_text(value)); };
  visit_options(algorithm, [&](Option const& option, auto const& value) { add(option.name, value); });
  add("learning_rate", o.schedule.peak);
  add("decay", static_cast<std::size_t>(o.schedule.decay));
  add("warmup", o.schedule.warmup);
  add("total", o.schedule.total);
  add("min_ratio", o.schedule.min_ratio);
  add("adam_beta1", o.adamw.beta1);
  add("adam_beta2", o.adamw.beta2);
  add("adam_epsilon", o.adamw.eps);
  add("weight_decay", o.adamw.weight_decay);
  settings.emplace_back("optim", o.adamw.moments == MomentFormat::Block8 ? "adamw_8bit" : "adamw_torch");
  add("max_grad_norm", o.max_grad_norm);
  add("epochs", o.epochs);
  add("minibatches", o.minibatches);
  add("old_log_probs", static_cast<std::size_t>(o.old_log_probs));
  add("mask_truncated_completions", o.mask_truncated_completions);
  add("value_warmup_steps", o.value_warmup_steps);
  add("ref_model_sync_steps", o.reference.every);
  add("ref_model_mixup_alpha", o.reference.mixup);
  add("seed", static_cast<std::size_t>(o.seed));
  return settings;
}

}  // namespace grove
