// SPDX-License-Identifier: Apache-2.0
// Decode over pages, its kernels run on the host, beside decode in ATen operations; which page is whose; and what
// shapes steps are padded to.
#include <array>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "decoder_support.hpp"
#include "grove/error.hpp"
#include "grove/nn/cpu/generation.hpp"
#include "grove/nn/torch/decoder_session.hpp"
#include "grove/nn/torch/generation.hpp"
#include "grove/nn/torch/page_table.hpp"
#include "grove/nn/torch/step_shape.hpp"
#include "host_kernels.hpp"
#include "support/catch.hpp"

using namespace grove;
namespace cpu = grove::nn::cpu;
namespace engine = grove::nn::torch;  // ATen's headers have a torch of their own
using engine::detail::padded;
using engine::detail::PageTable;
using engine::detail::StepMode;
using engine::detail::StepSchedule;
using engine::detail::StepShape;
using engine::test::HostKernels;
using engine::test::largest_difference;
using engine::test::Pair;
using grove::nn::Llama;
using grove::nn::Qwen2;
using grove::nn::Qwen3;

namespace {

/// small_config with heads that there are kernels for.
template <class Variant>
io::ModelConfig kernel_config(std::size_t head_dim = 64) {
  auto config = cpu::test::small_config<Variant>();
  config.head_dim = head_dim;
  config.layers = 2;
  config.windows.resize(2);
  return config;
}

template <class Variant>
Pair<Variant> make_pair(Dtype dtype = Dtype::F32, std::size_t head_dim = 64) {
  return Pair<Variant>(cpu::test::random_parameters(kernel_config<Variant>(head_dim)), {.dtype = dtype});
}

/// The same tokens through both sessions.
template <class Variant>
class Both {
 public:
  Both(engine::Decoder<Variant> const& decoder, HostKernels const& kernels, double tolerance)
      : paged(decoder, kernels), plain(decoder), tolerance_(tolerance) {}

  std::vector<std::uint32_t> prefill(cpu::test::Batch const& batch) {
    std::vector<std::uint32_t> slots(batch.starts.size() - 1), other(slots.size());
    std::vector<float> got(slots.size() * 67), want(got.size());
    paged.prefill(batch.packed(), slots, got);
    plain.prefill(batch.packed(), other, want);
    REQUIRE(slots == other);
    REQUIRE(largest_difference(got, want) < tolerance_);
    return slots;
  }
  void step(std::vector<std::uint32_t> const& slots) {
    std::vector<TokenId> tokens;
    for (std::size_t i = 0; i < slots.size(); ++i) tokens.push_back(static_cast<TokenId>((7 * ++count_ + i) % 67));
    std::vector<float> got(slots.size() * 67), want(got.size());
    paged.step(slots, tokens, got);
    plain.step(slots, tokens, want);
    REQUIRE(largest_difference(got, want) < tolerance_);
  }
  std::uint32_t fork(std::uint32_t parent) {
    auto const slot = paged.fork(parent);
    REQUIRE(plain.fork(parent) == slot);
    return slot;
  }
  void release(std::uint32_t slot) {
    paged.release(slot);
    plain.release(slot);
  }

  engine::DecodeSession<Variant> paged, plain;

 private:
  double tolerance_;
  std::size_t count_ = 0;
};

/// Adapters of some projections, with a B that is not zero.
cpu::Adapters random_adapters(io::ModelConfig const& config, std::array<bool, cpu::projections> targets) {
  cpu::Adapters adapters(config, {.rank = 4, .scale = 0.5, .targets = targets});
  adapters.initialise(3);
  for (std::size_t i = 0; auto& x : adapters.values())
    if (x == 0) x = 0.3F * std::sin(static_cast<float>(++i));
  return adapters;
}

template <class Variant>
void check_session(Dtype dtype, std::size_t head_dim = 64, cpu::Adapters const* adapters = nullptr) {
  INFO(Variant::architecture);
  auto pair = make_pair<Variant>(dtype, head_dim);
  if (adapters != nullptr) pair.other.load_adapters(*adapters, 2);
  HostKernels const kernels;
  Both<Variant> both(pair.other, kernels, dtype == Dtype::F32 ? 2e-5 : 0.15);
  auto slots = both.prefill(cpu::test::random_batch(3, 40, 67, 11));
  for (int i = 0; i < 3; ++i) both.step(slots);
  slots.push_back(both.fork(slots[1]));
  slots.push_back(both.fork(slots[1]));
  for (int i = 0; i < 20; ++i) both.step(slots);  // five rows in a step of eight; past the end of a page
  both.release(slots[0]);
  slots.erase(slots.begin());
  for (int i = 0; i < 4; ++i) both.step(slots);
  auto const again = both.prefill(cpu::test::random_batch(1, 20, 67, 12));
  REQUIRE(again[0] == 0);
  both.step({again[0], slots[2]});
  both.step({slots[3]});
  CHECK(kernels.recorded > 0);
  CHECK(kernels.replayed > 20);
  CHECK_FALSE(kernels.moved);
}

}  // namespace

TEST_CASE("Decode over pages gives the logits of decode in ATen operations") {
  check_session<Qwen2>(Dtype::F32);
  check_session<Qwen3>(Dtype::F32);
  check_session<Llama>(Dtype::F32);
  check_session<Qwen2>(Dtype::F32, 128);
}

TEST_CASE("Decode over pages gives the logits of decode in ATen operations, in bf16") {
  check_session<Qwen2>(Dtype::BF16);
  check_session<Qwen3>(Dtype::BF16);
}

TEST_CASE("Decode over pages adds adapters as decode in ATen operations does") {
  auto const config = kernel_config<Qwen3>();
  auto const all = random_adapters(config, {true, true, true, true, true, true, true});
  auto const some = random_adapters(config, {false, true, false, false, true, false, false});
  check_session<Qwen3>(Dtype::F32, 64, &all);
  check_session<Qwen3>(Dtype::F32, 64, &some);
  auto pair = make_pair<Qwen3>();
  engine::DecodeSession<Qwen3> without(pair.other);
  std::vector<std::uint32_t> slots(1);
  std::vector<float> plain(67), adapted(67);
  auto const batch = cpu::test::random_batch(1, 9, 67);
  without.prefill(batch.packed(), slots, plain);
  pair.other.load_adapters(all, 2);
  engine::DecodeSession<Qwen3> with(pair.other);
  with.prefill(batch.packed(), slots, adapted);
  CHECK(largest_difference(plain, adapted) > 1e-2);
}

TEST_CASE("Prompts that come in pieces, from common beginnings, give the logits of whole ones in both sessions") {
  auto const pair = make_pair<Qwen2>();
  HostKernels const kernels;
  std::vector<TokenId> first(300);
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<TokenId>(i * i % 67);
  auto second = first;
  for (std::size_t i = 21; i < second.size(); ++i) second[i] = (second[i] + 1) % 67;
  std::vector<float> want(2 * 67);
  std::vector<std::uint32_t> slots(2);
  cpu::test::Batch whole;
  whole.add(first);
  whole.add(second);
  engine::DecodeSession<Qwen2>(pair.other).prefill(whole.packed(), slots, want);
  auto const check = [&](engine::DecodeSession<Qwen2> session) {
    auto const append = [&](std::vector<TokenId> const& tokens, std::size_t begin, std::size_t end,
                            std::uint32_t slot) {
      std::vector<float> logits(67);
      std::vector<TokenId> const part(tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                                      tokens.begin() + static_cast<std::ptrdiff_t>(end));
      std::vector<std::size_t> const starts = {0, part.size()};
      session.append({.tokens = part, .cu_seqlens = starts}, std::vector{slot}, logits);
      return logits;
    };
    auto const a = session.open();
    CHECK(session.length(a) == 0);
    append(first, 0, 9, a);
    append(first, 9, 21, a);
    auto const b = session.fork(a);
    append(first, 21, 100, a);
    append(second, 21, 290, b);
    auto const got_a = append(first, 100, first.size(), a), got_b = append(second, 290, second.size(), b);
    CHECK(largest_difference(got_a, std::span(want).first(67)) < 2e-5);
    CHECK(largest_difference(got_b, std::span(want).last(67)) < 2e-5);
    CHECK(session.length(b) == second.size());
  };
  check(engine::DecodeSession<Qwen2>(pair.other, kernels));
  check(engine::DecodeSession<Qwen2>(pair.other));
}

TEST_CASE("A prompt over pages gets the same logits, bit for bit, alone and among others") {
  auto const pair = make_pair<Qwen2>();
  HostKernels const kernels;
  auto const batch = cpu::test::random_batch(7, 90, 67, 13);
  std::vector<std::uint32_t> slots(7);
  std::vector<float> among(7 * 67);
  engine::DecodeSession<Qwen2>(pair.other, kernels).prefill(batch.packed(), slots, among);
  for (std::size_t i = 0; i < 7; ++i) {
    cpu::test::Batch one;
    one.add(batch.sequence(i));
    std::vector<float> alone(67);
    std::vector<std::uint32_t> slot(1);
    engine::DecodeSession<Qwen2>(pair.other, kernels).prefill(one.packed(), slot, alone);
    CHECK(std::ranges::equal(alone, std::span(among).subspan(i * 67, 67)));
  }
}

TEST_CASE("Decode over pages goes on past the first part of a sequence, the first table and the first pool") {
  auto const pair = make_pair<Qwen2>();
  HostKernels const kernels;
  Both<Qwen2> both(pair.other, kernels, 2e-5);
  cpu::test::Batch batch;
  std::vector<TokenId> sequence(250);
  std::iota(sequence.begin(), sequence.end(), 0);
  for (auto& token : sequence) token %= 67;
  for (int i = 0; i < 4; ++i) batch.add(sequence);  // 64 pages: those of the first pool
  auto const slots = both.prefill(batch);
  for (int i = 0; i < 4; ++i) both.step(slots);
  auto const before = kernels.recorded;
  CHECK(before == 2);                            // four chunks of prompts, and the step
  for (int i = 0; i < 6; ++i) both.step(slots);  // beyond 256 tokens
  CHECK(kernels.recorded == before + 1);
  CHECK_FALSE(kernels.moved);
}

TEST_CASE("A session over pages draws the tokens that the CPU sampler draws from its logits") {
  auto const pair = make_pair<Qwen2>();
  HostKernels const kernels;
  cpu::SamplingOptions const options{.temperature = 0.8, .top_k = 40, .top_p = 0.9};
  RandomStream const random({.seed = 4});
  engine::DecodeSession<Qwen2> drawing(pair.other, kernels), plain(pair.other, kernels);
  REQUIRE(drawing.draw_by(options, random));
  REQUIRE_FALSE(plain.draws());
  auto const batch = cpu::test::random_batch(3, 30, 67, 5);
  std::vector<std::uint32_t> slots(3);
  drawing.prefill(batch.packed(), slots, {});
  plain.prefill(batch.packed(), slots, {});
  cpu::TokenSampler sampler(options);
  std::vector<TokenId> tokens = {1, 2, 3};
  for (std::uint32_t t = 0; t < 30; ++t) {
    std::vector<float> logits(3 * 67);
    std::vector<Draw> draws;
    for (std::uint32_t i = 0; i < 3; ++i) draws.push_back({.index = i, .sample = 1, .token = t});
    std::vector<cpu::SampledToken> drawn(3);
    drawing.step(slots, tokens, draws, drawn);
    plain.step(slots, tokens, logits);
    for (std::size_t i = 0; i < 3; ++i) {
      auto const want = sampler(std::span(logits).subspan(i * 67, 67), uniform(random, draws[i]));
      REQUIRE(drawn[i].token == want.token);
      REQUIRE(drawn[i].log_prob == Approx(want.log_prob).margin(1e-5));
      REQUIRE(drawn[i].kept_mass == Approx(want.kept_mass).margin(1e-5));
      tokens[i] = want.token;
    }
  }
}

TEST_CASE("Generation over pages gives the CPU engine's completions, drawn where the logits are") {
  auto const pair = make_pair<Qwen2>();
  HostKernels const kernels;
  auto const batch = cpu::test::random_batch(4, 30, 67, 7);
  std::vector<std::vector<TokenId>> prompts;
  std::vector<cpu::GenerationRequest> requests;
  for (std::size_t i = 0; i < 4; ++i) prompts.push_back(batch.sequence(i));
  for (std::size_t i = 0; i < 4; ++i) requests.push_back({.id = i, .prompt = prompts[i], .samples = 3});
  cpu::GenerationOptions options{.sampling = {.temperature = 0.9, .top_k = 30, .top_p = 0.95},
                                 .max_tokens = 24,
                                 .stop_tokens = {3},
                                 .key = {.seed = 5}};
  cpu::ThreadPool pool(1);
  std::vector<grove::Completion> want, got;
  cpu::Generator<Qwen2>(pair.own, pool).generate(requests, options, [&](cpu::GeneratedCompletion&& g) {
    want.push_back(std::move(g.completion));
  });
  auto const& config = pair.other.config();
  auto const page = 2 * config.layers * config.kv_heads * config.head_dim * PageTable::page_tokens * sizeof(float);
  struct Bounds {
    std::size_t at_once, chunk, pages;
  };
  for (auto const& [at_once, chunk, pages] : {Bounds{0, 1024, 0}, {5, 7, 0}, {0, 1024, 9}, {8, 16, 5}}) {
    INFO(at_once << " at once, chunks of " << chunk << ", " << pages << " pages");
    options.batch = at_once;
    options.prefill_chunk = chunk;
    options.kv_cache_bytes = pages * page;
    got.clear();
    auto const sink = [&](cpu::GeneratedCompletion&& g) { got.push_back(std::move(g.completion)); };
    engine::generate(pair.other, requests, options, sink, pool, std::size_t{1} << 30U, &kernels);
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      CHECK(got[i].tokens == want[i].tokens);
      CHECK(got[i].finish == want[i].finish);
      CHECK(largest_difference(got[i].log_probs, want[i].log_probs) < 2e-5);
      CHECK(largest_difference(got[i].kept_mass, want[i].kept_mass) < 2e-5);
    }
  }
  CHECK(kernels.sampled > 0);
}

TEST_CASE("A session over pages says where logits are no numbers, and what it is not given") {
  auto parameters = cpu::test::random_parameters(kernel_config<Qwen2>());
  parameters["lm_head.weight"][5] = std::numeric_limits<float>::quiet_NaN();
  Pair<Qwen2> const pair(std::move(parameters));
  HostKernels const kernels;
  engine::DecodeSession<Qwen2> session(pair.other, kernels);
  std::vector<std::uint32_t> slots(1);
  std::vector<cpu::SampledToken> drawn(1);
  session.prefill(cpu::test::random_batch(1, 9, 67).packed(), slots, {});
  std::vector<TokenId> const token = {1};
  std::vector<Draw> const draws = {{.index = 12, .sample = 3, .token = 4}};
  REQUIRE_THROWS_WITH(session.step(slots, token, draws, drawn), Catch::Matchers::Contains("draw_by"));
  session.draw_by({}, RandomStream({.seed = 1}));
  REQUIRE_THROWS_WITH(session.step(slots, token, draws, drawn),
                      Catch::Matchers::Contains("id 12, sample 3, token 4") && Catch::Matchers::Contains("NaN"));
  REQUIRE_THROWS_AS(session.step(slots, token, {}, drawn), Error);
  REQUIRE_THROWS_AS(session.length(7), Error);
  auto const odd = Pair<Qwen2>(cpu::test::random_parameters(cpu::test::small_config<Qwen2>()));
  REQUIRE_THROWS_AS(engine::DecodeSession<Qwen2>(odd.other, kernels), Error);
}

TEST_CASE("A page table shares full pages, copies the last one, and uses pages again") {
  PageTable table;
  auto const first = table.open(3);
  CHECK(table.length(first) == 0);
  CHECK(table.extend_pages(first, 40) == 3);
  table.extend(first, 40);
  CHECK(table.pages(first).size() == 3);
  CHECK(table.first_position(first) == 3);
  CHECK(table.fork_pages(first) == 1);
  auto const fork = table.fork(first);
  REQUIRE(fork.copy);
  CHECK(fork.copy->from == table.pages(first)[2]);
  CHECK(fork.copy->to == table.pages(fork.slot)[2]);
  CHECK(table.pages(fork.slot)[1] == table.pages(first)[1]);
  CHECK(table.pages_in_use() == 4);
  table.close(first);
  CHECK(table.pages_in_use() == 3);
  for (int i = 0; i < 8; ++i) table.extend(fork.slot);
  CHECK(table.pages(fork.slot).size() == 3);
  auto const even = table.fork(fork.slot);  // 48 tokens: nothing to copy
  CHECK_FALSE(even.copy);
  CHECK(even.slot == first);
  table.extend(fork.slot);
  table.extend(even.slot);
  CHECK(table.pages(fork.slot)[3] != table.pages(even.slot)[3]);
  CHECK(table.first_position(even.slot) == 3);
  CHECK(table.pages_in_use() == 5);
  table.close(fork.slot);
  table.close(even.slot);
  CHECK(table.pages_in_use() == 0);
  CHECK(table.pool() == 5);
  std::set<PageTable::Page> pages;
  auto const all = table.open();
  table.extend(all, 80);
  for (auto page : table.pages(all)) pages.insert(page);
  CHECK(pages.size() == 5);
  CHECK(table.pool() == 5);
  REQUIRE_THROWS_AS(table.close(9), Error);
}

TEST_CASE("Steps are padded to few shapes, of which each is run, recorded and replayed") {
  std::set<std::size_t> rows;
  for (std::size_t n = 1; n <= 512; ++n) {
    auto const shape = padded({n, 1});
    CHECK(shape.rows >= n);
    CHECK(padded(shape) == shape);
    CHECK(shape.rows < 2 * n);
    rows.insert(shape.rows);
  }
  CHECK(rows.size() == 19);
  CHECK(rows.contains(24));
  CHECK(padded({3, 1}) == StepShape{4, 16});
  CHECK(padded({24, 16}) == StepShape{24, 16});
  CHECK(padded({24, 17}) == StepShape{24, 32});
  StepSchedule schedule;
  StepShape const a{4, 16}, b{8, 16};
  CHECK(schedule.next(a, 1) == StepMode::Run);
  CHECK(schedule.next(a, 1) == StepMode::Record);
  CHECK(schedule.next(b, 1) == StepMode::Run);
  CHECK(schedule.next(a, 1) == StepMode::Replay);
  CHECK(schedule.next(b, 1) == StepMode::Record);
  CHECK(schedule.next(a, 2) == StepMode::Run);  // memory has moved
  CHECK(schedule.next(b, 2) == StepMode::Run);
  CHECK(schedule.next(b, 2) == StepMode::Record);
  CHECK(schedule.epoch() == 2);
}
