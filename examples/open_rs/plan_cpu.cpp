// SPDX-License-Identifier: Apache-2.0
#include "open_rs/plan_cpu.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <thread>

#include "grove/error.hpp"
#include "grove/io/model_config.hpp"
#include "grove/nn/cpu/adapters.hpp"
#include "open_rs/training.hpp"

namespace open_rs {

namespace gp = grove::plan;

namespace {

std::string gibibytes(double bytes) {
  std::array<char, 64> text{};
  auto const n = std::snprintf(text.data(), text.size(), "%8.2f GiB", bytes / gp::gib);
  return {text.data(), static_cast<std::size_t>(n)};
}

/// Whether a checkpoint's weights are bfloat16 numbers, as the original's are.
bool is_bf16(std::string const& folder) {
  return folder.empty() || grove::io::read_model_config(folder).dtype == grove::io::DType::BF16;
}

gp::ModelShape shape_in(std::string const& folder) {
  return folder.empty() ? gp::ModelShape{} : gp::shape_of(grove::io::read_model_config(folder));
}

double memory_of_machine() {
  return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// What frees memory, for those who do not do it yet; only where it does not fit.
void print_advice(CpuPlan const& plan, gp::CpuWorkload const& work) {
  if (plan.fits()) return;
  std::cout << "\n  To make it fit:\n";
  auto const say = [](bool helps, char const* text) {
    if (helps) std::cout << "    " << text << '\n';
  };
  say(work.adapters == 0, "adapters: --set use_peft=true (gradients, moments and the reference's weights)");
  say(work.moment_bytes == gp::full_moments, "8-bit moments: --set optim=adamw_8bit (three quarters of the moments)");
  say(!work.recompute, "layers computed again: --set gradient_checkpointing=true (activations)");
  say(work.micro_batch > 1, "smaller micro-batches: --set tokens_per_micro_batch=N (activations)");
  say(work.reference && work.adapters == 0, "beta 0: --set beta=0 (the reference's weights)");
  say(work.kv_cache_bytes == 0, "a bound for keys and values: --kv-cache-bytes N, here and for train");
  say(true, "shorter completions: --set max_completion_length=N");
}

}  // namespace

double CpuPlan::peak() const {
  double most = 0;
  for (auto const& phase : phases) most = std::max(most, phase.total_bytes());
  return most;
}

std::size_t adapter_parameters(gp::ModelShape const& shape, grove::LoraOptions const& options) {
  grove::io::ModelConfig config;
  config.hidden_size = shape.hidden;
  config.intermediate_size = shape.intermediate;
  config.heads = shape.heads;
  config.kv_heads = shape.kv_heads;
  config.head_dim = shape.head_dim;
  auto const adapters = grove::adapter_shape(options);
  std::size_t sum = 0;
  for (std::size_t p = 0; p < adapters.targets.size(); ++p) {
    if (!adapters.targets[p]) continue;
    auto const size = grove::nn::cpu::size_of(static_cast<grove::nn::cpu::Projection>(p), config);
    sum += shape.layers * adapters.rank * (size.in + size.out);
  }
  return sum;
}

gp::CpuWorkload cpu_workload(Recipe const& recipe, gp::ModelShape const& shape, CpuPlanFlags const& flags) {
  if (flags.dtype != "f32" && flags.dtype != "bf16")
    throw grove::Error("open_rs plan", "--dtype is '" + flags.dtype + "'", "f32 or bf16");
  if (!(flags.prompt_length >= 1))
    throw grove::Error("open_rs plan", "--prompt-length is less than 1", "at least 1 token");
  auto const algorithm = recipe_algorithm(recipe);
  auto const completion =
      flags.longest_length > 0 ? static_cast<std::size_t>(flags.longest_length) : recipe.max_completion_length;
  bool const whole = algorithm.objective.depends_on_micro_batch;
  auto const threads =
      flags.threads > 0 ? flags.threads : std::max<std::size_t>(1, std::thread::hardware_concurrency());
  bool const bf16 = flags.dtype == "bf16";
  return {
      .prompts = recipe.prompts_per_step(),
      .group = recipe.num_generations,
      .prompt = static_cast<std::size_t>(flags.prompt_length),
      .completion = completion,
      .micro_batch =
          whole ? recipe.per_device_train_batch_size : std::max<std::size_t>(1, recipe.token_budget() / completion),
      .threads = threads,
      .width = 64 * threads,
      .narrow = bf16 || (recipe.lora.use_peft && is_bf16(flags.model)),
      .masters = bf16 && !recipe.lora.use_peft,
      .recompute = recipe.gradient_checkpointing,
      .local = algorithm.objective.scope == grove::Scope::Token,
      .reference = recipe.beta != 0,
      .adapters = recipe.lora.use_peft ? adapter_parameters(shape, recipe.lora.options(0)) : 0,
      .adapter_rank = recipe.lora.lora_r,
      .moment_bytes = recipe.moment_format() == grove::MomentFormat::Block8 ? gp::quantized_moments : gp::full_moments,
      .kv_cache_bytes = flags.kv_cache_bytes};
}

CpuPlan cpu_plan(Recipe const& recipe, CpuPlanFlags const& flags) {
  auto const shape = shape_in(flags.model);
  return {.phases = gp::cpu_memory(shape, cpu_workload(recipe, shape, flags)),
          .memory = flags.memory > 0 ? flags.memory : memory_of_machine()};
}

grove::io::Json plan_json(CpuPlan const& plan) {
  auto phases = grove::io::Json::array();
  for (auto const& phase : plan.phases) {
    grove::io::Json bytes = grove::io::Json::object();
    for (auto const& term : phase.bytes) bytes[term.name] = term.value;
    phases.push_back({{"name", phase.name}, {"bytes", bytes}, {"total_bytes", phase.total_bytes()}});
  }
  return {{"phases", phases}, {"peak_bytes", plan.peak()}, {"memory_bytes", plan.memory}, {"fits", plan.fits()}};
}

void print_cpu_plan(CpuPlan const& plan, Recipe const& recipe, std::string const& name, CpuPlanFlags const& flags) {
  auto const work = cpu_workload(recipe, shape_in(flags.model), flags);
  std::cout << name << " on the CPU engine, one process, " << flags.dtype << ", " << work.threads << " threads, "
            << work.prompts << " x " << work.group << " completions of " << work.completion
            << " tokens a step, micro-batches of " << work.micro_batch << "\n\n";
  for (auto const& phase : plan.phases) {
    std::cout << "  " << phase.name << gibibytes(phase.total_bytes()) << '\n';
    for (auto const& term : phase.bytes) std::cout << "    " << gibibytes(term.value) << "  " << term.name << '\n';
  }
  std::cout << "\n  memory" << gibibytes(plan.peak()) << " of " << gibibytes(plan.memory) << ": "
            << (plan.fits() ? "fits" : "does not fit") << '\n';
  print_advice(plan, work);
}

}  // namespace open_rs
