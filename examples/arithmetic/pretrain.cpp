// SPDX-License-Identifier: Apache-2.0
// arithmetic pretrain: makes the embedded model. It imitates a careless teacher, who forgets carries and hundreds more
// often than not, and is stopped part-way. What is left for reinforcement learning is to find out, from right and wrong
// alone, which of the things it has seen are the right ones.
#include <iostream>

#include "commands.hpp"
#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"
#include "grove/observers.hpp"
#include "grove/rollout/run_folder.hpp"
#include "grove/supervised.hpp"
#include "model.hpp"

namespace arithmetic {
namespace {

/// How often the teacher forgets.
constexpr double careless = 0.6;

/// A rollout that shows worked answers to training problems.
class Demonstrations {
 public:
  Demonstrations(grove::PromptFormat format, std::uint64_t seed, std::size_t batch)
      : format_(std::move(format)), problems_(all_problems(Part::Training)), seed_(seed), batch_(batch) {}

  grove::TokenTrajectories collect(grove::AnyCausalLm& policy) {
    grove::TokenTrajectories t;
    grove::RandomSequence random(grove::RandomStream({seed_, grove::Purpose::Data}, collection_++));
    for (std::uint32_t i = 0; i < batch_; ++i) {
      auto const& sum = problems_[random.below(static_cast<std::uint32_t>(problems_.size()))];
      t.problems.push_back(to_problem(sum, i));
      Care const care{.carries = random.uniform() >= careless, .hundred = random.uniform() >= careless};
      grove::Completion completion{.tokens = format_.tokenizer().encode(sum.worked(care) + "<|end|>"),
                                   .finish = grove::Finish::Stop};
      completion.log_probs.assign(completion.tokens.size(), 0.0f);
      completion.versions.assign(completion.tokens.size(), policy.version());
      t.add({.id = i, .problem = i, .prompt = format_.tokens(t.problems.back()), .completion = std::move(completion)},
            i);
    }
    return t;
  }

 private:
  grove::PromptFormat format_;
  std::vector<Sum> problems_;
  std::uint64_t seed_, collection_ = 0;
  std::size_t batch_;
};

}  // namespace

int pretrain(open_rs::Arguments const& arguments) {
  std::filesystem::path out;
  std::uint64_t seed = 0;
  std::size_t steps = 0, batch = 0, threads = 0;
  double rate = 0;
  namespace po = open_rs::po;
  open_rs::Command command("arithmetic pretrain", "Makes the model that `arithmetic` starts from.");
  command.options().add_options()                                                                  //
      ("out", po::value(&out)->required()->value_name("DIR"), "where the model folder goes")       //
      ("seed", po::value(&seed)->default_value(0), "of weights and problems")                      //
      ("steps", po::value(&steps)->default_value(270), "supervised steps")                         //
      ("batch", po::value(&batch)->default_value(128), "worked answers a step")                    //
      ("learning-rate", po::value(&rate)->default_value(1e-3), "peak, after 50 steps of warm-up")  //
      ("threads", po::value(&threads)->default_value(0), "0: all cores");
  if (!command.parse(arguments)) return 0;

  grove::io::AtomicFolder folder(out);
  write_tokenizer(folder.path());
  auto const format = grove::PromptFormat::load(folder.path());
  grove::CausalLmOptions lm;
  if (threads > 0) lm.threads = threads;
  grove::Trainer trainer(grove::Supervised{}, grove::AnyCausalLm::random(model_config(), seed, lm),
                         Demonstrations(format, seed, batch), grove::NoReward{},
                         {.schedule = {.peak = rate, .warmup = 50}, .ratio_check = {.stop = false}});
  auto const probe = draw_problems(Part::Training, seed, 300);
  trainer.run(steps, grove::EveryN{30, [&](auto& t, grove::StepReport const& report) {
                                     std::cerr << "step " << report.step << "  loss " << *report.metrics.find("loss")
                                               << "  greedy accuracy " << accuracy(t.policy(), format, probe) << '\n';
                                   }});
  trainer.policy().save(folder.path());
  folder.commit();
  std::cerr << "wrote " << out.string() << '\n';
  return 0;
}

}  // namespace arithmetic
