// SPDX-License-Identifier: Apache-2.0
// A softmax over five arms, trained by the same Trainer as language models, without LibTorch: ./examples/run bandit
#include <iostream>

#include "bandit.hpp"
#include "grove/algorithms.hpp"
#include "grove/reward/environment.hpp"

int main() {
  grove::Trainer trainer(grove::Grpo{}, SoftmaxBandit(5), PullArms{}, grove::EnvironmentReward{},
                         {.schedule = {.peak = 0.05}});
  trainer.run(100, [](auto const&, grove::StepReport const& report) {
    if (report.step % 20 == 0)
      std::cout << "step " << report.step << "  reward " << *report.metrics.find("reward") << '\n';
  });
  std::cout << "best arm's probability " << trainer.policy().probabilities().back() << '\n';
}
