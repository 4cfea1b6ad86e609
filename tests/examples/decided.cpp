// SPDX-License-Identifier: Apache-2.0
// generate --stop-decided: what curate's trivial stage does with the completions that are written is what it would do
// with all.
#include "open_rs/decided.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "examples/workplace.hpp"
#include "grove/random.hpp"
#include "support/catch.hpp"

namespace {

namespace fs = std::filesystem;
using grove::Finish;
using grove::nn::cpu::GeneratedCompletion;
using open_rs::DecidedGroups;
using open_rs::TrivialRule;
using test::run;

bool keeps(TrivialRule const& rule, std::size_t right, std::size_t of) {
  double const rate = static_cast<double>(right) / static_cast<double>(of);
  return rate < rule.drop_from && rate >= rule.drop_below;
}

GeneratedCompletion completion(std::size_t request, std::uint32_t sample, bool right) {
  return {.request = request,
          .id = 10 + request,
          .sample = sample,
          .completion = {.finish = Finish::Stop, .text = right ? "so it is \\boxed{7}" : "so it is \\boxed{8}"}};
}

}  // namespace

TEST_CASE("stop-decided: a decision is the stage's, whatever the rest is") {
  for (double const from : {0.0, 0.25, 0.5, 0.6, 0.7, 1.0, 2.0})
    for (double const below : {0.0, 0.25, 0.34, 0.6, 1.0}) {
      TrivialRule const rule{.drop_from = from, .drop_below = below};
      for (std::size_t n = 2; n <= 9; ++n)
        for (std::size_t judged = 1; judged <= n; ++judged)
          for (std::size_t right = 0; right <= judged; ++right) {
            CAPTURE(from, below, n, judged, right);
            bool const now = keeps(rule, right, judged);
            bool same = true;
            for (std::size_t more = 0; more <= n - judged; ++more) same &= keeps(rule, right + more, n) == now;
            if (rule.decides(right, judged, n)) {
              REQUIRE(same);
            } else if (from >= 1 && below == 0) {
              // Nothing that is certain is missed: there is one bound.
              bool certain = true;
              for (std::size_t more = 0; more <= n - judged; ++more)
                certain &= keeps(rule, right + more, n) == keeps(rule, right, n);
              REQUIRE_FALSE(certain);
            }
          }
    }
}

TEST_CASE("stop-decided: of each prompt the first completions that decide, in order, whenever they end") {
  TrivialRule const rule{.drop_from = 1, .drop_below = 0, .verifier = "strict"};
  using Written = std::vector<std::pair<std::uint64_t, std::uint32_t>>;
  // Of the first request sample 1 is wrong, of the second all are right, of the third sample 0 is wrong.
  auto const right = [](std::size_t request, std::uint32_t sample) {
    return request == 1 || (request == 0 && sample != 1);
  };
  Written const expected = {{10, 0}, {10, 1}, {11, 0}, {11, 1}, {11, 2}, {12, 0}};
  std::vector<std::pair<std::size_t, std::uint32_t>> order;
  for (std::size_t request = 0; request < 3; ++request)
    for (std::uint32_t sample = 0; sample < 3; ++sample) order.emplace_back(request, sample);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    grove::RandomSequence random(grove::RandomStream({seed, grove::Purpose::Data}));
    grove::shuffle(std::span(order), random);
    Written written;
    DecidedGroups groups(rule, {"7", "7", "7"}, 3,
                         [&](GeneratedCompletion const& c) { written.emplace_back(c.id, c.sample); });
    for (auto const& [request, sample] : order) {
      auto ends = completion(request, sample, right(request, sample));
      if (groups.early_end().has_ended(request)) ends.completion.finish = Finish::Ended;
      groups.take(std::move(ends));
    }
    CAPTURE(seed);
    REQUIRE(written == expected);
    CHECK(groups.decided() == 2);
    CHECK(groups.spared() == 1 + 2);
  }
}

TEST_CASE("stop-decided: its lines are those of a full run, and curate keeps the same rows") {
  test::Workplace const w;
  std::string lines;
  std::ofstream pool(w.root / "pool.jsonl");
  for (int i = 0; i < 6; ++i) {
    std::string const text = "question " + std::to_string(7 * i);
    lines += "{\"id\":" + std::to_string(i) + ",\"prompt\":\"" + text + "\",\"answer\":\"7\"}\n";
    pool << "{\"id\":" << i << ",\"problem\":\"" << text << "\",\"answer\":\"7\"}\n";
  }
  pool.close();
  auto const generated = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"generate", "--model", w.model, "--max-tokens", "9", "-n", "4"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto const result = run(arguments, lines);
    INFO(result.error);
    REQUIRE(result.code == 0);
    return result;
  };
  auto const kept = [&](std::string const& completions, std::string const& rule) {
    std::ofstream(w.root / "completions.jsonl") << completions;
    auto const result =
        run({"curate", "--data", (w.root / "pool.jsonl").string(), "--stages", "trivial", "--completions",
             (w.root / "completions.jsonl").string(), "--out", (w.root / "curated").string(), "--set", rule, "--json"});
    INFO(result.error);
    REQUIRE(result.code == 0);
    return result.json();
  };
  auto const whole = generated({"--threads", "1"});
  REQUIRE(whole.lines().size() == 24);
  // No completion is right here: one wrong decides below 1, and three of four that fewer than half are right.
  for (auto const& [rule, each] : std::map<std::string, std::size_t>{
           {"trivial.drop_from=1", 1}, {"trivial.drop_below=0.5", 3}, {"trivial.drop_from=0", 1}})
    for (std::string const threads : {"1", "2"})
      for (std::string const batch : {"0", "3"}) {
        CAPTURE(rule, threads, batch);
        auto const some = generated({"--stop-decided", "--set", rule, "--threads", threads, "--batch", batch});
        auto const left = some.lines(), all = whole.lines();
        REQUIRE(left.size() == 6 * each);
        for (std::size_t i = 0; i < left.size(); ++i) REQUIRE(left[i] == all[i / each * 4 + i % each]);
        CHECK(some.error.find("6 of 6 prompts were decided early, " + std::to_string(6 * (4 - each)) +
                              " of 24 completions not needed") != std::string::npos);
        CHECK(kept(some.out, rule) == kept(whole.out, rule));
      }
}

TEST_CASE("stop-decided: what it needs and what is not of it") {
  test::Workplace const w;
  auto const refused = [&](std::vector<std::string> more, std::string const& part, std::string const& line) {
    std::vector<std::string> arguments = {"generate", "--model", w.model, "--max-tokens", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto const result = run(arguments, line);
    INFO(result.error);
    CHECK(result.code == 2);
    CHECK(result.error.find(part) != std::string::npos);
    CHECK(std::ranges::count(result.error, '\n') == 1);
    CHECK(result.out.empty());
  };
  std::string const good = "{\"prompt\":\"a\",\"answer\":\"7\"}\n";
  refused({"--stop-decided"}, "-n N", good);
  refused({"-n", "2", "--set", "trivial.drop_from=1"}, "--stop-decided", good);
  refused({"-n", "2", "--stop-decided"}, "answer", "{\"prompt\":\"a\"}\n");
  refused({"-n", "2", "--stop-decided", "--set", "trivial.from=1"}, "trivial.drop_from", good);
  refused({"-n", "2", "--stop-decided", "--set", "boxed.column=1"}, "trivial.drop_from", good);
  refused({"-n", "2", "--stop-decided", "--set", "trivial.drop_from=x"}, "a number", good);
  refused({"-n", "2", "--stop-decided", "--set", "trivial.verifier=none"}, "--verifier", good);
}
