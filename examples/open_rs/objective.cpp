// SPDX-License-Identifier: Apache-2.0
// open_rs objective: advantages, loss and derivatives of given columns, so that anyone can check a composition against
// another implementation.
#include <iostream>
#include <sstream>

#include "grove/error.hpp"
#include "grove/named/named_algorithm.hpp"
#include "open_rs/algorithm_options.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/objective_batch.hpp"

namespace open_rs {

int objective(Arguments const& arguments) {
  std::string name;
  std::vector<std::string> settings;
  Command command(
      "open_rs objective",
      "Lines {\"log_probs\":[[..]],\"rewards\":[[..]],\"groups\":[..],...} on stdin, each a whole optimizer "
      "step -> {\"advantages\",\"loss\",\"d_log_prob\",\"d_entropy\",\"d_value\",\"metrics\"}, in double "
      "precision.");
  command.options().add_options()                                                                         //
      ("algorithm", po::value(&name)->default_value("grpo")->value_name("NAME"), "listed below, or trl")  //
      ("set", po::value(&settings)->composing()->value_name("KEY=VALUE"), "a number of the algorithm; listed below");
  command.show(algorithm_table({.name = name_in(arguments, "grpo"), .settings = values_in(arguments, "--set")}));
  if (!command.parse(arguments)) return 0;
  ObjectiveOptions options;
  auto const algorithm = algorithm_of({.name = name, .settings = settings}, options);
  for_each_batch<std::string>(
      std::cin, 1,
      [&](Line const& line) {
        auto const batch = read_batch(line, options);
        return to_json(evaluate(algorithm, batch, options), batch.episodes);
      },
      [](std::vector<std::string> const& lines) {
        for (auto const& line : lines) std::cout << line << '\n';
      });
  return 0;
}

}  // namespace open_rs
