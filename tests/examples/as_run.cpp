// SPDX-License-Identifier: Apache-2.0
// The switches of the runs as they were, one by one.
#include "open_rs/as_run.hpp"

#include <cmath>
#include <sstream>

#include "grove/data/torch_order.hpp"
#include "grove/error.hpp"
#include "grove/rollout/prompt_format.hpp"
#include "support/catch.hpp"

namespace {

open_rs::Recipe as_run(std::vector<std::string> const& settings = {}) {
  return open_rs::resolve({.name = "exp3_as_run", .settings = settings});
}

template <class F>
std::string message(F const& f) {
  try {
    f();
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "";
}

bool says(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

grove::PromptFormat format() {
  return grove::PromptFormat::load(std::string(GROVE_TEST_DATA) + "/../../examples/arithmetic/model");
}

std::vector<grove::Problem> conversations(std::vector<std::string> const& texts) {
  std::vector<grove::Problem> problems;
  for (auto const& text : texts) {
    auto& problem = problems.emplace_back();
    problem.id = problems.size() - 1;
    problem.messages.push_back({"user", text});
  }
  return problems;
}

}  // namespace

TEST_CASE("as run: k3 in bf16 arithmetic") {
  open_rs::K3InBf16 const k3;
  CHECK(k3(0.0).value == 0);
  CHECK(k3(0.0).d_log_p == 0);
  // exp(0.03125) = 1.03174 rounds to 1.03125, and 1.03125 - 0.03125 - 1 = 0; the exact value is 4.9e-4.
  CHECK(k3(-0.03125).value == 0);
  CHECK(k3(-0.03125).d_log_p == -0.03125);
  // exp(-0.03125) = 0.96923 rounds to 0.96875; 0.96875 + 0.03125 - 1 = 0.
  CHECK(k3(0.03125).value == 0);
  CHECK(k3(0.03125).d_log_p == 0.03125);
  // exp(-1) = 0.36788 rounds to 0.3671875, and 1.3671875 - 1.
  CHECK(k3(1.0).value == 0.3671875);
  CHECK(k3(1.0F).d_log_p == 0.6328125F);
  // exp(0.25) = 1.28403 rounds to 1.28125; 1.28125 - 0.25 = 1.03125.
  CHECK(k3(-0.25).value == 0.03125);
}

TEST_CASE("as run: the loss is a token mean of single micro-batches, and bf16") {
  CHECK(open_rs::has_original_loss(as_run()));
  CHECK(open_rs::original_loss(as_run()).describe() ==
        "Algorithm<GroupRelative<OverGroup>, Terms<TokenMean<Local>, PolicyGradient<TokenRatio, Clip>, "
        "KlInLoss<K3InBf16>>>");
  CHECK(says(open_rs::original_loss(as_run({"logprob_rounding=f32"})).describe(), "TokenMean<Local>"));
  CHECK(says(open_rs::original_loss(as_run({"loss_scope=step"})).describe(), "TokenMean<Window>"));
  CHECK_FALSE(open_rs::has_original_loss(open_rs::resolve({.name = "exp3"})));
}

TEST_CASE("as run: other numbers of ranks, token budgets and parts of groups do not start") {
  auto const with = [](std::size_t ranks, std::vector<std::string> const& settings = {}, char const* algorithm = "") {
    return message([&] { open_rs::check_loss_scope(as_run(settings), ranks, algorithm); });
  };
  CHECK(with(3).empty());
  CHECK(says(with(2), "on 2 training processes; expected 3, its num_processes"));
  CHECK(says(with(1), "num_processes=1 and gradient_accumulation_steps=12"));
  CHECK(with(1, {"num_processes=1", "gradient_accumulation_steps=12"}).empty());
  CHECK(with(2, {"loss_scope=step"}).empty());
  CHECK(says(with(3, {}, "gspo"), "do nothing in gspo"));
  CHECK(open_rs::training_ranks(as_run(), 4) == 3);
  CHECK(open_rs::training_ranks(as_run({"placement=colocated"}), 4) == 4);
  CHECK(says(message([] { as_run({"tokens_per_micro_batch=8192"}); }), "tokens_per_micro_batch is 8192"));
  CHECK(says(message([] {
               as_run({"per_device_train_batch_size=4", "gradient_accumulation_steps=6"});
             }),
             "a multiple of num_generations, 6"));
  CHECK(says(message([] { as_run({"loss_type=grpo"}); }), "expected dapo, a token mean"));
  CHECK(says(message([] { as_run({"loss_scope=step", "loss_type=grpo"}); }), "with logprob_rounding = bf16"));
  CHECK(says(message([] { as_run({"importance_sampling_level=sequence"}); }), "expected token"));
  CHECK(says(message([] { as_run({"use_peft=true"}); }), "use_peft is true with loss_scope"));
}

TEST_CASE("as run: which prompts are left out, cut or refused") {
  auto const problems = conversations({"1+1=", "1234567890123+12345678901234567890=", "2+2="});
  auto const limited = [&](std::string const& rule, std::string& log) {
    std::ostringstream text;
    auto const recipe = open_rs::resolve({.settings = {"prompt_over_limit=" + rule, "max_prompt_length=10"}});
    auto kept = open_rs::within_limit(problems, format(), recipe, text);
    log = text.str();
    return kept.size();
  };
  std::string log;
  CHECK(limited("drop", log) == 2);
  CHECK(log == "1 of 3 prompts are longer than 10 tokens: left out\n");
  CHECK(limited("left", log) == 3);
  CHECK(says(log, "training sees their ends"));
  CHECK(says(message([&] { limited("error", log); }), "problem 1: a prompt of 37 tokens; expected at most 10"));
}

TEST_CASE("as run: a model without a chat template is refused with the first problem") {
  grove::PromptFormat const bare(grove::text::Tokenizer::load(std::string(GROVE_TEST_DATA) + "/tokenizer/qwen2"), {});
  std::ostringstream log;
  CHECK(
      says(message([&] { open_rs::within_limit(conversations({"1+1="}), bare, as_run(), log); }), "no chat template"));
}

TEST_CASE("as run: problems come in torch's order, in chunks of a step") {
  std::vector<std::string> texts(100, "x");
  auto source = open_rs::in_order(conversations(texts), as_run());
  grove::data::TorchOrder order(100, 42, 12);
  for (std::uint64_t draw = 0; draw < 200; ++draw) CHECK(source(draw).id == order(draw));
}

TEST_CASE("as run: what makes two views") {
  auto const two = [](std::vector<std::string> const& settings) {
    auto const recipe = open_rs::resolve({.name = "exp3", .settings = settings});
    return recipe.as_run.has_two_views(recipe.temperature);
  };
  CHECK_FALSE(two({}));
  CHECK_FALSE(two({"logprob_temperature=0.7"}));
  CHECK(two({"logprob_temperature=1"}));
  CHECK(two({"logprob_rounding=bf16"}));
  CHECK(two({"rollout_bos=twice"}));
  CHECK(two({"prompt_over_limit=left"}));
  auto const views = open_rs::prompt_views(as_run());
  CHECK(views.second_bos);
  CHECK(views.train_tokens == 512);
}
