// SPDX-License-Identifier: Apache-2.0
// The numbers of a run, and what they are by default for each environment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace control_example {

struct Settings {
  std::string environment = "CartPole-v1";
  std::uint64_t seed = 1;
  std::filesystem::path out{};
  std::size_t steps = 0;         ///< of all environments together
  std::size_t environments = 8;  ///< side by side
  std::size_t horizon = 32;      ///< steps of each between two trainings
  std::size_t minibatch = 256;   ///< transitions
  std::size_t epochs = 10;
  double gamma = 0.99;
  double lambda = 0.95;
  double learning_rate = 1e-3;
  bool decay = false;  ///< learning rate linearly to 0
  double clip = 0.2;
  double value_coefficient = 0.5;  ///< of the mean squared error
  double entropy_coefficient = 0;
  double max_gradient_norm = 0.5;
  double log_deviation = 0;  ///< initial, of a Gaussian head
  bool normalize = false;    ///< observations and rewards
  double solved = 0;         ///< mean return that counts as solved
  std::size_t evaluation_episodes = 100;
  std::size_t evaluate_every = 0;  ///< collections; 0: about twenty times in a run
};

/// Names of the environments, the default one first.
std::vector<std::string> environment_names();

/// From the command line: the defaults are those of the environment it names. None where --help was asked for, which is
/// printed then. Throws grove::Error for what is wrong.
std::optional<Settings> parse_settings(std::vector<std::string> const& arguments);

}  // namespace control_example
