// SPDX-License-Identifier: Apache-2.0
// Requests that the caller ends while others are sampled, on a stand-in for the network. With the real network:
// generation.cpp.
#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include "grove/nn/cpu/early_end.hpp"
#include "grove/nn/cpu/generation_worker.hpp"
#include "support/catch.hpp"
#include "worker_support.hpp"

using namespace grove::nn::cpu;
using namespace grove::nn::cpu::test;
using grove::Completion;
using grove::Finish;

namespace {

/// Tokens and what was recorded with each are the same as far as `begun` goes.
bool begins(Completion const& begun, Completion const& whole) {
  auto const prefix = [](auto const& a, auto const& b) {
    return a.size() <= b.size() && std::equal(a.begin(), a.end(), b.begin());
  };
  return prefix(begun.tokens, whole.tokens) && prefix(begun.log_probs, whole.log_probs) &&
         prefix(begun.kept_mass, whole.kept_mass) && prefix(begun.text, whole.text) &&
         begun.log_probs.size() == begun.tokens.size() && begun.versions.size() == begun.tokens.size();
}

/// Every third request is ended when the first of its completions ends by itself.
template <class Session>
void check_others(std::size_t pages, std::size_t chunk) {
  auto prompts = make_prompts(19);
  for (std::size_t i = 0; i < prompts.size(); i += 2) prompts[i].tokens.resize(20 + 2 * i, 8);
  auto const requests = make_requests(prompts, 6);
  GenerationOptions options{.max_tokens = 40, .stop_tokens = {4, 9, 11}, .text = letters, .key = {.seed = 5}};
  auto const reference = run(requests, options, 1000);
  options.prefill_chunk = chunk;
  for (Delivery const delivery : {Delivery::AsFinished, Delivery::InOrder}) {
    for (std::size_t const width : {1UL, 5UL, 64UL}) {
      for (std::size_t const workers : {1UL, 3UL}) {
        EarlyEnd early(requests.size());
        options.delivery = delivery;
        options.early_end = &early;
        auto const other =
            run<Session>(requests, options, width, workers, 1000, pages, [&](GeneratedCompletion const& done) {
              if (done.request % 3 == 0 && done.completion.finish != Finish::Ended) early.end(done.request);
            });
        CAPTURE(pages, chunk, width, workers, delivery == Delivery::InOrder);
        REQUIRE(other.completions.size() == reference.completions.size());
        CHECK(early.count() == 7);
        CHECK(other.left_open == 0);
        CHECK(other.widest <= width);
        if (delivery == Delivery::InOrder) CHECK(std::ranges::is_sorted(other.order));
        std::size_t ended = 0;
        for (auto const& [place, completion] : other.completions) {
          bool const may_end = (place.first - 1000) / 3 % 3 == 0;
          if (completion.finish != Finish::Ended) {
            REQUIRE(same(completion, reference.completions.at(place)));
            continue;
          }
          ++ended;
          REQUIRE(may_end);
          REQUIRE(begins(completion, reference.completions.at(place)));
        }
        CHECK(ended > 0);
      }
    }
  }
}

}  // namespace

TEST_CASE("generation: ending requests changes no bit of the others") {
  check_others<HashSession>(0, 1024);
  std::size_t const longest = KvShape::pages(20 + 2 * 18 + 40 - 1);
  for (std::size_t const pages : {std::size_t{0}, longest, longest + 5})
    for (std::size_t const chunk : {7UL, 1024UL}) check_others<PagedHashSession>(pages, chunk);
}

TEST_CASE("generation: the places of a request that is ended go to the next in the same step") {
  auto const prompts = make_prompts(3);
  auto requests = make_requests(prompts, 4);
  requests[0].samples = 1;
  requests[0].max_tokens = 5;
  requests[1].samples = 3;
  requests[2].max_tokens = 20;
  EarlyEnd early(3);
  GenerationOptions const options{
      .max_tokens = 100, .key = {.seed = 5}, .delivery = Delivery::AsFinished, .early_end = &early};
  auto const outcome = run(requests, options, 4, 1, 1000, 0, [&](GeneratedCompletion const& done) {
    if (done.request == 0) early.end(1);
  });
  // The first token of each comes with its prompt: 4 steps until the first request has 5, 19 for the third.
  CHECK(outcome.rows == std::vector<std::size_t>(4 + 19, 4));
  REQUIRE(outcome.completions.size() == 8);
  for (std::uint32_t i = 0; i < 3; ++i) {
    auto const& ended = outcome.completions.at({prompts[1].id, i});
    CHECK(ended.finish == Finish::Ended);
    CHECK(ended.tokens.size() == 5);
  }
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(outcome.completions.at({prompts[2].id, i}).tokens.size() == 20);
}

TEST_CASE("generation: completions of an ended request that wait never begin, and are delivered") {
  auto const prompts = make_prompts(3);
  auto const requests = make_requests(prompts, 3);
  for (Delivery const delivery : {Delivery::AsFinished, Delivery::InOrder}) {
    EarlyEnd early(3);
    early.end(2);  // before it all begins
    GenerationOptions const options{.max_tokens = 10, .key = {.seed = 5}, .delivery = delivery, .early_end = &early};
    auto const outcome = run(requests, options, 1, 1, 1000, 0, [&](GeneratedCompletion const& done) {
      if (done.request != 0 || done.sample != 1) return;
      for (std::size_t const request : {0, 1, 1}) early.end(request);
    });
    CHECK(early.count() == 3);
    CHECK(outcome.prefilled == 1);
    CHECK(outcome.rows.size() == 2 * 9);
    REQUIRE(outcome.completions.size() == 9);
    for (auto const& [place, completion] : outcome.completions) {
      bool const whole = place.first == prompts[0].id && place.second < 2;
      CHECK(completion.finish == (whole ? Finish::Length : Finish::Ended));
      CHECK(completion.tokens.size() == (whole ? 10 : 0));
    }
  }
}

TEST_CASE("generation: ending a request that does not exist is an error") {
  EarlyEnd early(2);
  CHECK(early.requests() == 2);
  CHECK_THROWS_AS(early.end(2), std::out_of_range);
  CHECK_FALSE(early.has_ended(1));
}
