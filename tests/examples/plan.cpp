// SPDX-License-Identifier: Apache-2.0
// open_rs plan: the CPU engine's memory, a bound of keys and values, and advice that helps.
#include <algorithm>
#include <string>
#include <vector>

#include "examples/workplace.hpp"
#include "grove/nn/cpu/adapters.hpp"
#include "open_rs/plan_cpu.hpp"
#include "support/catch.hpp"

namespace {

using grove::io::Json;
using test::run;
using test::Workplace;

test::Captured plan(std::vector<std::string> more) {
  more.insert(more.begin(), "plan");
  return run(more);
}

Json json_of(std::vector<std::string> more) {
  more.emplace_back("--json");
  auto const result = plan(std::move(more));
  INFO(result.error);
  REQUIRE(result.code == 0);
  return result.json();
}

void refused(std::vector<std::string> const& options, std::string const& part) {
  auto const result = plan(options);
  INFO(result.error);
  CHECK(result.code == 2);
  CHECK(result.error.find(part) != std::string::npos);
  CHECK(std::ranges::count(result.error, '\n') == 1);
  CHECK(result.out.empty());
}

}  // namespace

TEST_CASE("plan: memory on the CPU engine is the library's, for the recipe's numbers") {
  Workplace const w;
  std::vector<std::string> const cpu = {"--cpu", "--recipe", "exp3_tiny", "--model", w.model, "--threads", "2"};
  auto const made = json_of(cpu);
  auto const recipe = open_rs::resolve({.name = "exp3_tiny"});
  auto const shape = grove::plan::shape_of(tiny::config());
  open_rs::CpuPlanFlags const flags{.model = w.model, .threads = 2};
  auto const work = open_rs::cpu_workload(recipe, shape, flags);
  CHECK(work.prompts == recipe.prompts_per_step());
  CHECK(work.completion == recipe.max_completion_length);
  CHECK(work.width == 128);
  auto const phases = grove::plan::cpu_memory(shape, work);
  REQUIRE(made["phases"].size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(made["phases"][i]["name"] == phases[i].name);
    CHECK(made["phases"][i]["total_bytes"].get<double>() == Approx(phases[i].total_bytes()));
    for (auto const& term : phases[i].bytes) CHECK(made["phases"][i]["bytes"][term.name] == term.value);
  }
  CHECK(made["peak_bytes"].get<double>() >= made["phases"][2]["total_bytes"].get<double>());
  CHECK(made["fits"] == true);
  auto const table = plan(cpu);
  for (auto const& phase : phases)
    for (auto const& term : phase.bytes) CHECK(table.out.find(term.name) != std::string::npos);
  CHECK(table.out.find(": fits") != std::string::npos);

  auto const kv_cache = [](Json const& of) { return of["phases"][0]["bytes"]["kv_cache"].get<double>(); };
  auto bounded = cpu;
  bounded.insert(bounded.end(), {"--kv-cache-bytes", "400K"});
  CHECK(kv_cache(json_of(bounded)) < kv_cache(made));
  CHECK(kv_cache(json_of(bounded)) <= 400 << 10);
}

TEST_CASE("plan: adapters are counted by their projections") {
  auto const config = tiny::config();
  auto const shape = grove::plan::shape_of(config);
  for (std::vector<std::string> const& targets :
       {std::vector<std::string>{"q_proj", "v_proj"}, {"all-linear"}, {"down_proj", "o_proj", "k_proj"}}) {
    grove::LoraOptions const options{.rank = 5, .targets = targets};
    grove::nn::cpu::Adapters const adapters(config, grove::adapter_shape(options));
    CHECK(open_rs::adapter_parameters(shape, options) == adapters.values().size());
  }
}

TEST_CASE("plan: a bound of keys and values on GPUs") {
  std::vector<std::string> options = {"--recipe", "exp3", "--gpus", "4xA40"};
  auto const free = json_of(options);
  options.insert(options.end(), {"--kv-cache-bytes", "1G"});
  auto const bound = json_of(options);
  auto const kv_cache = [](Json const& of) { return of["phases"][0]["bytes_per_gpu"]["kv_cache"].get<double>(); };
  CHECK(kv_cache(free) > (1 << 30));
  CHECK(kv_cache(bound) <= (1 << 30));
  CHECK(bound["step_seconds"] > free["step_seconds"]);
  options.back() = "50M";
  refused(options, "keys and values of one sequence");
}

TEST_CASE("plan: advice names only what is not done yet") {
  auto const eight_bits = std::string("optim=adamw_8bit");
  std::vector<std::string> const gpu = {"--recipe", "exp3", "--gpus", "1xRTX4090"};
  std::vector<std::string> const cpu = {"--recipe", "exp3", "--cpu", "--memory", "1G"};
  auto const names = [](std::string const& text, std::string const& key) { return text.find(key) != text.npos; };
  for (auto options : {gpu, cpu}) {
    bool const offloads = options == gpu;
    auto const advice = plan(options).out;
    INFO(advice);
    CHECK(names(advice, "does not fit"));
    CHECK(names(advice, eight_bits) == !offloads);  // a GPU's moments are 8-bit ones only where they are the host's
    CHECK(names(advice, "beta=0"));
    for (auto const* key : {"offload_optimizer=true", "offload_reference=true"}) CHECK(names(advice, key) == offloads);
    CHECK(names(advice, "use_peft=true"));
    options.insert(options.end(), {"--set", eight_bits, "--set", "beta=0"});
    if (offloads) options.insert(options.end(), {"--set", "offload_optimizer=true", "--longest-length", "30000"});
    auto const less = plan(options).out;
    INFO(less);
    CHECK(names(less, "does not fit"));
    for (auto const& key : {eight_bits, std::string("beta=0"), std::string("offload_")}) CHECK_FALSE(names(less, key));
    CHECK(names(less, "max_completion_length"));
  }
}

TEST_CASE("plan: what is offloaded goes from the GPU's memory to the host's, and takes its way over the link") {
  std::vector<std::string> const here = {"--recipe", "exp3", "--gpus", "4xA40"};
  auto const with = [&](std::vector<std::string> const& more) {
    auto all = here;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  auto const set = with({"--set", "offload_optimizer=true", "--set", "offload_reference=true"});
  auto const free = json_of(here), offloaded = json_of(set);
  double const n = 1'777'088'000;
  CHECK(free["host_bytes_per_gpu"].empty());
  CHECK(offloaded["host_bytes_per_gpu"]["masters_and_moments"].get<double>() == Approx(12 * n / 4));
  CHECK(offloaded["host_bytes_per_gpu"]["reference"].get<double>() == Approx(2 * n));
  for (std::size_t i = 0; i < 4; ++i) {
    auto const& bytes = offloaded["phases"][i]["bytes_per_gpu"];
    CHECK_FALSE(bytes.contains("masters_and_moments"));
    CHECK(bytes.contains("reference") == (i == 1));
  }
  CHECK(offloaded["step_seconds"] > free["step_seconds"]);
  auto slower = set;
  slower.insert(slower.end(), {"--host-link", "1e9"});
  auto const term = [](Json const& of, std::size_t phase, char const* name) {
    return of["phases"][phase]["terms"][name].get<double>();
  };
  CHECK(term(json_of(slower), 1, "reference_to_gpu") == Approx(2 * n / 1e9));
  CHECK(term(offloaded, 2, "gradients_to_host") == Approx(4 * n / 4 / 12e9));
  auto const table = plan(set).out;
  INFO(table);
  CHECK(table.find("8.28 GiB for each GPU that trains: 4.97 GiB masters_and_moments 3.31 GiB reference") != table.npos);
  CHECK(plan(here).out.find("for each GPU that trains") == std::string::npos);
  auto const note = [&](std::vector<std::string> const& more) {
    return plan(with(more)).out.find("beside offload_optimizer=true") != std::string::npos;
  };
  CHECK(note({"--set", "optim=adamw_8bit"}));
  CHECK_FALSE(note({"--set", "optim=adamw_8bit", "--set", "offload_optimizer=true"}));
  CHECK_FALSE(note({}));
  refused(with({"--host-link", "0"}), "the link to the host");
}

TEST_CASE("plan: adapters on GPUs") {
  std::vector<std::string> options = {"--recipe", "exp3", "--gpus", "4xA40", "--set", "use_peft=true"};
  auto const plan_of = json_of(options);
  CHECK(plan_of["host_bytes_per_gpu"].contains("adapters"));
  CHECK(plan_of["phases"][2]["bytes_per_gpu"].contains("adapters"));
  CHECK_FALSE(plan_of["phases"][2]["bytes_per_gpu"].contains("masters_and_moments"));
  options.insert(options.end(), {"--longest-length", "60000"});
  auto const advice = plan(options).out;
  CHECK(advice.find("does not fit") != advice.npos);
  for (auto const* key : {"use_peft", "offload_", "beta=0"}) CHECK(advice.find(key) == advice.npos);
}

TEST_CASE("plan: options of GPUs and of the CPU do not mix") {
  refused({"--cpu", "--gpus", "4xA40"}, "--gpus");
  refused({"--cpu", "--mfu", "0.2:0.4"}, "--mfu");
  refused({"--cpu", "--padded"}, "--padded");
  refused({"--cpu", "--host-link", "25e9"}, "--host-link");
  refused({"--threads", "2"}, "add --cpu");
  refused({"--memory", "2G"}, "add --cpu");
  refused({"--cpu", "--dtype", "f16"}, "f32 or bf16");
  refused({"--cpu", "--kv-cache-bytes", "1K"}, "keys and values of one sequence");
}
