// SPDX-License-Identifier: Apache-2.0
// What tests of open_rs's command line start from: the program as a function, and a folder with a tiny model and data.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "grove/rollout/run_folder.hpp"
#include "open_rs/open_rs.hpp"
#include "support/captured.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

namespace test {

template <class... Rewards>
Captured run(std::vector<std::string> arguments, std::string const& input = "", Rewards... rewards) {
  arguments.insert(arguments.begin(), "open_rs");
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  return captured(input, [&] { return open_rs::main(static_cast<int>(argv.size()), argv.data(), rewards...); });
}

/// A folder with a tiny model, its tokenizer, a chat template and some problems.
struct Workplace {
  TemporaryFolder folder{"command-line"};
  std::filesystem::path const& root = folder.path;
  std::string model = (root / "model").string(), data = (root / "data.jsonl").string();

  Workplace() {
    grove::save_model(tiny::policy(), tiny::tokenizer_folder(), model);
    std::ofstream(std::filesystem::path(model) / "chat_template.jinja")
        << "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}[a]{% "
           "endif %}";
    std::ofstream file(data);
    for (int i = 0; i < 8; ++i) file << R"({"problem":"What is )" << i << R"( + 1?","answer":)" << i + 1 << "}\n";
  }

  std::vector<std::string> train(std::vector<std::string> more) const {
    std::vector<std::string> arguments = {
        "train", "--model", model, "--data", data, "--out", (root / "run").string(), "--threads", "1"};
    for (auto const* setting :
         {"system_prompt=", "num_generations=2", "per_device_train_batch_size=4", "num_processes=1",
          "gradient_accumulation_steps=1", "max_completion_length=6", "learning_rate=1e-3"}) {
      arguments.push_back("--set");
      arguments.push_back(setting);
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
};

}  // namespace test
