// SPDX-License-Identifier: Apache-2.0
#include "grove/plan/plan.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "grove/plan/cpu_memory.hpp"
#include "support/catch.hpp"

using namespace grove::plan;

namespace {

/// open-rs's experiment 3 as it ran: rank 3 of 4 samples 18 completions four times a step, ranks 0 to 2 train.
Workload const as_run_work{
    .completions = 72, .steps = 500, .mean_completion = 2250, .longest_completion = 3584, .micro_batch = 6};
Placement const as_run_place{
    .sampling = 1, .training = 3, .colocated = false, .sampling_calls = 4, .gradient_syncs = 4, .padded = true};
Stack const original{.decode_share = {0.7, 0.5}, .mfu = {0.4, 0.25}, .fixed = {5, 15}};

double term(Plan const& plan, std::vector<Term> Phase::*terms, std::string_view phase, std::string_view name) {
  for (auto const& p : plan.phases)
    for (auto const& t : p.*terms)
      if (p.name == phase && t.name == name) return t.value;
  return -1;
}
double seconds(Plan const& plan, std::string_view phase, std::string_view name) {
  return term(plan, &Phase::seconds, phase, name);
}
double bytes(Plan const& plan, std::string_view phase, std::string_view name) {
  return term(plan, &Phase::bytes, phase, name);
}

}  // namespace

TEST_CASE("a shape counts the parameters of published models") {
  CHECK(ModelShape{}.parameters() == 1'777'088'000);                         // DeepSeek-R1-Distill-Qwen-1.5B
  CHECK(ModelShape{.tied_embeddings = true}.parameters() == 1'543'714'304);  // Qwen2.5-1.5B
  CHECK(ModelShape{}.kv_bytes() == 28'672);                                  // as vLLM reports for it
}

TEST_CASE("machines are read by count and name") {
  auto const machine = parse_machine("4xA40");
  CHECK(machine.count == 4);
  CHECK(machine.gpu.bandwidth == 696e9);
  for (auto const* text : {"A40", "0xA40", "4xA41", "4*A40", "", "-1xA40"})
    REQUIRE_THROWS_AS(parse_machine(text), grove::Error);
}

TEST_CASE("terms are those of a calculation by hand") {
  Workload const work{.completions = 8,
                      .steps = 10,
                      .prompt = 100,
                      .mean_completion = 400,
                      .longest_completion = 500,
                      .micro_batch = 2,
                      .longest_prompt = 100};
  Placement const place{.sampling = 2, .training = 2};
  auto const plan =
      make_plan({}, parse_machine("2xA40"), work, place, {.decode_share = {1, 1}, .mfu = {1, 1}, .fixed = {0, 0}});
  double const n = 1'777'088'000, multiplied = n - 151936.0 * 1536;
  CHECK(seconds(plan, "generate", "read_weights") == Approx(500 * 2 * multiplied / 696e9));
  CHECK(seconds(plan, "generate", "read_kv_cache") == Approx(4.0 * 400 * 300 * 28672 / 696e9));
  CHECK(bytes(plan, "generate", "kv_cache") == 4.0 * 600 * 28672);
  double const forward = 8.0 * 500 / 2 * (2 * multiplied + 4.0 * 28 * 1536 * 250) / 149.7e12;
  CHECK(seconds(plan, "score", "reference") == Approx(forward));
  CHECK(seconds(plan, "update", "backward") == Approx(2 * forward));
  CHECK(bytes(plan, "update", "masters_and_moments") == 6 * n);
  CHECK(bytes(plan, "update", "layer_inputs") == 28.0 * 1536 * 2 * 1200);
  CHECK(seconds(plan, "update", "reduce_gradients") == Approx(n / 25e9));
  CHECK(plan.roofline_step == Approx(plan.middle()));
  CHECK(plan.hours(plan.middle()) == Approx(plan.middle() * 10 / 3600));
}

TEST_CASE("8-bit moments take a quarter, and a quarter of the optimizer's traffic for them") {
  auto work = as_run_work;
  auto const machine = parse_machine("4xA40");
  auto const full = make_plan({}, machine, work, as_run_place, original);
  work.moment_bytes = quantized_moments;
  auto const quantized = make_plan({}, machine, work, as_run_place, original);
  double const n = 1'777'088'000, saved = 8 - 2 * (1 + 4 / 256.0);
  CHECK(bytes(full, "update", "masters_and_moments") - bytes(quantized, "update", "masters_and_moments") ==
        Approx(saved * n / 3));
  CHECK(full.peak() - quantized.peak() == Approx(saved * n / 3));
  CHECK(seconds(full, "update", "optimizer") - seconds(quantized, "update", "optimizer") ==
        Approx(2 * saved * n / 3 / 696e9));
}

TEST_CASE("what is offloaded leaves the GPU's bytes for the host's, by way of a link with a speed") {
  auto work = as_run_work;
  auto const machine = parse_machine("4xA40");
  double const n = 1'777'088'000;
  auto const free = make_plan({}, machine, work, as_run_place, original);
  CHECK(free.host.empty());
  work.offload_optimizer = true;
  auto const optimizer = make_plan({}, machine, work, as_run_place, original);
  REQUIRE(optimizer.host.size() == 1);
  CHECK(optimizer.host[0].value == Approx(12 * n / 3));
  for (auto const* phase : {"score", "update", "other"}) {
    CHECK(bytes(free, phase, "masters_and_moments") == Approx(12 * n / 3));
    CHECK(bytes(optimizer, phase, "masters_and_moments") == -1);
  }
  CHECK(free.peak() - optimizer.peak() == Approx(12 * n / 3));
  CHECK(seconds(optimizer, "update", "optimizer") == -1);
  CHECK(seconds(optimizer, "update", "gradients_to_host") == Approx(4 * n / 3 / 12e9));
  CHECK(seconds(optimizer, "update", "values_to_gpu") == Approx(2 * n / 3 / 12e9));
  CHECK(seconds(optimizer, "update", "host_optimizer") == Approx(0.75e-9 * n / 3));
  work.moment_bytes = quantized_moments;
  auto const quantized = make_plan({}, machine, work, as_run_place, original);
  CHECK(quantized.peak() == optimizer.peak());
  CHECK(quantized.host[0].value == Approx((4 + quantized_moments) * n / 3));
  CHECK(seconds(quantized, "update", "host_optimizer") == Approx(4.9e-9 * n / 3));
  work = as_run_work;
  work.offload_reference = true;
  auto stack = original;
  stack.host_link = 25e9;
  auto const reference = make_plan({}, machine, work, as_run_place, stack);
  REQUIRE(reference.host.size() == 1);
  CHECK(reference.host[0].value == 2 * n);
  CHECK(bytes(reference, "score", "reference") == 2 * n);
  CHECK(bytes(reference, "update", "reference") == -1);
  CHECK(free.phases[2].total_bytes() - reference.phases[2].total_bytes() == Approx(2 * n));
  CHECK(free.phases[1].total_bytes() == Approx(reference.phases[1].total_bytes()));
  CHECK(reference.middle() - free.middle() == Approx(2 * n / 25e9));
  work.reference = false;
  auto const none = make_plan({}, machine, work, as_run_place, original);
  CHECK(none.host.empty());
  CHECK(seconds(none, "score", "reference_to_gpu") == -1);
  for (auto const link : {0.0, -1.0, HUGE_VAL}) {
    stack.host_link = link;
    REQUIRE_THROWS_AS(make_plan({}, machine, work, as_run_place, stack), grove::Error);
  }
}

TEST_CASE("with adapters a GPU has the weights alone, and half of the backward pass is left out") {
  auto work = as_run_work;
  auto const machine = parse_machine("4xA40");
  double const n = 1'777'088'000;
  auto const whole = make_plan({}, machine, work, as_run_place, original);
  work.adapters = 20e6;
  work.offload_optimizer = work.offload_reference = true;  // nothing of either is left to go
  auto const adapted = make_plan({}, machine, work, as_run_place, original);
  for (auto const* term : {"masters_and_moments", "reference", "gradients", "gradient_buckets"})
    CHECK(bytes(adapted, "update", term) == -1);
  CHECK(bytes(adapted, "update", "weights") == 2 * n);
  CHECK(bytes(adapted, "update", "adapters") == 2 * 20e6);
  CHECK(bytes(adapted, "score", "reference") == -1);
  REQUIRE(adapted.host.size() == 1);
  CHECK(adapted.host[0].value == Approx((8 + 8.0 / 3) * 20e6));
  CHECK(seconds(adapted, "update", "backward") == Approx(seconds(whole, "update", "backward") / 2));
  CHECK(seconds(adapted, "score", "reference") == seconds(whole, "score", "reference"));
  CHECK(seconds(adapted, "score", "reference_to_gpu") == -1);
  CHECK(seconds(adapted, "update", "host_optimizer") == Approx(0.75e-9 * 20e6 / 3));
  CHECK(seconds(adapted, "other", "send_weights") == Approx(4 * 20e6 / 12e9));
}

TEST_CASE("one step ahead, sampling runs beside the rest of a step") {
  Placement place{.sampling = 1, .training = 3, .colocated = false};
  auto const machine = parse_machine("4xA40");
  auto const waits = make_plan({}, machine, as_run_work, place, original);
  place.one_step_ahead = true;
  auto const ahead = make_plan({}, machine, as_run_work, place, original);
  double rest = 0;
  for (std::size_t i = 1; i < waits.phases.size(); ++i) rest += waits.phases[i].total_seconds();
  auto const first = waits.phases[0].total_seconds();
  REQUIRE(waits.phases[0].name == "generate");
  CHECK(waits.middle() == Approx(first + rest));
  CHECK(ahead.middle() == Approx(std::max(first, rest)));
  CHECK(ahead.step_seconds.worst < waits.step_seconds.worst);
  CHECK(ahead.peak() == waits.peak());
  place = {.sampling = 4, .training = 4, .one_step_ahead = true};
  CHECK_THROWS_AS(make_plan({}, machine, as_run_work, place, original), grove::Error);
}

TEST_CASE("the paper's 24 hours lie between the bounds of what its stack reaches, which are not far apart") {
  auto const plan = make_plan({}, parse_machine("4xA40"), as_run_work, as_run_place, original);
  CHECK(plan.hours(plan.roofline_step) > 9);
  CHECK(plan.hours(plan.roofline_step) < 12);
  CHECK(plan.hours(plan.step_seconds.best) < 24);
  CHECK(plan.hours(plan.step_seconds.worst) > 24);
  CHECK(plan.step_seconds.worst / plan.step_seconds.best < 1.6);
  CHECK(plan.fits());
}

TEST_CASE("sampling on every rank at once saves most of the wait for the longest completion") {
  auto const split = make_plan({}, parse_machine("4xA40"), as_run_work, as_run_place, original);
  auto const colocated = make_plan({}, parse_machine("4xA40"), as_run_work, {.sampling = 4, .training = 4}, original);
  CHECK(seconds(colocated, "generate", "read_weights") == Approx(seconds(split, "generate", "read_weights") / 4));
  CHECK(colocated.middle() < 0.5 * split.middle());
  CHECK(colocated.peak() < 30e9);
}

TEST_CASE("plans that make no sense are refused") {
  auto const machine = parse_machine("4xA40");
  REQUIRE_THROWS_AS(make_plan({}, machine, as_run_work, {.sampling = 3, .training = 3}, original), grove::Error);
  auto none = as_run_work;
  none.mean_completion = 0;
  REQUIRE_THROWS_AS(make_plan({}, machine, none, as_run_place, original), grove::Error);
  auto longer = as_run_work;
  longer.mean_completion = 4000;
  REQUIRE_THROWS_AS(make_plan({}, machine, longer, as_run_place, original), grove::Error);
  REQUIRE_THROWS_AS(make_plan({}, machine, as_run_work, as_run_place,
                              {.decode_share = {0.5, 0.7}, .mfu = {0.4, 0.25}, .fixed = {5, 15}}),
                    grove::Error);
  REQUIRE_THROWS_AS(make_plan({}, machine, as_run_work, as_run_place,
                              {.decode_share = {1.5, 0.7}, .mfu = {0.4, 0.25}, .fixed = {5, 15}}),
                    grove::Error);
}

TEST_CASE("a bound of keys and values takes memory down to it, and sequences take turns") {
  auto const machine = parse_machine("4xA40");
  Placement const place{.sampling = 4, .training = 4};
  auto work = as_run_work;  // 18 completions a GPU
  auto const free = make_plan({}, machine, work, place, original);
  double const sequence = (512 + 3584) * 28672.0;
  CHECK(bytes(free, "generate", "kv_cache") == 18 * sequence);
  work.kv_cache_bytes = 18 * sequence;
  auto const enough = make_plan({}, machine, work, place, original);
  CHECK(enough.peak() == free.peak());
  CHECK(enough.middle() == free.middle());
  work.kv_cache_bytes = 6.5 * sequence;
  auto const bound = make_plan({}, machine, work, place, original);
  CHECK(bytes(bound, "generate", "kv_cache") == 6 * sequence);
  CHECK(bytes(bound, "generate", "logits") == Approx(bytes(free, "generate", "logits") / 3));
  CHECK(seconds(bound, "generate", "read_weights") ==
        Approx(seconds(free, "generate", "read_weights") * (3584 + 2 * 2250) / 3584));
  CHECK(seconds(bound, "generate", "read_kv_cache") == Approx(seconds(free, "generate", "read_kv_cache")));
  work.kv_cache_bytes = 0.9 * sequence;
  REQUIRE_THROWS_AS(make_plan({}, machine, work, place, original), grove::Error);
}

TEST_CASE("on the CPU a bound of keys and values is whole pages of all layers") {
  ModelShape const shape{
      .layers = 2, .hidden = 64, .intermediate = 128, .heads = 4, .kv_heads = 2, .head_dim = 16, .vocabulary = 100};
  CpuWorkload work{.prompts = 4, .group = 8, .prompt = 32, .completion = 100};
  auto const kv = [&] {
    auto const phases = cpu_memory(shape, work);
    for (auto const& term : phases.front().bytes)
      if (term.name == "kv_cache") return term.value;
    return -1.0;
  };
  double const page = 4.0 * 2 * 2 * 16 * (16 + 16);  // f32; layers, heads, tokens, a key and a value
  CHECK(kv() == page * (4 * 2 + 32 * 7));            // prompts of two pages once a group
  work.kv_cache_bytes = 20.5 * page;
  CHECK(kv() == page * 20);
  work.kv_cache_bytes = 9 * page;  // 131 tokens
  CHECK(kv() == page * 9);
  work.kv_cache_bytes = 8.9 * page;
  REQUIRE_THROWS_AS(cpu_memory(shape, work), grove::Error);
}
