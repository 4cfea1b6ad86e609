// SPDX-License-Identifier: Apache-2.0
// The commands of the example. The reinforcement learning is in train.cpp, the supervised start in pretrain.cpp;
// ../quickstart.cpp is the same with nothing around it.
#include <iostream>

#include "commands.hpp"
#include "grove/io/json.hpp"
#include "model.hpp"

namespace arithmetic {

int print_problems(open_rs::Arguments const& arguments) {
  std::uint64_t seed = 0;
  std::size_t n = 0;
  namespace po = open_rs::po;
  open_rs::Command command("arithmetic problems",
                           "Prints unseen problems as JSON lines {\"prompt\",\"answer\"}; no run trains on them.");
  command.options().add_options()                                     //
      ("seed", po::value(&seed)->default_value(0), "which problems")  //
      (",n", po::value(&n)->default_value(500), "how many");
  if (!command.parse(arguments)) return 0;
  auto const format = grove::PromptFormat::load(default_model());
  for (auto const& sum : draw_problems(Part::Unseen, seed, n)) {
    grove::io::Json const line = {{"prompt", format.text(to_problem(sum, 0))}, {"answer", sum.answer()}};
    std::cout << line.dump() << '\n';
  }
  return 0;
}

}  // namespace arithmetic

int main(int argc, char** argv) {
  open_rs::Arguments arguments(argv + 1, argv + argc);
  return open_rs::guarded("arithmetic", [&] {
    std::string const name = arguments.empty() || arguments[0].starts_with('-') ? "train" : arguments[0];
    if (!arguments.empty() && arguments[0] == name) arguments.erase(arguments.begin());
    if (name == "train") return arithmetic::train(arguments);
    if (name == "pretrain") return arithmetic::pretrain(arguments);
    if (name == "problems") return arithmetic::print_problems(arguments);
    throw grove::Error("arithmetic", "unknown command '" + name + "'", "train, pretrain or problems");
  });
}
