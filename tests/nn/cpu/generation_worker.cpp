// SPDX-License-Identifier: Apache-2.0
// The decode loop on a stand-in for the network, whose logits are a hash of the sequence: what a completion depends on
// and how slots are used. With the real network: generation.cpp.
#include "grove/nn/cpu/generation_worker.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "worker_support.hpp"

using namespace grove::nn::cpu;
using namespace grove::nn::cpu::test;
using grove::Completion;
using grove::Finish;
using grove::TokenId;
namespace detail = grove::nn::cpu::detail;

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
    CHECK(run<PagedHashSession>(make_requests(prompts, 16), {.max_tokens = 5}, width).appended <= 16);
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
  CHECK_FALSE(queue.empty());
  CHECK_FALSE(queue.take(9, [](std::size_t, std::size_t) { return 0; }));
  while (auto const unit = queue.take(3)) units.emplace_back(unit->request, unit->first, unit->count, unit->last);
  decltype(units) const expected{{0, 0, 3, false}, {0, 3, 2, true},  {2, 0, 3, false},
                                 {2, 3, 2, true},  {3, 0, 3, false}, {3, 3, 2, true}};
  CHECK(units == expected);
  CHECK(queue.empty());

  detail::GenerationQueue narrow(requests);
  std::vector<std::pair<std::size_t, std::size_t>> asked;
  auto const unit = narrow.take(9, [&](std::size_t request, std::size_t left) {
    asked.emplace_back(request, left);
    return 2;
  });
  REQUIRE(unit);
  CHECK(unit->count == 2);
  CHECK_FALSE(unit->last);
  CHECK(asked == std::vector<std::pair<std::size_t, std::size_t>>{{0, 5}});
}
