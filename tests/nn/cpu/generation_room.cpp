// SPDX-License-Identifier: Apache-2.0
// The decode loop where prompts come in chunks, share their beginnings and have a bound of pages, on a stand-in for the
// network. With the real network: generation.cpp.
#include <algorithm>
#include <cstddef>
#include <vector>

#include "grove/nn/cpu/generation_worker.hpp"
#include "grove/nn/cpu/prompt_families.hpp"
#include "support/catch.hpp"
#include "worker_support.hpp"

using namespace grove::nn::cpu;
using namespace grove::nn::cpu::test;
using grove::TokenId;
namespace detail = grove::nn::cpu::detail;

TEST_CASE("generation: chunks of prompts and a bound of pages change no completion") {
  auto prompts = make_prompts(19);
  for (std::size_t i = 0; i < prompts.size(); i += 3) prompts[i].tokens.resize(20 + 2 * i, 8);
  auto const requests = make_requests(prompts, 6);
  GenerationOptions options{.max_tokens = 40, .stop_tokens = {4, 9, 11, 20}, .text = letters, .key = {.seed = 5}};
  auto const reference = run(requests, options, 1000);
  std::size_t const longest = KvShape::pages(20 + 2 * 18 + 40 - 1);
  std::size_t interruptions = 0;
  for (std::size_t const chunk : {1UL, 7UL, 16UL, 1024UL}) {
    for (std::size_t const pages : {longest, longest + 1, longest + 5, 4 * longest, 0UL}) {
      for (std::size_t const width : {1UL, 5UL, 64UL}) {
        for (std::size_t const workers : {1UL, 3UL}) {
          options.prefill_chunk = chunk;
          auto const other = run<PagedHashSession>(requests, options, width, workers, 1000, pages);
          CAPTURE(chunk, pages, width, workers);
          REQUIRE(other.completions.size() == reference.completions.size());
          CHECK(other.left_open == 0);
          CHECK(other.widest <= width);
          CHECK((pages == 0 || other.most_pages <= pages));
          CHECK((pages != 0 || other.interruptions == 0));
          CHECK(other.longest_pause <= chunk);
          interruptions += other.interruptions;
          for (auto const& [place, completion] : reference.completions) {
            REQUIRE(same(other.completions.at(place), completion));
          }
        }
      }
    }
  }
  CHECK(interruptions > 50);
}

TEST_CASE("generation: a bound of pages is used, and what it costs is bounded") {
  auto const prompts = make_prompts(40);
  auto const requests = make_requests(prompts, 4);
  GenerationOptions const options{.max_tokens = 400, .stop_tokens = {4}, .key = {.seed = 5}};  // 37 on average
  auto const free = run<PagedHashSession>(requests, options, 64);
  std::size_t tokens = 0;
  for (auto const& [place, completion] : free.completions) tokens += completion.tokens.size();
  auto const bound = run<PagedHashSession>(requests, options, 64, 1, 1000, 60);
  INFO(tokens << " tokens, " << free.most_pages << " pages free, " << bound.most_pages << " bound, "
              << bound.interruptions << " interruptions, " << bound.appended << " tokens appended");
  CHECK(free.most_pages > 120);
  CHECK(bound.most_pages > 50);
  CHECK(bound.widest > 10);
  CHECK(bound.appended < free.appended + tokens / 4);
}

TEST_CASE("generation: what neighbouring prompts have in common is computed once") {
  std::vector<Prompt> prompts = make_prompts(12);
  for (std::size_t i = 0; i < 12; ++i) {
    std::vector<TokenId> const system(i < 7 ? 90 : 50, i < 7 ? 30 : 31);
    prompts[i].tokens.insert(prompts[i].tokens.begin(), system.begin(), system.end());
  }
  auto const requests = make_requests(prompts, 2);
  auto const families = detail::prompt_families(requests, 16);
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(families[i].first == (i < 7 ? 0 : 7));
    CHECK(families[i].shared == (i < 7 ? 90 : 50));
  }
  GenerationOptions options{.max_tokens = 5};
  auto const reference = run(requests, options, 8);
  std::size_t own = 0;
  for (auto const& prompt : prompts) own += prompt.tokens.size();
  for (std::size_t const chunk : {13UL, 1024UL}) {
    options.prefill_chunk = chunk;
    auto const shared = run<PagedHashSession>(requests, options, 8);
    CHECK(shared.appended == own - 6 * 90 - 4 * 50);
    for (auto const& [place, completion] : reference.completions) CHECK(same(shared.completions.at(place), completion));
  }
}

TEST_CASE("generation: families of prompts") {
  auto const shared = [](std::vector<std::vector<TokenId>> const& prompts, std::size_t least) {
    std::vector<GenerationRequest> requests;
    for (auto const& prompt : prompts) requests.push_back({.prompt = prompt});
    std::vector<std::size_t> result;
    for (auto const& family : detail::prompt_families(requests, least)) result.push_back(family.shared);
    return result;
  };
  using Lengths = std::vector<std::size_t>;
  CHECK(shared({}, 1).empty());
  CHECK(shared({{1, 2, 3}}, 1) == Lengths{0});
  CHECK(shared({{1, 2, 3}, {1, 2, 3}}, 1) == Lengths{2, 2});  // the last token's logits are wanted
  CHECK(shared({{1, 2, 3}, {1, 2}, {1, 2, 4}}, 1) == Lengths{1, 1, 1});
  CHECK(shared({{1, 2, 3}, {1, 2}, {1, 2, 4}}, 2) == Lengths{0, 0, 0});
  CHECK(shared({{1, 2, 3, 4}, {1, 2, 3, 5}, {9, 2}, {9, 2, 2, 2}, {9, 2, 2, 1}}, 1) == Lengths{3, 3, 1, 1, 1});
  CHECK(shared({{1}, {1}}, 0) == Lengths{0, 0});
}
