// SPDX-License-Identifier: Apache-2.0
// Memory of the CPU engine in a step: what the plan says of each phase beside what was resident in it, and what the
// vocabulary's projection takes.
#include <malloc.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "grove/optim/adamw.hpp"
#include "grove/plan/cpu_memory.hpp"
#include "grove/policy/causal_lm.hpp"
#include "grove/policy/lora.hpp"
#include "grove/profile/profile.hpp"
#include "support/catch.hpp"

namespace {

namespace cpu = grove::nn::cpu;

/// 36 million weights.
grove::io::ModelConfig middling() {
  grove::io::ModelConfig config;
  config.architecture = grove::io::Architecture::Qwen2;
  config.vocab_size = 16384;
  config.hidden_size = 512;
  config.intermediate_size = 1536;
  config.layers = 6;
  config.heads = 8;
  config.kv_heads = 2;
  config.head_dim = 64;
  config.max_position_embeddings = 512;
  config.tie_word_embeddings = false;
  config.qkv_bias = true;
  config.windows.resize(config.layers);
  return config;
}

grove::plan::CpuWorkload const work{
    .prompts = 2, .group = 8, .prompt = 40, .completion = 60, .micro_batch = 8, .forward_tokens = 1024};

/// Every prompt and completion has the length that the plan assumes.
template <class P>
grove::TokenTrajectories gather(P const& policy) {
  std::vector<std::vector<grove::TokenId>> prompts(work.prompts);
  std::vector<cpu::GenerationRequest> requests;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    for (std::size_t k = 0; k < work.prompt; ++k) prompts[i].push_back(static_cast<grove::TokenId>(7 * k + i));
    requests.push_back({.id = i, .prompt = prompts[i], .samples = static_cast<std::uint32_t>(work.group)});
  }
  grove::TokenTrajectories t;
  t.problems.resize(prompts.size());
  policy.generate(requests, {.max_tokens = work.completion}, [&](cpu::GeneratedCompletion&& generated) {
    grove::TokenSample sample;
    sample.prompt = prompts[generated.request];
    sample.completion = std::move(generated.completion);
    t.add(sample, static_cast<std::uint32_t>(generated.request));
  });
  return t;
}

std::vector<std::uint32_t> sequences(std::size_t from, std::size_t n) {
  std::vector<std::uint32_t> result(n);
  std::iota(result.begin(), result.end(), static_cast<std::uint32_t>(from));
  return result;
}

template <class P>
void update(P& policy, grove::TokenTrajectories const& t, std::size_t micro_batch) {
  auto const parameters = policy.parameters();
  grove::zero_gradients(parameters);
  for (std::size_t first = 0; first < t.episodes.sequences(); first += micro_batch)
    policy.accumulate(t, sequences(first, micro_batch), grove::Column::LogProb, grove::Scope::Token,
                      [](std::size_t, grove::TokenOutputs<float>, grove::TokenGradients<float> d) {
                        std::ranges::fill(d.log_prob, 0.1f);
                      });
  grove::AdamW optimizer;
  optimizer.step(parameters, 1e-4);
  policy.commit();
}

/// Resident bytes of the three phases beyond what was there before the model was made.
template <class P>
std::map<std::string, double> measured(grove::CausalLmOptions options, bool copied_reference,
                                       std::optional<grove::LoraOptions> lora = {},
                                       std::size_t micro_batch = work.micro_batch) {
  ::malloc_trim(0);  // what an earlier model left is not resident any more
  grove::take_peak_memory();
  double const before = grove::take_peak_memory();
  std::map<std::string, double> bytes;
  auto policy = [&] {
    auto model = grove::AnyCausalLm::random(middling(), 3, options);
    if constexpr (std::same_as<P, grove::AnyCausalLm>)
      return model;
    else
      return P(std::move(model), *lora);
  }();
  auto const t = gather(policy);
  bytes["gather"] = grove::take_peak_memory() - before;
  std::optional<grove::AnyCausalLm> reference;
  if (copied_reference) reference.emplace(policy.clone());
  std::vector<float> log_prob(t.episodes.tokens());
  auto const all = sequences(0, t.episodes.sequences());
  policy.score(t, all, grove::Column::LogProb, {.log_prob = log_prob});
  if (reference) reference->score(t, all, grove::Column::LogProb, {.log_prob = log_prob});
  bytes["score"] = grove::take_peak_memory() - before;
  update(policy, t, micro_batch);
  bytes["update"] = grove::take_peak_memory() - before;
  return bytes;
}

void compare(std::vector<grove::plan::Phase> const& plan, std::map<std::string, double> const& bytes) {
  for (auto const& phase : plan) {
    std::string terms;
    for (auto const& term : phase.bytes) terms += " " + term.name + " " + std::to_string(term.value / 1e6);
    INFO(phase.name << ": planned " << phase.total_bytes() / 1e6 << " MB (" << terms << "), resident "
                    << bytes.at(phase.name) / 1e6 << " MB");
    CHECK(phase.total_bytes() == Approx(bytes.at(phase.name)).epsilon(0.05));
  }
}

}  // namespace

TEST_CASE("a plan's bytes of each phase are those that the CPU engine makes resident, within 5 %") {
  auto const shape = grove::plan::shape_of(middling());
  SECTION("all weights") {
    compare(grove::plan::cpu_memory(shape, work),
            measured<grove::AnyCausalLm>({.threads = 1, .forward_tokens = 1024}, true));
  }
  SECTION("all weights, bfloat16 numbers, no reference") {
    auto plain = work;
    plain.reference = false;
    plain.masters = plain.narrow = true;
    compare(grove::plan::cpu_memory(shape, plain),
            measured<grove::AnyCausalLm>({.dtype = grove::Dtype::BF16, .threads = 1, .forward_tokens = 1024}, false));
  }
  SECTION("all weights, of a layer only its input") {
    auto sparing = work;
    sparing.recompute = true;
    compare(grove::plan::cpu_memory(shape, sparing),
            measured<grove::AnyCausalLm>({.threads = 1, .gradient_checkpointing = true, .forward_tokens = 1024}, true));
  }
  SECTION("adapters") {
    grove::LoraOptions const lora{.rank = 16, .targets = {"all-linear"}};
    auto adapters = work;
    adapters.adapters = cpu::Adapters(middling(), grove::adapter_shape(lora)).values().size();
    compare(grove::plan::cpu_memory(shape, adapters),
            measured<grove::Lora<grove::AnyCausalLm>>({.threads = 1, .forward_tokens = 1024}, false, lora));
  }
}

TEST_CASE("gradient checkpointing takes from an update's peak what the plan says") {
  auto const shape = grove::plan::shape_of(middling());
  auto sparing = work;
  sparing.micro_batch = 16;  // large against what a page table or an allocator adds
  sparing.reference = false;
  auto const planned = [&](bool recompute) {
    sparing.recompute = recompute;
    return grove::plan::cpu_memory(shape, sparing).back().total_bytes();
  };
  auto const resident = [&](bool recompute) {
    return measured<grove::AnyCausalLm>(
               {.threads = 1, .gradient_checkpointing = recompute, .forward_tokens = sparing.forward_tokens}, false, {},
               sparing.micro_batch)
        .at("update");
  };
  double const expected = planned(false) - planned(true), found = resident(false) - resident(true);
  INFO("planned " << expected / 1e6 << " MB less, resident " << found / 1e6 << " MB less");
  CHECK(expected > 100e6);
  CHECK(found == Approx(expected).epsilon(0.05));
}

TEST_CASE("more tokens take no more logits: the vocabulary's projection holds one chunk of them") {
  auto config = middling();
  config.vocab_size = 65536;
  config.hidden_size = 64;
  config.intermediate_size = 128;
  config.layers = 1;
  config.heads = 2;
  config.kv_heads = 1;
  config.head_dim = 32;
  config.max_position_embeddings = 4096;
  config.windows.resize(1);
  std::size_t const chunk = 256;
  cpu::ThreadPool pool(1);
  cpu::Decoder<cpu::Qwen2> decoder(config);
  cpu::Parameters parameters(config), gradients(config);
  parameters.initialise(3);
  decoder.load(parameters, 0, pool);
  std::map<std::size_t, double> peaks;
  for (std::size_t const rows : {512, 2048}) {
    std::vector<grove::TokenId> const tokens(rows, 7), targets(rows, 5);
    std::vector<std::size_t> const starts = {0, rows};
    std::vector<std::size_t> places(rows);
    std::iota(places.begin(), places.end(), std::size_t{0});
    cpu::Workspace workspace(pool, {.logits = chunk * config.vocab_size});
    ::malloc_trim(0);
    grove::take_peak_memory();
    double const before = grove::take_peak_memory();
    decoder.accumulate(
        {tokens, starts}, {.rows = places, .targets = targets}, {.log_prob = true},
        [](cpu::HeadOutputs const&, cpu::HeadGradients const&) {}, gradients, workspace);
    peaks[rows] = grove::take_peak_memory() - before;
  }
  double const logits = 4 * static_cast<double>(config.vocab_size);  // of a row
  INFO(peaks[512] / 1e6 << " and " << peaks[2048] / 1e6 << " MB; a chunk " << chunk * logits / 1e6 << " MB, all logits "
                        << 2048 * logits / 1e6 << " MB");
  CHECK(peaks[512] > chunk * logits);
  CHECK(peaks[2048] < chunk * logits + 0.2 * 2048 * logits);
}
