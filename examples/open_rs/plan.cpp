// SPDX-License-Identifier: Apache-2.0
// open_rs plan: memory, hours and dollars of a recipe on given GPUs, before any of them is rented.
#include "open_rs/plan.hpp"

#include <array>
#include <cstdio>
#include <iostream>

#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "grove/io/model_config.hpp"
#include "grove/rollout/remote_sampler.hpp"
#include "open_rs/command_line.hpp"
#include "open_rs/commands.hpp"
#include "open_rs/plan_cpu.hpp"

namespace open_rs {

namespace gp = grove::plan;

namespace {

struct PlanFlags {
  std::string recipe = "exp3";
  std::vector<std::string> settings{};
  std::string gpus = "4xA40", placement{}, model{};
  double mean_length = 0, longest_length = 0, prompt_length = 200, price = 0, host_link = gp::Stack{}.host_link;
  std::string decode_share = "0.5:0.7", mfu = "0.25:0.4", fixed = "5:15";
  bool padded = false, json = false, cpu = false;
  std::string dtype = "f32";
  std::size_t threads = 0;
  Bytes memory{}, kv_cache{};

  void add_to(po::options_description& options);
};

void PlanFlags::add_to(po::options_description& options) {
  options.add_options()                                                                                     //
      ("recipe", po::value(&recipe)->default_value(recipe)->value_name("NAME"), "as for train")             //
      ("set", po::value(&settings)->value_name("KEY=VALUE"), "a key of the recipe")                         //
      ("gpus", po::value(&gpus)->default_value(gpus)->value_name("NxNAME"), "the machine")                  //
      ("price", po::value(&price)->value_name("DOLLARS"), "of one GPU, an hour (default: a market price)")  //
      ("placement", po::value(&placement)->value_name("P"),
       "colocated: every GPU samples and trains; split:K: K GPUs sample, the others train")  //
      ("model", po::value(&model)->value_name("DIR"),
       "folder with a config.json (default: DeepSeek-R1-Distill-Qwen-1.5B's sizes)")  //
      ("mean-length", po::value(&mean_length)->value_name("TOKENS"),
       "of a completion (default: 5/8 of the longest, the middle of the 1000 to 3500 that experiment 3 saw)")  //
      ("longest-length", po::value(&longest_length)->value_name("TOKENS"),
       "of a sampling call's completions (default: max_completion_length)")                                           //
      ("prompt-length", po::value(&prompt_length)->default_value(200)->value_name("TOKENS"), "on average")            //
      ("padded", po::bool_switch(&padded), "training computes on padding up to the longest completion, as TRL does")  //
      ("decode-share", po::value(&decode_share)->default_value(decode_share)->value_name("LOW:HIGH"),
       "of the memory bandwidth that decoding reaches; vLLM's first engine spends 2 to 5 ms a token outside of "
       "kernels that need 5")  //
      ("mfu", po::value(&mfu)->default_value(mfu)->value_name("LOW:HIGH"),
       "of the matrix operations that scoring and updating reach, with activation checkpointing")  //
      ("fixed", po::value(&fixed)->default_value(fixed)->value_name("LOW:HIGH"),
       "seconds of a step for everything else: rewards, logging, synchronising")  //
      ("host-link", po::value(&host_link)->default_value(host_link, "12e9")->value_name("BYTES/S"),
       "between a GPU and its host, for offload_optimizer and offload_reference; PCIe 4.0 x16 reaches 25e9 of pinned "
       "memory, and about half of it of other memory, as this is")  //
      ("kv-cache-bytes", po::value(&kv_cache)->default_value(kv_cache)->value_name("BYTES"),
       "most memory for keys and values of a GPU or process that samples, as for train: 500M, 8G; 0: no bound")  //
      ("cpu", po::bool_switch(&cpu),
       "memory of a step of one process on the CPU engine, phase by phase, in place of GPUs; no time. Every prompt and "
       "completion counts as --prompt-length and --longest-length")                                                //
      ("dtype", po::value(&dtype)->default_value(dtype)->value_name("f32|bf16"), "with --cpu: of the parameters")  //
      ("threads", po::value(&threads)->default_value(0), "with --cpu; 0: all cores")                               //
      ("memory", po::value(&memory)->value_name("BYTES"), "with --cpu: that there is (default: this machine's)")   //
      ("json", po::bool_switch(&json), "one JSON object instead of a table");
}

gp::Between between(std::string const& name, std::string const& text, bool high_is_best) {
  double low = 0, high = 0;
  int used = 0;
  if (std::sscanf(text.c_str(), "%lf:%lf%n", &low, &high, &used) != 2 ||
      static_cast<std::size_t>(used) != text.size() || low > high)
    throw grove::Error("open_rs plan", "--" + name + " is '" + text + "'", "LOW:HIGH, two numbers");
  return high_is_best ? gp::Between{high, low} : gp::Between{low, high};
}

gp::ModelShape shape_in(std::string const& folder) {
  return folder.empty() ? gp::ModelShape{} : gp::shape_of(grove::io::read_model_config(folder));
}

/// split:K samples once for each micro-batch of the training ranks, as TRL's trainer does; colocated ranks sample the
/// whole step at once.
gp::Placement placement_of(PlanFlags const& flags, Recipe const& recipe, std::size_t gpus) {
  auto const placement = grove::Placement::parse(flags.placement);
  placement.check(gpus);
  auto const sampling = placement.samplers;
  if (sampling == 0) return {.sampling = gpus, .training = gpus, .padded = flags.padded};
  return {.sampling = sampling,
          .training = gpus - sampling,
          .colocated = false,
          .sampling_calls = recipe.gradient_accumulation_steps,
          .gradient_syncs = recipe.gradient_accumulation_steps,
          .padded = flags.padded,
          .one_step_ahead = recipe.off_policy.one_step_ahead};
}

gp::Workload workload_of(PlanFlags const& flags, Recipe const& recipe) {
  auto const longest =
      flags.longest_length > 0 ? flags.longest_length : static_cast<double>(recipe.max_completion_length);
  auto const updates = recipe.num_iterations * recipe.minibatches;
  return {
      .completions = recipe.prompts_per_step() * recipe.num_generations,
      .steps = recipe.max_steps,
      .prompt = flags.prompt_length,
      .mean_completion = flags.mean_length > 0 ? flags.mean_length : longest * 5 / 8,
      .longest_completion = longest,
      .micro_batch = recipe.per_device_train_batch_size,
      .longest_prompt = static_cast<double>(recipe.max_prompt_length),
      .reference = recipe.beta != 0,
      .old_log_probs = updates > 1,
      .adapters = recipe.lora.use_peft
                      ? static_cast<double>(adapter_parameters(shape_in(flags.model), recipe.lora.options(0)))
                      : 0,
      .moment_bytes = recipe.moment_format() == grove::MomentFormat::Block8 ? gp::quantized_moments : gp::full_moments,
      .offload_optimizer = recipe.offload_optimizer,
      .offload_reference = recipe.offload_reference,
      .kv_cache_bytes = static_cast<double>(flags.kv_cache.count)};
}

std::string number(char const* format, double value) {
  std::array<char, 64> text{};
  auto const n = std::snprintf(text.data(), text.size(), format, value);
  return {text.data(), static_cast<std::size_t>(n)};
}

std::string gibibytes(double bytes) { return number("%.2f GiB", bytes / gp::gib); }

void print_terms(char const* what, std::vector<gp::Term> const& terms, std::string (*format)(double)) {
  for (auto const& term : terms) std::cout << "    " << what << "  " << format(term.value) << "  " << term.name << '\n';
}

void print_table(gp::Plan const& plan, PlanFlags const& flags) {
  std::cout << flags.recipe << " on " << flags.gpus << ", " << flags.placement << ", " << plan.steps << " steps\n\n";
  for (auto const& phase : plan.phases) {
    std::cout << "  " << phase.name << ": " << number("%.1f s", phase.total_seconds()) << " a step, "
              << gibibytes(phase.total_bytes()) << " a GPU\n";
    print_terms("time  ", phase.seconds, [](double s) { return number("%8.2f s  ", s); });
    print_terms("memory", phase.bytes, [](double b) { return number("%8.2f GiB", b / gp::gib); });
  }
  auto const hours = [&](double seconds) { return number("%.1f h", plan.hours(seconds)); };
  std::cout << "\n  a step    " << number("%.1f s", plan.middle())
            << (plan.one_step_ahead ? ", sampling beside the rest" : "") << "\n  the run   "
            << hours(plan.step_seconds.best) << " to " << hours(plan.step_seconds.worst) << ", "
            << number("%.0f", plan.hours(plan.step_seconds.best) * plan.dollars_per_hour) << " to "
            << number("%.0f dollars", plan.hours(plan.step_seconds.worst) * plan.dollars_per_hour) << "\n  roofline  "
            << hours(plan.roofline_step) << " (every limit reached, nothing fixed)\n  memory    "
            << gibibytes(plan.peak()) << " of " << gibibytes(plan.memory) << ": "
            << (plan.fits() ? "fits" : "does not fit") << '\n';
  if (!plan.host.empty()) {
    std::cout << "  host      " << gibibytes(gp::Phase::sum(plan.host)) << " for each GPU that trains:";
    for (auto const& term : plan.host) std::cout << ' ' << gibibytes(term.value) << ' ' << term.name;
    std::cout << '\n';
  }
  std::cout << "\n  decode share " << flags.decode_share << ", MFU " << flags.mfu << ", fixed seconds " << flags.fixed
            << " (options; the table has the middle of each)\n";
}

/// What frees most, first, for those who do not do it yet; only where it does not fit.
void print_advice(gp::Plan const& plan, gp::Workload const& work) {
  if (plan.fits()) return;
  std::cout << "\n  To make it fit, what frees most first:\n";
  auto const say = [](bool helps, char const* text) {
    if (helps) std::cout << "    " << text << '\n';
  };
  bool const all = work.adapters == 0;
  say(all, "adapters: --set use_peft=true (gradients, masters, moments and the reference's weights)");
  say(all && !work.offload_optimizer, "masters and moments with the host: --set offload_optimizer=true");
  say(work.micro_batch > 1,
      "fewer sequences in a micro-batch: --set per_device_train_batch_size=N (layers and their inputs)");
  say(all && work.reference, "beta 0: --set beta=0 (the reference's weights)");
  say(all && work.reference && !work.offload_reference,
      "the reference with the host but while it scores: --set offload_reference=true");
  say(all, work.offload_optimizer ? "more GPUs (gradients are divided among those that train)"
                                  : "more GPUs (gradients, masters and moments are divided among those that train)");
  say(work.kv_cache_bytes == 0 && plan.phases.front().total_bytes() > 0.9 * plan.memory,
      "a bound for keys and values: --kv-cache-bytes N, here and for train");
  say(true, "shorter completions: --set max_completion_length=N");
}

/// The other placement's time, where it is the quicker one.
void print_comparison(gp::Plan const& plan, gp::Plan const& colocated) {
  std::cout << "\n  colocated instead: " << number("%.1f h", plan.hours(colocated.middle())) << " for "
            << number("%.1f h", plan.hours(plan.middle())) << ", peak memory " << gibibytes(colocated.peak()) << '\n';
}

/// What belongs to a recipe as it ran, where no option says otherwise.
void complete(PlanFlags& flags, Recipe const& recipe) {
  if (flags.placement.empty()) flags.placement = recipe.as_run.placement;
  flags.padded = flags.padded || flags.recipe.ends_with("_as_run");
}

gp::Stack stack_of(PlanFlags const& flags) {
  return {.decode_share = between("decode-share", flags.decode_share, true),
          .mfu = between("mfu", flags.mfu, true),
          .fixed = between("fixed", flags.fixed, false),
          .host_link = flags.host_link};
}

/// What `train` would say at its start.
void print_refusal(gp::Workload const& work) {
  if (work.moment_bytes == gp::full_moments || work.offload_optimizer || work.adapters > 0) return;
  std::cout << "\n  8-bit moments are the host's: train on GPUs takes optim=adamw_8bit beside offload_optimizer=true\n";
}

}  // namespace

grove::io::Json plan_json(gp::Plan const& plan) {
  auto phases = grove::io::Json::array();
  for (auto const& phase : plan.phases) {
    grove::io::Json bytes = grove::io::Json::object(), terms = grove::io::Json::object();
    for (auto const& term : phase.bytes) bytes[term.name] = term.value;
    for (auto const& term : phase.seconds) terms[term.name] = term.value;
    phases.push_back(
        {{"name", phase.name}, {"bytes_per_gpu", bytes}, {"seconds", phase.total_seconds()}, {"terms", terms}});
  }
  auto const hours = plan.hours(plan.middle());
  grove::io::Json host = grove::io::Json::object();
  for (auto const& term : plan.host) host[term.name] = term.value;
  return {{"phases", phases},
          {"step_seconds", plan.middle()},
          {"hours", hours},
          {"dollars", hours * plan.dollars_per_hour},
          {"fits", plan.fits()},
          {"hours_range", {plan.hours(plan.step_seconds.best), plan.hours(plan.step_seconds.worst)}},
          {"roofline_hours", plan.hours(plan.roofline_step)},
          {"peak_bytes", plan.peak()},
          {"memory_bytes", plan.memory},
          {"host_bytes_per_gpu", host}};
}

gp::Plan plan_of(std::string const& name, Recipe const& recipe, std::string const& gpus, std::string const& model) {
  PlanFlags flags{.recipe = name, .gpus = gpus};
  complete(flags, recipe);
  auto const machine = gp::parse_machine(gpus);
  return gp::make_plan(shape_in(model), machine, workload_of(flags, recipe), placement_of(flags, recipe, machine.count),
                       stack_of(flags));
}

namespace {

/// Throws grove::Error for an option that does nothing beside --cpu, or without it.
void check_options(po::variables_map const& values, bool cpu) {
  auto const given = [&](char const* name) { return values.count(name) > 0 && !values[name].defaulted(); };
  if (cpu) {
    for (char const* const name :
         {"gpus", "price", "placement", "mean-length", "padded", "decode-share", "mfu", "fixed", "host-link"})
      if (given(name)) throw grove::Error("--" + std::string(name), "is of GPUs", {}, "leave it out beside --cpu");
    return;
  }
  for (char const* const name : {"dtype", "threads", "memory"})
    if (given(name)) throw grove::Error("--" + std::string(name), "is of a plan for the CPU", {}, "add --cpu");
}

int plan_for_cpu(PlanFlags const& flags, Recipe const& recipe) {
  CpuPlanFlags const cpu{.model = flags.model,
                         .dtype = flags.dtype,
                         .threads = flags.threads,
                         .prompt_length = flags.prompt_length,
                         .longest_length = flags.longest_length,
                         .kv_cache_bytes = static_cast<double>(flags.kv_cache.count),
                         .memory = static_cast<double>(flags.memory.count)};
  auto const result = cpu_plan(recipe, cpu);
  if (flags.json)
    std::cout << plan_json(result).dump() << '\n';
  else
    print_cpu_plan(result, recipe, flags.recipe, cpu);
  return 0;
}

}  // namespace

int plan(Arguments const& arguments) {
  PlanFlags flags;
  Command command("open_rs plan",
                  "Memory, hours and dollars of a recipe on given GPUs, or its memory on the CPU engine.");
  flags.add_to(command.options());
  auto const values = command.parse(arguments);
  if (!values) return 0;
  check_options(*values, flags.cpu);

  auto const recipe = resolve({.name = flags.recipe, .settings = flags.settings});
  if (flags.cpu) return plan_for_cpu(flags, recipe);
  complete(flags, recipe);
  auto machine = gp::parse_machine(flags.gpus);
  if (flags.price > 0) machine.gpu.dollars = flags.price;
  auto const shape = shape_in(flags.model);
  auto const work = workload_of(flags, recipe);
  auto const stack = stack_of(flags);
  auto const place = placement_of(flags, recipe, machine.count);
  auto const result = gp::make_plan(shape, machine, work, place, stack);
  if (flags.json) {
    std::cout << plan_json(result).dump() << '\n';
    return 0;
  }
  print_table(result, flags);
  print_refusal(work);
  print_advice(result, work);
  if (!place.colocated)
    print_comparison(
        result, gp::make_plan(shape, machine, work, {.sampling = machine.count, .training = machine.count}, stack));
  return 0;
}

}  // namespace open_rs
