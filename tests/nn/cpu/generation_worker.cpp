// SPDX-License-Identifier: Apache-2.0
// The decode loop on a stand-in for the network, whose logits are a hash of the sequence: what a completion depends on
// and how slots are used. With the real network: generation.cpp.
#include "grove/nn/cpu/generation_worker.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace grove::nn::cpu;
using grove::Completion;
using grove::Finish;
using grove::TokenId;
namespace detail = grove::nn::cpu::detail;

namespace {

constexpr std::size_t vocabulary = 37;

struct Prompts {
  std::span<TokenId const> tokens;
  std::span<std::size_t const> cu_seqlens;
};

/// Keeps every sequence's tokens; logits are random numbers keyed by them.
class HashSession {
 public:
  using Slot = std::uint32_t;

  void prefill(Prompts prompts, std::span<Slot> slots, std::span<float> logits) {
    misused |= slots.size() + 1 != prompts.cu_seqlens.size();
    prefilled += slots.size();
    for (std::size_t i = 0; i < slots.size(); ++i) {
      auto const prompt =
          prompts.tokens.subspan(prompts.cu_seqlens[i], prompts.cu_seqlens[i + 1] - prompts.cu_seqlens[i]);
      slots[i] = next_++;
      sequences[slots[i]].assign(prompt.begin(), prompt.end());
      fill(sequences[slots[i]], logits.subspan(i * vocabulary, vocabulary));
    }
  }
  Slot fork(Slot parent) {
    sequences[next_] = sequences.at(parent);
    return next_++;
  }
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits) {
    misused |= std::set<Slot>(slots.begin(), slots.end()).size() != slots.size();
    widest = std::max(widest, slots.size());
    for (std::size_t i = 0; i < slots.size(); ++i) {
      sequences.at(slots[i]).push_back(tokens[i]);
      fill(sequences[slots[i]], logits.subspan(i * vocabulary, vocabulary));
    }
  }
  void release(Slot slot) { misused |= sequences.erase(slot) != 1; }

  std::map<Slot, std::vector<TokenId>> sequences;
  std::size_t widest = 0;
  std::size_t prefilled = 0;
  bool misused = false;  // Catch2's macros are for one thread

 private:
  static void fill(std::vector<TokenId> const& sequence, std::span<float> logits) {
    std::uint64_t hash = 1469598103934665603U;
    for (TokenId const token : sequence) hash = (hash ^ static_cast<std::uint64_t>(token)) * 1099511628211U;
    grove::RandomSequence random(grove::RandomStream({.seed = hash, .purpose = grove::Purpose::Data}));
    for (float& x : logits) x = static_cast<float>(random.normal());
  }

  Slot next_ = 0;
};

struct Outcome {
  std::map<std::pair<std::uint64_t, std::uint32_t>, Completion> completions;
  std::vector<std::pair<std::size_t, std::uint32_t>> order;
  std::size_t widest = 0;
  std::size_t prefilled = 0;
  std::size_t left_open = 0;
  bool misused = false;
};

Outcome run(std::vector<GenerationRequest> const& requests, GenerationOptions const& options, std::size_t width,
            std::size_t workers = 1, std::size_t context = 1000) {
  Outcome outcome;
  GenerationSink const sink = [&](GeneratedCompletion&& done) {
    outcome.order.emplace_back(done.request, done.sample);
    outcome.misused |= done.id != requests[done.request].id;
    outcome.misused |= !outcome.completions.emplace(std::pair(done.id, done.sample), std::move(done.completion)).second;
  };
  detail::GenerationJob job{.requests = requests,
                            .options = options,
                            .stops = StopStrings(options.stop_strings),
                            .random = grove::RandomStream(options.key, options.collection, options.attempt),
                            .context = context,
                            .vocabulary = vocabulary,
                            .version = 12,
                            .queue = detail::GenerationQueue(requests),
                            .outlet = detail::GenerationOutlet(requests, options.delivery, sink)};
  std::vector<HashSession> sessions(workers);
  if (workers == 1) {
    detail::GenerationWorker(sessions[0], job, width).run();
  } else {
    std::vector<std::thread> threads;
    for (auto& session : sessions) {
      threads.emplace_back([&] { detail::GenerationWorker(session, job, width).run(); });
    }
    for (auto& thread : threads) thread.join();
  }
  for (auto const& session : sessions) {
    outcome.widest = std::max(outcome.widest, session.widest);
    outcome.prefilled += session.prefilled;
    outcome.left_open += session.sequences.size();
    outcome.misused |= session.misused;
  }
  CHECK_FALSE(outcome.misused);
  return outcome;
}

struct Prompt {
  std::vector<TokenId> tokens;
  std::uint64_t id;
};

std::vector<Prompt> make_prompts(std::size_t count) {
  std::vector<Prompt> prompts;
  for (std::size_t i = 0; i < count; ++i) {
    Prompt& prompt = prompts.emplace_back();
    prompt.id = 1000 + 3 * i;
    for (std::size_t j = 0; j <= i % 5; ++j) prompt.tokens.push_back(static_cast<TokenId>((i * 7 + j) % vocabulary));
  }
  return prompts;
}

std::vector<GenerationRequest> make_requests(std::vector<Prompt> const& prompts, std::uint32_t samples) {
  std::vector<GenerationRequest> requests;
  for (Prompt const& prompt : prompts)
    requests.push_back({.id = prompt.id, .prompt = prompt.tokens, .samples = samples});
  return requests;
}

bool same(Completion const& a, Completion const& b) {
  return std::tie(a.tokens, a.log_probs, a.kept_mass, a.versions, a.finish, a.text) ==
         std::tie(b.tokens, b.log_probs, b.kept_mass, b.versions, b.finish, b.text);
}

/// Token n is the letter 'a' + n % 26.
TextStream letters() {
  return {.push = [](TokenId token) { return std::string(1, static_cast<char>('a' + token % 26)); },
          .finish = [] { return std::string(); }};
}

}  // namespace

TEST_CASE("generation: completions depend on their own key only") {
  auto const prompts = make_prompts(23);
  GenerationOptions options{.max_tokens = 30, .stop_tokens = {4, 9}, .text = letters, .key = {.seed = 5}};
  auto const reference = run(make_requests(prompts, 3), options, 1000);
  REQUIRE(reference.completions.size() == 69);

  SECTION("whatever the width, the number of workers and the delivery") {
    for (std::size_t const width : {1UL, 2UL, 7UL, 64UL}) {
      for (std::size_t const workers : {1UL, 2UL, 3UL}) {
        for (Delivery const delivery : {Delivery::InOrder, Delivery::AsFinished}) {
          options.delivery = delivery;
          auto const other = run(make_requests(prompts, 3), options, width, workers);
          CAPTURE(width, workers);
          REQUIRE(other.completions.size() == 69);
          CHECK(other.widest <= width);
          CHECK(other.left_open == 0);
          for (auto const& [place, completion] : reference.completions) {
            REQUIRE(same(other.completions.at(place), completion));
          }
          if (delivery == Delivery::InOrder) CHECK(std::ranges::is_sorted(other.order));
        }
      }
    }
  }
  SECTION("alone, in reverse order, and as part of a group") {
    auto reversed = make_requests(prompts, 3);
    std::ranges::reverse(reversed);
    for (auto const& [place, completion] : run(reversed, options, 8).completions) {
      REQUIRE(same(completion, reference.completions.at(place)));
    }
    for (Prompt const& prompt : prompts) {
      auto const alone = run({{.id = prompt.id, .prompt = prompt.tokens, .samples = 1, .first_sample = 2}}, options, 4);
      REQUIRE(same(alone.completions.at({prompt.id, 2}), reference.completions.at({prompt.id, 2})));
    }
  }
  SECTION("and change with every part of it") {
    auto const differs = [&](GenerationOptions const& changed) {
      auto const other = run(make_requests(prompts, 3), changed, 64);
      return std::ranges::any_of(reference.completions, [&](auto const& entry) {
        return !same(entry.second, other.completions.at(entry.first));
      });
    };
    CHECK_FALSE(differs(options));
    auto changed = options;
    changed.key.seed = 6;
    CHECK(differs(changed));
    changed = options;
    changed.key.purpose = grove::Purpose::Evaluation;
    CHECK(differs(changed));
    changed = options;
    changed.collection = 1;
    CHECK(differs(changed));
    changed = options;
    changed.attempt = 1;
    CHECK(differs(changed));
  }
}

TEST_CASE("generation: samples of a prompt differ and are independent draws") {
  std::vector<TokenId> const prompt{3, 1, 4};
  auto const outcome = run({{.id = 8, .prompt = prompt, .samples = 2000}}, {.max_tokens = 1}, 64);
  std::map<TokenId, int> counts;
  for (auto const& [place, completion] : outcome.completions) ++counts[completion.tokens.at(0)];
  CHECK(counts.size() > 30);  // of 37, whose probabilities lie between 0.2 and 20 %
  for (auto const& [token, count] : counts) {
    for (auto const& [place, completion] : outcome.completions) {
      if (completion.tokens[0] != token) continue;
      double const p = std::exp(completion.log_probs[0]);
      CHECK(std::abs(count - 2000 * p) < 4.5 * std::sqrt(2000 * p) + 1);
      break;
    }
  }
}

TEST_CASE("generation: a prompt is computed once for all its samples") {
  auto const prompts = make_prompts(6);
  for (std::size_t const width : {1UL, 4UL, 16UL, 1000UL}) {
    CAPTURE(width);
    CHECK(run(make_requests(prompts, 16), {.max_tokens = 5}, width).prefilled == 6);
  }
}

TEST_CASE("generation: ends with a stop token, at max_tokens or with the context") {
  auto const prompts = make_prompts(20);
  auto const requests = make_requests(prompts, 2);
  int stopped = 0;
  for (auto const& [place, completion] : run(requests, {.max_tokens = 25, .stop_tokens = {4, 9}}, 8).completions) {
    auto const is_stop = [](TokenId token) { return token == 4 || token == 9; };
    auto const& tokens = completion.tokens;
    REQUIRE(completion.log_probs.size() == tokens.size());
    REQUIRE(completion.kept_mass.size() == tokens.size());
    REQUIRE(completion.versions == std::vector<std::uint64_t>(tokens.size(), 12));
    CHECK(std::none_of(tokens.begin(), tokens.end() - 1, is_stop));
    CHECK((completion.finish == Finish::Stop) == is_stop(tokens.back()));
    CHECK((tokens.size() == 25 || completion.finish == Finish::Stop));
    CHECK(completion.text.empty());
    stopped += completion.finish == Finish::Stop ? 1 : 0;
  }
  CHECK(stopped > 10);
  CHECK(stopped < 40);
  for (auto const& [place, completion] : run(requests, {.max_tokens = 25}, 8, 1, 12).completions) {
    auto const& prompt = prompts[(place.first - 1000) / 3].tokens;
    CHECK(completion.tokens.size() == 12 - prompt.size());
    CHECK(completion.finish == Finish::Length);
  }
}

TEST_CASE("generation: stop strings across tokens cut the text and keep the tokens") {
  auto const prompts = make_prompts(40);
  auto const requests = make_requests(prompts, 4);
  auto const free = run(requests, {.max_tokens = 60, .text = letters}, 64);
  auto const stopped = run(requests, {.max_tokens = 60, .stop_strings = {"ab", "cde"}, .text = letters}, 64);
  int cuts = 0;
  for (auto const& [place, completion] : free.completions) {
    auto const& other = stopped.completions.at(place);
    std::size_t const ab = completion.text.find("ab");
    std::size_t const cde = completion.text.find("cde");
    std::size_t const end = std::min(ab == std::string::npos ? ab : ab + 2, cde == std::string::npos ? cde : cde + 3);
    if (end == std::string::npos) {
      CHECK(same(completion, other));
      continue;
    }
    ++cuts;
    CHECK(other.finish == Finish::Stop);
    CHECK(other.text == completion.text.substr(0, std::min(ab, cde)));
    CHECK(other.tokens == std::vector(completion.tokens.begin(), completion.tokens.begin() + static_cast<long>(end)));
  }
  CHECK(cuts > 5);
  CHECK(cuts < 100);
}

TEST_CASE("generation: text that is certain only at the end is added then") {
  auto const held = [] {
    auto last = std::make_shared<std::string>();
    return TextStream{.push = [last](TokenId token) { return std::exchange(*last, std::to_string(token) + " "); },
                      .finish = [last] { return std::exchange(*last, ""); }};
  };
  std::vector<TokenId> const prompt{1};
  auto const outcome = run({{.id = 1, .prompt = prompt, .samples = 5}}, {.max_tokens = 6, .text = held}, 3);
  for (auto const& [place, completion] : outcome.completions) {
    std::string expected;
    for (TokenId const token : completion.tokens) expected += std::to_string(token) + " ";
    CHECK(completion.text == expected);
  }
}

TEST_CASE("generation: greedy completions of one prompt are equal") {
  std::vector<TokenId> const prompt{7, 7};
  auto const outcome = run({{.id = 0, .prompt = prompt, .samples = 4}}, {.sampling = {.temperature = 0}}, 3);
  for (auto const& [place, completion] : outcome.completions) {
    CHECK(same(completion, outcome.completions.at({0, 0})));
    CHECK(completion.tokens.size() == 512);
  }
}

TEST_CASE("generation: an exception of the sink ends all workers and comes out") {
  auto const prompts = make_prompts(50);
  auto const requests = make_requests(prompts, 2);
  GenerationOptions const options{.max_tokens = 10};
  int received = 0;
  GenerationSink const sink = [&](GeneratedCompletion&&) {
    if (++received == 5) throw std::runtime_error("disk full");
  };
  detail::GenerationJob job{.requests = requests,
                            .options = options,
                            .stops = StopStrings(),
                            .random = grove::RandomStream({}),
                            .context = 1000,
                            .vocabulary = vocabulary,
                            .version = 0,
                            .queue = detail::GenerationQueue(requests),
                            .outlet = detail::GenerationOutlet(requests, Delivery::InOrder, sink)};
  HashSession first, second;
  REQUIRE_THROWS_WITH(detail::GenerationWorker(first, job, 4).run(), "disk full");
  CHECK(job.failed);
  detail::GenerationWorker(second, job, 4).run();
  CHECK(second.prefilled == 0);
  CHECK(received == 5);
}

TEST_CASE("generation: the queue hands out every sample once and in order") {
  auto const prompts = make_prompts(4);
  auto requests = make_requests(prompts, 5);
  requests[1].samples = 0;
  detail::GenerationQueue queue(requests);
  std::vector<std::tuple<std::size_t, std::uint32_t, std::uint32_t, bool>> units;
  CHECK_FALSE(queue.take(0));
  while (auto const unit = queue.take(3)) units.emplace_back(unit->request, unit->first, unit->count, unit->last);
  decltype(units) const expected{{0, 0, 3, false}, {0, 3, 2, true},  {2, 0, 3, false},
                                 {2, 3, 2, true},  {3, 0, 3, false}, {3, 3, 2, true}};
  CHECK(units == expected);
}
