// SPDX-License-Identifier: Apache-2.0
// arithmetic: GRPO on the embedded model, from start to finish: problems, sampler, reward, trainer, observers.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "commands.hpp"
#include "grove/algorithms.hpp"
#include "grove/error.hpp"
#include "grove/observers.hpp"
#include "grove/policy/separate_critic.hpp"
#include "grove/reward/exact_answer.hpp"
#include "grove/reward/format.hpp"
#include "grove/reward/sum.hpp"
#include "grove/rollout/any_token_rollout.hpp"
#include "grove/rollout/run_folder.hpp"
#include "model.hpp"
#include "open_rs/algorithm_options.hpp"
#include "open_rs/checkpoints.hpp"
#include "open_rs/critic.hpp"

namespace arithmetic {
namespace {

struct Flags {
  std::filesystem::path model{}, out{}, record{}, replay{}, gradients{};
  std::string dtype{}, control{}, algorithm{}, critic{};
  std::vector<std::string> settings{};
  open_rs::ResumeFlags resume{};
  std::size_t save_steps = 0, save_total_limit = 0;
  std::uint64_t seed = 0;
  std::size_t steps = 0, problems = 0, threads = 0, epochs = 0, minibatches = 0, value_warmup = 0;
  std::uint32_t group = 0;
  double rate = 0, temperature = 0, stop_at = 0, critic_rate = 0;
};

open_rs::Command command_for(Flags& flags) {
  namespace po = open_rs::po;
  open_rs::Command command(
      "arithmetic [train]",
      "Trains the embedded model with GRPO and shows its accuracy on unseen problems before and after.\n"
      "Other commands: arithmetic pretrain, arithmetic problems.");
  command.options().add_options()                                                                          //
      ("out", po::value(&flags.out)->value_name("DIR"), "run directory (default: a new one under runs/)")  //
      ("seed", po::value(&flags.seed)->default_value(0), "of problems, samples and shuffles")              //
      ("steps", po::value(&flags.steps)->default_value(500), "training steps")                             //
      ("problems", po::value(&flags.problems)->default_value(64), "problems a step")                       //
      ("group", po::value(&flags.group)->default_value(8), "completions of each problem")                  //
      ("learning-rate", po::value(&flags.rate)->default_value(1.5e-4), "of AdamW")                         //
      ("algorithm", po::value(&flags.algorithm)->default_value("grpo_token_mean")->value_name("NAME"),
       "listed below")  //
      ("set", po::value(&flags.settings)->composing()->value_name("KEY=VALUE"),
       "a number of the algorithm; listed below")  //
      ("critic", po::value(&flags.critic)->default_value("shared"),
       "where values come from: a head on the policy (shared) or a model of its own (separate)")  //
      ("critic-learning-rate", po::value(&flags.critic_rate)->default_value(0),
       "of the head or the separate model; 0: the policy's")  //
      ("value-warmup", po::value(&flags.value_warmup)->default_value(0),
       "steps in which only the critic learns")                                                                       //
      ("temperature", po::value(&flags.temperature)->default_value(1.0), "of sampling and of the trained log-probs")  //
      ("epochs", po::value(&flags.epochs)->default_value(1), "passes over each batch")                                //
      ("minibatches", po::value(&flags.minibatches)->default_value(2), "optimizer steps in each pass")                //
      ("stop-at", po::value(&flags.stop_at)->default_value(100)->value_name("PERCENT"),
       "end early at this accuracy")  //
      ("model", po::value(&flags.model)->default_value(default_model(), "the embedded one")->value_name("DIR"),
       "model to start from")                                                                           //
      ("dtype", po::value(&flags.dtype)->default_value("f32"), "f32 or bf16")                           //
      ("threads", po::value(&flags.threads)->default_value(0), "0: all cores; never changes a result")  //
      ("control", po::value(&flags.control)->default_value("none"),
       "none, constant, shuffled or negated: spoils the reward")                                                //
      ("record", po::value(&flags.record)->value_name("DIR"), "write every batch there")                        //
      ("replay", po::value(&flags.replay)->value_name("DIR"), "train on recorded batches instead of sampling")  //
      ("dump-gradients", po::value(&flags.gradients)->value_name("DIR"), "write each update's gradient there");
  command.options().add_options()  //
      ("save-steps", po::value(&flags.save_steps)->default_value(100),
       "steps between checkpoints; 0: only at the end")  //
      ("save-total-limit", po::value(&flags.save_total_limit)->default_value(2), "newest that are kept; 0: all");
  flags.resume.add_to(command.options());
  return command;
}

/// Training problems by draw index, any of them at any place.
grove::ProblemSource training_problems(std::uint64_t seed) {
  return [seed, problems = all_problems(Part::Training)](std::uint64_t draw) {
    grove::RandomSequence random(grove::RandomStream({seed, grove::Purpose::Data}), draw);
    return to_problem(problems[random.below(static_cast<std::uint32_t>(problems.size()))], draw);
  };
}

/// The reward of a run, or the one of a control: the same scores made constant, handed to the wrong completions, or
/// with their sign turned.
class ArithmeticReward {
 public:
  ArithmeticReward(std::string control, std::uint64_t seed) : control_(std::move(control)), seed_(seed) {
    if (control_ != "none" && control_ != "constant" && control_ != "shuffled" && control_ != "negated")
      throw grove::Error("--control", "'" + control_ + "'", "none, constant, shuffled or negated");
  }

  grove::RewardMatrix evaluate(grove::TokenTrajectories const& t, grove::Scorer& scorer) const {
    if (t.recorded.rewards() > 0)
      return t.recorded.weighed_as({std::string(grove::ThinkAnswerFormat::name), std::string(grove::ExactAnswer::name)},
                                   {0.0, 1.0});
    auto matrix = scorer(sum_, t);
    if (control_ == "none") return matrix;
    std::vector<std::size_t> order(matrix.samples());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (control_ == "shuffled") {
      grove::RandomSequence random(grove::RandomStream({seed_, grove::Purpose::Shuffle}, t.samples.front().id));
      grove::shuffle(std::span(order), random);
    }
    auto spoilt = matrix;
    for (std::size_t r = 0; r < matrix.rewards(); ++r)
      for (std::size_t s = 0; s < matrix.samples(); ++s) {
        if (control_ == "shuffled") spoilt(r, s) = matrix(r, order[s]);
        if (control_ == "constant") spoilt(r, s) = 1.0;
        if (control_ == "negated") spoilt(r, s) = -*matrix(r, s);
      }
    return spoilt;
  }

 private:
  grove::Sum<grove::ThinkAnswerFormat, grove::ExactAnswer> sum_{grove::weighted(0.0, grove::ThinkAnswerFormat{}),
                                                                grove::ExactAnswer{}};
  std::string control_;
  std::uint64_t seed_;
};

grove::AnyTokenRollout rollout_for(Flags const& flags, grove::PromptFormat const& format) {
  if (!flags.replay.empty()) return grove::Replay(flags.replay);
  return grove::GroupSampler(training_problems(flags.seed), format,
                             {.problems = flags.problems,
                              .group = flags.group,
                              .sampling = {.temperature = flags.temperature},
                              .max_tokens = max_completion_tokens,
                              .seed = flags.seed});
}

std::string percent(double share) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << 100 * share;
  return text.str();
}

void print_table(double before, double after, std::size_t unseen, double seconds, double tokens,
                 std::filesystem::path const& folder) {
  std::cout << std::fixed << std::setprecision(1)                                                        //
            << "\naccuracy on " << unseen << " unseen problems (greedy)\n"                               //
            << "  before          " << std::setw(6) << 100 * before << " %\n"                            //
            << "  after           " << std::setw(6) << 100 * after << " %\n"                             //
            << "training time     " << std::setw(6) << seconds << " s\n"                                 //
            << "sampled tokens/s  " << std::setw(6) << std::setprecision(0) << tokens / seconds << '\n'  //
            << "run directory     " << folder.string() << "  (models: start/, final/)\n";
}

/// The algorithm by name and the numbers that this example sets where --set does not: no KL for GRPO, so that no
/// reference model is loaded, and the longest completion. Rewards and their weights are the example's own.
open_rs::AlgorithmSource source_of(std::string name, std::vector<std::string> settings) {
  open_rs::AlgorithmSource source{.name = std::move(name),
                                  .settings = std::move(settings),
                                  .defaults = {"max_completion_length=" + std::to_string(max_completion_tokens)},
                                  .run_keys = {"mask_truncated_completions"}};
  if (source.name == "grpo_token_mean") source.defaults.emplace_back("beta=0");
  return source;
}

grove::AnyAlgorithm algorithm_for(Flags const& flags, grove::TrainOptions& options) {
  open_rs::ObjectiveOptions run;
  auto algorithm = open_rs::algorithm_of(source_of(flags.algorithm, flags.settings), run);
  options.mask_truncated_completions = run.mask_truncated_completions;
  return algorithm;
}

/// What a resume must have the same.
open_rs::RunPlace place_of(Flags const& flags, std::filesystem::path const& folder, grove::Settings settings) {
  settings.emplace_back("problems", std::to_string(flags.problems));
  settings.emplace_back("group", std::to_string(flags.group));
  settings.emplace_back("temperature", grove::setting_text(flags.temperature));
  settings.emplace_back("control", flags.control);
  settings.emplace_back("dtype", flags.dtype);
  return {.folder = folder,
          .model = flags.model,
          .dtype = flags.dtype == "bf16" ? grove::Dtype::BF16 : grove::Dtype::F32,
          .resume = flags.resume.resume,
          .allowed = flags.resume.names(),
          .settings = std::move(settings)};
}

/// Trains and shows what came of it.
template <class P, class Batching>
void run(Flags const& flags, P policy, grove::AnyAlgorithm algorithm, grove::TrainOptions const& options,
         Batching batching, std::filesystem::path const& folder) {
  auto const format = grove::PromptFormat::load(flags.model);
  grove::Trainer trainer(std::move(algorithm), std::move(policy), rollout_for(flags, format),
                         ArithmeticReward(flags.control, flags.seed), options, batching);

  auto const unseen = draw_problems(Part::Unseen, 0, 500);
  double const before = accuracy(trainer.policy(), format, unseen);
  auto const place = place_of(flags, folder, trainer.settings());
  auto const done = open_rs::take_up(trainer, place);
  grove::RunLog log(folder, true, done);
  if (done == 0) grove::save_model(trainer.policy(), flags.model, folder / "start");
  double tokens = 0;
  auto const record = [&](auto& t, grove::StepReport const& report) {
    tokens += *report.metrics.find("num_tokens");
    if (!flags.record.empty()) grove::Recorder{flags.record}(t, report);
  };
  grove::Progress progress(std::cerr, flags.steps, isatty(STDERR_FILENO) != 0);
  double reached = before;
  auto evaluate = grove::EveryN{20, [&](auto& t, grove::StepReport const&) {
                                  reached = accuracy(t.policy(), format, unseen);
                                  progress.set_note("  accuracy " + percent(reached) + " %");
                                }};
  auto enough = grove::StopIf{[&](grove::StepReport const&) { return 100 * reached >= flags.stop_at; }};
  progress.set_note("  accuracy " + percent(before) + " %");
  auto const start = std::chrono::steady_clock::now();
  open_rs::CheckpointKeys keys;
  keys.save_steps = flags.save_steps;
  keys.save_total_limit = flags.save_total_limit;
  grove::Checkpoint checkpoint(open_rs::checkpoint_options(place, keys));
  trainer.run(flags.steps - std::min<std::size_t>(flags.steps, done), evaluate, progress, log, record, enough,
              checkpoint);
  if (open_rs::asked_to_stop()) return;
  auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  double const after = accuracy(trainer.policy(), format, unseen);
  grove::save_model(trainer.policy(), flags.model, folder / "final");
  print_table(before, after, unseen.size(), seconds, tokens, folder);
}

}  // namespace

int train(open_rs::Arguments const& arguments) {
  Flags flags;
  auto command = command_for(flags);
  command.show(open_rs::algorithm_table(
      source_of(open_rs::name_in(arguments, "grpo_token_mean"), open_rs::values_in(arguments, "--set"))));
  if (!command.parse(arguments)) return 0;
  open_rs::catch_signals();
  auto const folder = flags.out.empty() ? open_rs::new_run_folder("arithmetic") : flags.out;
  if (flags.dtype != "f32" && flags.dtype != "bf16")
    throw grove::Error("--dtype", "'" + flags.dtype + "'", "f32 or bf16");
  grove::CausalLmOptions lm{.dtype = flags.dtype == "bf16" ? grove::Dtype::BF16 : grove::Dtype::F32,
                            .temperature = static_cast<float>(flags.temperature)};
  if (flags.threads > 0) lm.threads = flags.threads;
  grove::TrainOptions options{.schedule = {.peak = flags.rate},
                              .epochs = flags.epochs,
                              .minibatches = flags.minibatches,
                              .value_warmup_steps = flags.value_warmup,
                              .seed = flags.seed};
  if (lm.dtype == grove::Dtype::BF16) options.ratio_check = grove::bf16_ratio_check();
  if (!flags.gradients.empty()) options.on_gradients = grove::dump_gradients_to(flags.gradients);
  auto algorithm = algorithm_for(flags, options);
  auto policy = grove::AnyCausalLm::load(flags.model, lm);
  // A mean over single micro-batches wants micro-batches of one size.
  if (algorithm.objective.depends_on_micro_batch) {
    run(flags, std::move(policy), std::move(algorithm), options, grove::SequencesPerMicroBatch{64}, folder);
    return 0;
  }
  open_rs::with_critic(
      std::move(policy), flags.model, algorithm,
      {.kind = flags.critic,
       .rate = flags.critic_rate > 0 ? flags.critic_rate / flags.rate : 1,
       .given = flags.critic_rate > 0 || flags.critic != "shared"},
      [&](auto chosen) { run(flags, std::move(chosen), algorithm, options, grove::TokenBudget{}, folder); });
  return 0;
}

}  // namespace arithmetic
