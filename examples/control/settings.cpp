// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cmath>
#include <iostream>
#include <sstream>
#include <utility>

#include "grove/error.hpp"

namespace control_example {
namespace {

namespace po = boost::program_options;

/// Numbers near those that RL Baselines3 Zoo found for PPO; where it explores with noise that depends on the state, the
/// deviation here is a parameter alone.
std::vector<Settings> const& defaults() {
  static std::vector<Settings> const all = {{.environment = "CartPole-v1",
                                             .steps = 100'000,
                                             .environments = 8,
                                             .horizon = 32,
                                             .minibatch = 256,
                                             .epochs = 20,
                                             .gamma = 0.98,
                                             .lambda = 0.8,
                                             .decay = true,
                                             .solved = 475},
                                            {.environment = "Pendulum-v1",
                                             .steps = 300'000,
                                             .environments = 4,
                                             .horizon = 1024,
                                             .minibatch = 64,
                                             .gamma = 0.95,
                                             .decay = true,
                                             .solved = -200},
                                            {.environment = "Acrobot-v1",
                                             .steps = 200'000,
                                             .environments = 16,
                                             .horizon = 128,
                                             .minibatch = 256,
                                             .epochs = 8,
                                             .lambda = 0.94,
                                             .normalize = true,
                                             .solved = -100},
                                            {.environment = "MountainCarContinuous-v0",
                                             .steps = 200'000,
                                             .environments = 8,
                                             .horizon = 512,
                                             .minibatch = 256,
                                             .gamma = 0.999,
                                             .learning_rate = 3e-4,
                                             .normalize = true,
                                             .solved = 90}};
  return all;
}

std::string joined(std::vector<std::string> const& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  return text;
}

/// The defaults of the environment that is named anywhere in the arguments.
Settings defaults_for(std::vector<std::string> const& arguments) {
  po::options_description only;
  std::string name;
  only.add_options()("env", po::value(&name)->default_value(defaults().front().environment));
  po::variables_map values;
  po::store(po::command_line_parser(arguments).options(only).allow_unregistered().run(), values);
  po::notify(values);
  auto const at = std::ranges::find(defaults(), name, &Settings::environment);
  if (at == defaults().end()) throw grove::Error("--env", "'" + name + "'", joined(environment_names()));
  return *at;
}

po::options_description options_of(Settings& s) {
  po::options_description options("Options (defaults are those of " + s.environment + ")");
  auto const with = [](auto& value) {
    std::ostringstream text;
    text << value;
    return po::value(&value)->default_value(value, text.str());
  };
  options.add_options()                                                                                       //
      ("help,h", "print this help")                                                                           //
      ("env", with(s.environment), joined(environment_names()).c_str())                                       //
      ("seed", with(s.seed), "of weights, actions, resets and minibatches")                                   //
      ("out", po::value(&s.out)->value_name("DIR"), "where the learning curve goes; default runs/ENV-seedN")  //
      ("steps", with(s.steps), "environment steps, rounded up to whole collections")                          //
      ("environments", with(s.environments), "environments side by side")                                     //
      ("horizon", with(s.horizon), "steps of each environment between two trainings")                         //
      ("minibatch", with(s.minibatch), "transitions an optimizer step; divides environments * horizon")       //
      ("epochs", with(s.epochs), "passes over the collected transitions")                                     //
      ("gamma", with(s.gamma), "discount")                                                                    //
      ("lambda", with(s.lambda), "of generalised advantage estimation")                                       //
      ("learning-rate", with(s.learning_rate), "of Adam")                                                     //
      ("decay", with(s.decay), "1: the learning rate falls linearly to 0")                                    //
      ("clip", with(s.clip), "range of the probability ratio around 1")                                       //
      ("vf-coef", with(s.value_coefficient), "weight of the critic's mean squared error")                     //
      ("ent-coef", with(s.entropy_coefficient), "weight of the entropy bonus")                                //
      ("max-grad-norm", with(s.max_gradient_norm), "0: gradients are not clipped")                            //
      ("log-deviation", with(s.log_deviation), "initial, of continuous actions")                              //
      ("normalize", with(s.normalize), "1: observations and rewards by their running deviation")              //
      ("solved", with(s.solved), "mean return that counts as solved")                                         //
      ("eval-episodes", with(s.evaluation_episodes), "episodes of an evaluation")                             //
      ("eval-every", with(s.evaluate_every), "collections between evaluations; 0: some twenty in all");
  return options;
}

template <class T>
void require(char const* option, T value, bool holds, char const* expected) {
  if (!holds) throw grove::Error(std::string("--") + option, "is " + std::to_string(value), expected);
}

void check(Settings const& s) {
  require("environments", s.environments, s.environments > 0, "at least 1");
  require("horizon", s.horizon, s.horizon > 0, "at least 1");
  require("minibatch", s.minibatch, s.minibatch > 0, "at least 1");
  require("epochs", s.epochs, s.epochs > 0, "at least 1");
  require("steps", s.steps, s.steps > 0, "at least 1");
  require("eval-episodes", s.evaluation_episodes, s.evaluation_episodes > 0, "at least 1");
  require("gamma", s.gamma, s.gamma >= 0 && s.gamma <= 1, "0 to 1");
  require("lambda", s.lambda, s.lambda >= 0 && s.lambda <= 1, "0 to 1");
  require("clip", s.clip, s.clip >= 0, "at least 0");
  require("learning-rate", s.learning_rate, s.learning_rate > 0 && std::isfinite(s.learning_rate), "above 0");
  require("vf-coef", s.value_coefficient, s.value_coefficient >= 0 && std::isfinite(s.value_coefficient), "at least 0");
  require("ent-coef", s.entropy_coefficient, std::isfinite(s.entropy_coefficient), "a finite number");
  require("max-grad-norm", s.max_gradient_norm, s.max_gradient_norm >= 0, "at least 0");
  require("solved", s.solved, std::isfinite(s.solved), "a finite number");
  require("log-deviation", s.log_deviation, std::isfinite(s.log_deviation), "a finite number");
}

/// One that is asked for; the default makes minibatches of about its size of any collection.
void check_minibatch(Settings const& s) {
  auto const collection = s.environments * s.horizon;
  if (collection % s.minibatch != 0)
    throw grove::Error("--minibatch", "is " + std::to_string(s.minibatch),
                       "a divisor of environments * horizon = " + std::to_string(collection));
}

/// Boost reads -1 as the greatest count there is.
void refuse_negative_counts(po::parsed_options const& parsed) {
  for (auto const& option : parsed.options) {
    auto const* known = parsed.description->find_nothrow(option.string_key, false);
    if (known == nullptr || option.value.empty() || !option.value.front().starts_with('-')) continue;
    if (dynamic_cast<po::typed_value<std::size_t> const*>(known->semantic().get()) != nullptr)
      throw grove::Error("--" + option.string_key, "is " + option.value.front(), "a whole number from 0");
  }
}

}  // namespace

std::vector<std::string> environment_names() {
  std::vector<std::string> names;
  for (auto const& settings : defaults()) names.push_back(settings.environment);
  return names;
}

std::optional<Settings> parse_settings(std::vector<std::string> const& arguments) try {
  auto settings = defaults_for(arguments);
  auto const options = options_of(settings);
  po::variables_map values;
  auto const parsed = po::command_line_parser(arguments).options(options).positional({}).run();
  refuse_negative_counts(parsed);
  po::store(parsed, values);
  if (values.count("help")) {
    std::cout << "usage: control [options]\nTrains a small policy and critic on an environment of Gymnasium by PPO.\n\n"
              << options;
    return std::nullopt;
  }
  po::notify(values);
  check(settings);
  if (!values["minibatch"].defaulted()) check_minibatch(settings);
  if (settings.out.empty())
    settings.out = std::filesystem::path("runs") / (settings.environment + "-seed" + std::to_string(settings.seed));
  return settings;
} catch (po::error const& e) {
  throw grove::Error("control", e.what(), {}, "see control --help");
}

}  // namespace control_example
