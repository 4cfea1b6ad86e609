// SPDX-License-Identifier: Apache-2.0
// Recipes: the shipped files, the original's keys, and open_rs recipe.
#include "open_rs/recipe.hpp"

#include <sstream>
#include <utility>

#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "open_rs/plan.hpp"
#include "open_rs/training.hpp"
#include "support/catch.hpp"

namespace {

grove::io::Json printed(open_rs::RecipeSources const& sources) {
  std::ostringstream out;
  open_rs::print_recipe(sources, true, out);
  return grove::io::Json::parse(out.str());
}

std::string refusal(std::string const& setting) {
  try {
    open_rs::resolve({.settings = {setting}});
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("recipe: every shipped file resolves, with the paper's batch") {
  for (auto const* kind : {"", "_as_run", "_tiny"}) {
    for (auto const* experiment : {"exp1", "exp2", "exp3"}) {
      auto const recipe = open_rs::resolve({.name = std::string(experiment) + kind});
      CHECK(recipe.prompts_per_step() == 12);
      CHECK(recipe.num_generations == 6);
      CHECK(recipe.beta == 0.04);
    }
  }
  CHECK(open_rs::resolve({.name = "exp1"}).max_completion_length == 4096);
  CHECK(open_rs::resolve({.name = "exp3"}).rewards.cosine_max_len == 3584);
}

TEST_CASE("recipe: the runs as they were ask for each defect, the repaired ones for none") {
  for (auto const* experiment : {"exp1", "exp2", "exp3"}) {
    auto const repaired = open_rs::resolve({.name = experiment});
    CHECK(repaired.as_run.placement == "colocated");
    CHECK_FALSE(repaired.as_run.has_two_views(repaired.temperature));
    CHECK(repaired.rewards.verifier == "strict");
    auto const as_run = open_rs::resolve({.name = std::string(experiment) + "_as_run"});
    CHECK(as_run.as_run.loss_scope == "rank_micro_batch");
    CHECK(as_run.as_run.logprob_temperature == 1.0);
    CHECK(as_run.as_run.placement == "split:1");
    CHECK(as_run.rewards.verifier == "compatible-open-rs");
  }
  auto const cosine = open_rs::resolve({.name = "exp3_as_run"}).rewards;
  CHECK(cosine.cosine_min_value_wrong == 0.0);
  CHECK(cosine.cosine_max_value_wrong == -0.5);
  CHECK(cosine.cosine_unit == "characters");
  CHECK(cosine.cosine_clamp == false);
}

TEST_CASE("recipe: the original's keys are taken, or refused with the reason") {
  // Every line of its YAML, and the defaults of TRL that were in force.
  for (auto const* key : {"attn_implementation=flash_attention_2",
                          "system_prompt=text",
                          "reward_funcs=format,cosine",
                          "reward_weights=1.0,2.0",
                          "cosine_max_len=3584",
                          "max_prompt_length=512",
                          "max_completion_length=3584",
                          "max_steps=500",
                          "num_train_epochs=1",
                          "num_generations=6",
                          "per_device_train_batch_size=6",
                          "per_device_eval_batch_size=6",
                          "gradient_accumulation_steps=4",
                          "gradient_checkpointing=true",
                          "gradient_checkpointing_kwargs=use_reentrant: false",
                          "learning_rate=1.0e-06",
                          "lr_scheduler_type=cosine_with_min_lr",
                          "warmup_ratio=0.1",
                          "temperature=0.7",
                          "seed=42",
                          "use_vllm=true",
                          "vllm_device=auto",
                          "vllm_enforce_eager=true",
                          "vllm_gpu_memory_utilization=0.7",
                          "vllm_max_model_len=4608",
                          "do_eval=false",
                          "hub_strategy=every_save",
                          "hub_model_id=OpenRS-GRPO",
                          "save_strategy=steps",
                          "save_steps=50",
                          "logging_strategy=steps",
                          "logging_steps=1",
                          "logging_first_step=true",
                          "log_level=info",
                          "log_completions=true",
                          "report_to=wandb",
                          "dataset_test_split=test",
                          "sync_ref_model=false",
                          "ref_model_mixup_alpha=0.6",
                          "ref_model_sync_steps=512",
                          "remove_unused_columns=false",
                          "vllm_dtype=auto",
                          "vllm_enable_prefix_caching=true",
                          "ds3_gather_for_generation=true",
                          "wandb_project=x"}) {
    INFO(key);
    CHECK(refusal(key).empty());
  }
  for (auto const& [key, reason] :
       {std::pair("model_revision=main", "one revision"), std::pair("torch_dtype=bfloat16", "--dtype"),
        std::pair("dataset_config=main", "--data"), std::pair("dataset_train_split=train", "--data"),
        std::pair("push_to_hub=true", "nothing is sent anywhere"), std::pair("output_dir=x", "--out"),
        std::pair("overwrite_output_dir=true", "--out"), std::pair("save_strategy=epoch", "expected steps"),
        std::pair("sync_ref_model=true", "the initial policy"), std::pair("warmup_steps=50", "warmup_ratio")}) {
    INFO(key);
    CHECK(refusal(key).find(reason) != std::string::npos);
  }
  CHECK(refusal("model_name_or_path=x").find("--model") != std::string::npos);
  CHECK(refusal("bf16=true").find("--dtype bf16") != std::string::npos);
  CHECK(refusal("dataset_name=x").find("--data") != std::string::npos);
  CHECK(refusal("lr_scheduler_kwargs=x").find("min_lr_rate") != std::string::npos);
  CHECK(refusal("do_eval=true").find("open_rs evaluate") != std::string::npos);
  CHECK(refusal("betta=1").find("did you mean 'beta'") != std::string::npos);
  CHECK(refusal("loss_scope=rank").find("rank_micro_batch") != std::string::npos);
}

TEST_CASE("recipe: gradient checkpointing is asked for, and is no part of what a checkpoint must agree with") {
  auto const without = open_rs::resolve({.name = "exp3"});
  auto const with = open_rs::resolve({.name = "exp3", .settings = {"gradient_checkpointing=true"}});
  CHECK_FALSE(without.gradient_checkpointing);
  CHECK(with.gradient_checkpointing);
  CHECK(with.resolved == without.resolved);
}

TEST_CASE(
    "recipe: what the host keeps for a device is asked for, and is no part of what a checkpoint must agree with") {
  auto const without = open_rs::resolve({.name = "exp3"});
  auto const with =
      open_rs::resolve({.name = "exp3", .settings = {"offload_optimizer=true", "offload_reference=true"}});
  CHECK(without.adamw().place == grove::MomentPlace::WithParameter);
  CHECK(with.adamw().place == grove::MomentPlace::Host);
  open_rs::TrainFlags const flags{.model = {.dtype = "f32", .device = "cpu"}};
  CHECK_FALSE(open_rs::options_of(flags, without).reference.offload);
  CHECK(open_rs::options_of(flags, with).reference.offload);
  CHECK(open_rs::options_of(flags, with).adamw.place == grove::MomentPlace::Host);
  CHECK(with.resolved == without.resolved);
}

TEST_CASE("recipe: each key says where its value comes from") {
  auto const keys = printed({.name = "exp3", .settings = {"beta=0.1", "use_vllm=true"}});
  CHECK(keys["beta"]["value"] == "0.1");
  CHECK(keys["beta"]["from"] == "--set");
  CHECK(keys["temperature"]["value"] == "0.7");
  CHECK(keys["temperature"]["from"].get<std::string>().starts_with("exp3.ini:"));
  CHECK(keys["top_k"]["from"] == "default");
  CHECK(keys["use_vllm"]["effect"].get<std::string>().starts_with("none: "));
  REQUIRE_THROWS_AS(printed({.name = "exp3", .settings = {"betta=1"}}), grove::Error);
}

TEST_CASE("recipe: optim says what moments are stored as, and a plan knows") {
  auto const resolved = [](std::vector<std::string> settings) {
    return open_rs::resolve({.name = "exp3", .settings = std::move(settings)});
  };
  auto const full = resolved({}), quantized = resolved({"optim=adamw_8bit"});
  CHECK(full.moment_format() == grove::MomentFormat::Full);
  CHECK(quantized.moment_format() == grove::MomentFormat::Block8);
  CHECK(resolved({"optim=adamw_bnb_8bit"}).moment_format() == grove::MomentFormat::Block8);
  CHECK(full.resolved != quantized.resolved);
  CHECK(printed({.name = "exp3", .settings = {"optim=adamw_8bit"}})["optim"]["value"] == "adamw_8bit");
  CHECK_THROWS_AS(resolved({"optim=adafactor"}), grove::Error);
  auto const peak = [](open_rs::Recipe const& recipe) { return open_rs::plan_of("exp3", recipe, "4xA40", "").peak(); };
  CHECK(peak(full) - peak(quantized) == Approx((8 - 2 * (1 + 4 / 256.0)) * 1'777'088'000.0 / 4));
}

TEST_CASE("recipe: sampling ahead wants ranks that sample, and one view of a prompt") {
  auto const message = [](std::vector<std::string> settings) -> std::string {
    try {
      open_rs::resolve({.name = "exp3", .settings = std::move(settings)});
    } catch (grove::Error const& e) {
      return e.what();
    }
    return "";
  };
  CHECK(message({"one_step_ahead=true", "placement=split:1"}).empty());
  CHECK(message({"one_step_ahead=true"}).find("placement = split:K") != std::string::npos);
  CHECK(open_rs::resolve({.name = "exp3", .settings = {"one_step_ahead=true"}, .replays = true})
            .off_policy.one_step_ahead);
  CHECK(
      message({"one_step_ahead=true", "placement=split:1", "rollout_bos=twice"}).find("one_step_ahead where trained") !=
      std::string::npos);
  CHECK(message({"old_log_probs=old"}).find("auto, sampled, recomputed or current") != std::string::npos);
  CHECK(message({"old_log_probs=sampled", "rollout_bos=twice"}).find("auto or recomputed") != std::string::npos);
  CHECK(message({"old_log_probs=recomputed", "rollout_bos=twice"}).empty());
  auto const waits = open_rs::resolve({.name = "exp3", .settings = {"placement=split:1"}});
  auto const ahead = open_rs::resolve({.name = "exp3", .settings = {"placement=split:1", "one_step_ahead=true"}});
  CHECK(waits.resolved != ahead.resolved);
  grove::TrainOptions options;
  ahead.off_policy.put_into(options);
  CHECK(options.ratio_check.staleness == 1);
  CHECK(options.old_log_probs == grove::OldLogProbs::Auto);
}
