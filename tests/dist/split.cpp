// SPDX-License-Identifier: Apache-2.0
// Group filters, recordings and placements over several ranks.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dist/replayed.hpp"
#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "grove/policy/lora.hpp"
#include "grove/rollout/any_token_rollout.hpp"
#include "grove/rollout/remote_sampler.hpp"
#include "grove/rollout/trajectory_bytes.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace grove;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

GroupSamplerOptions sampling(Share share = {}) {
  return {.problems = 6, .group = 3, .max_tokens = 10, .seed = 9, .share = share};
}

/// Pays for the last token's parity alone, so that many groups have no signal.
struct LastEven {
  static constexpr std::string_view name = "last_even";
  double operator()(Problem const& problem, Completion const& completion) const {
    return problem.id % 3 == 0 ? 1.0 : completion.tokens.back() % 2 == 0;
  }
};

Split::Collect from(GroupSampler& sampler) {
  return [&](AnyCausalLm& policy, std::uint64_t collection) {
    sampler.set_collections(collection);
    return sampler.collect(policy);
  };
}

TrainOptions options() { return {.schedule = {.peak = 1e-3}}; }

template <class Algorithm, class C>
test::Tensors colocated(Algorithm algorithm, std::size_t steps, fs::path const& record, C ranks) {
  Trainer trainer(std::move(algorithm), tiny::policy(), tiny::sampler(sampling({ranks.rank(), ranks.size()})),
                  LastEven{}, options(), TokenBudget{20}, ranks);
  trainer.run(steps, [&](auto& t, StepReport const& report) {
    if (!record.empty()) Recorder{record}(t, report);
  });
  return test::tensors(trainer.policy().parameters(), false);
}

std::vector<io::Json> lines_of(fs::path const& file) {
  std::ifstream in(file);
  std::vector<io::Json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(io::parse_json_line(line, "line"));
  return lines;
}

}  // namespace

TEST_CASE("ranks filter groups and record them as one process does") {
  Dapo const algorithm;
  TemporaryFolder const alone("alone");
  auto const one = colocated(algorithm, 2, alone.path, Solo{});
  auto const expected = lines_of(alone.path / "step-000001.jsonl");
  REQUIRE(expected.size() == 18);
  for (std::size_t const size : {2, 4}) {
    TemporaryFolder const together("together");
    std::vector<test::Tensors> values(size);
    auto const errors = test::on_ranks(
        size, 60s, [&](ProcessGroup& group) { values[group.rank()] = colocated(algorithm, 2, together.path, group); });
    INFO(errors[0]);
    REQUIRE(test::all_went_well(errors));
    auto const lines = lines_of(together.path / "step-000001.jsonl");
    REQUIRE(lines.size() == expected.size());
    std::map<std::size_t, std::size_t> sizes;
    bool several = false;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (auto const* key : {"id", "index", "prompt_ids", "ids", "log_probs", "rewards", "finish", "policy_version"})
        CHECK(lines[i][key] == expected[i][key]);
      ++sizes[lines[i]["group"].get<std::size_t>()];
      several = several || lines[i]["rank"] != 0;
    }
    CHECK(several);
    CHECK(sizes.size() == 6);
    for (auto const& [group, count] : sizes) CHECK(count == 3);
    CHECK(test::distance(one, values[0]) < 1e-4);
    CHECK(values[1] == values[0]);
  }
}

TEST_CASE("a recording of several ranks repeats their run bit for bit") {
  TemporaryFolder const folder("recorded");
  std::vector<test::Tensors> values(3);
  REQUIRE(test::all_went_well(test::on_ranks(
      3, 60s, [&](ProcessGroup& group) { values[group.rank()] = colocated(Dapo{}, 3, folder.path, group); })));
  auto const errors = test::on_ranks(3, 60s, [&](ProcessGroup& group) {
    Trainer trainer(Dapo{}, tiny::policy(), Replay(folder.path, {group.rank(), group.size()}), test::Recorded{},
                    options(), TokenBudget{20}, group);
    trainer.run(3);
    if (test::tensors(trainer.policy().parameters(), false) != values[0]) throw std::runtime_error("other weights");
  });
  INFO(errors[0]);
  CHECK(test::all_went_well(errors));
}

TEST_CASE("split:1 of four ranks trains as three ranks that sample themselves") {
  constexpr std::size_t steps = 4;
  std::vector<test::Tensors> three(3), split(4);
  REQUIRE(test::all_went_well(test::on_ranks(
      3, 60s, [&](ProcessGroup& group) { three[group.rank()] = colocated(GrpoTokenMean{}, steps, {}, group); })));
  auto const errors = test::on_ranks(4, 60s, [&](ProcessGroup& group) {
    auto const parts = std::make_shared<Split>(group, Placement{1});
    if (parts->samples()) {
      auto policy = tiny::policy({.threads = 1}, 99);  // other weights: those that count come from rank 0
      auto sampler = tiny::sampler(sampling(parts->share()));
      parts->serve(policy, from(sampler));
      CHECK(policy.version() == steps - 1);
      return;
    }
    Trainer trainer(GrpoTokenMean{}, tiny::policy(), RemoteSampler(parts, 3), LastEven{}, options(), TokenBudget{20},
                    parts->trainers());
    trainer.run(steps);
    split[group.rank()] = test::tensors(trainer.policy().parameters(), false);
    parts->stop();
  });
  INFO(errors[0] << errors[3]);
  REQUIRE(test::all_went_well(errors));
  for (std::size_t r = 0; r < 3; ++r) CHECK(split[r] == three[r]);
}

TEST_CASE("two ranks sample for one that trains") {
  auto const one = colocated(GrpoTokenMean{}, 3, {}, Solo{});
  test::Tensors split;
  auto const errors = test::on_ranks(3, 60s, [&](ProcessGroup& group) {
    auto const parts = std::make_shared<Split>(group, Placement{2});
    if (parts->samples()) {
      auto policy = tiny::policy();
      auto sampler = tiny::sampler(sampling(parts->share()));
      return parts->serve(policy, from(sampler));
    }
    Trainer trainer(GrpoTokenMean{}, tiny::policy(), RemoteSampler(parts, 3), LastEven{}, options(), TokenBudget{20},
                    parts->trainers());
    trainer.run(3);
    split = test::tensors(trainer.policy().parameters(), false);
    parts->stop();
  });
  INFO(errors[0]);
  REQUIRE(test::all_went_well(errors));
  CHECK(split == one);
}

TEST_CASE("adapters alone go to ranks that sample: split:1 of four ranks trains as three that sample themselves") {
  constexpr std::size_t steps = 4;
  GrpoTokenMean algorithm;
  algorithm.objective.get<KlInLoss<K3>>().coefficient = 0.1;
  auto const adapted = [](std::uint64_t seed) {
    return Lora(tiny::policy(), {.rank = 3, .alpha = 6, .targets = {"all-linear"}, .seed = seed});
  };
  auto const train = [&](auto rollout, ProcessGroup const& ranks) {
    Trainer trainer(algorithm, adapted(11), std::move(rollout), LastEven{}, {.schedule = {.peak = 0.02}},
                    TokenBudget{20}, ranks);
    trainer.run(steps);
    auto values = test::tensors(trainer.policy().parameters(), false);
    CHECK(values != test::tensors(adapted(11).parameters(), false));
    return values;
  };
  for (std::size_t const samplers : {1, 2}) {
    std::vector<test::Tensors> three(3), split(3);
    REQUIRE(test::all_went_well(test::on_ranks(3, 60s, [&](ProcessGroup& group) {
      three[group.rank()] = train(tiny::sampler(sampling({group.rank(), group.size()})), group);
    })));
    auto const errors = test::on_ranks(3 + samplers, 60s, [&](ProcessGroup& group) {
      auto const parts = std::make_shared<Split>(group, Placement{samplers});
      if (parts->samples()) {
        auto policy = adapted(99);  // other values: those that count come from rank 0
        auto const base = policy.fingerprint();
        auto sampler = tiny::sampler(sampling(parts->share()));
        parts->serve(policy, from(sampler));
        CHECK(policy.version() == steps);
        CHECK(policy.fingerprint() == base);
        return;
      }
      split[group.rank()] = train(AnyTokenRollout(RemoteSampler(parts, 3)), parts->trainers());
      parts->stop();
    });
    INFO(errors[0] << errors[3]);
    REQUIRE(test::all_went_well(errors));
    for (std::size_t r = 0; r < 3; ++r) CHECK(split[r] == three[r]);
  }
}

TEST_CASE("adapters are not sent to a rank with another model below them") {
  auto const errors = test::on_ranks(2, 20s, [&](ProcessGroup& group) {
    auto const parts = std::make_shared<Split>(group, Placement{1});
    Lora policy(tiny::policy({.threads = 1}, parts->samples() ? 99 : 5));
    if (parts->samples()) {
      auto sampler = tiny::sampler(sampling(parts->share()));
      try {
        parts->serve(policy, from(sampler));
      } catch (std::exception const& e) {
        group.fail(e.what());
        throw;
      }
      return;
    }
    static_cast<void>(parts->collect(policy, 0));
  });
  INFO(errors[0]);
  CHECK(errors[1].find("split: rank 1 has another model below the adapters; expected that of rank 0") == 0);
  CHECK(errors[0].find("rank 1 stopped in phase waiting for the trainers: split: rank 1 has another model") !=
        std::string::npos);
}

TEST_CASE("placements that leave nobody to train are refused") {
  CHECK(Placement::parse("colocated").samplers == 0);
  CHECK(Placement::parse("split:2").samplers == 2);
  for (auto const* text : {"split", "split:", "split:0", "split:x", "split:1 ", ""})
    CHECK_THROWS_AS(Placement::parse(text), Error);
  CHECK_THROWS_AS(Placement{2}.check(2), Error);
  CHECK_THROWS_AS(Placement{1}.check(1), Error);
  CHECK_NOTHROW(Placement{1}.check(2));
  CHECK_NOTHROW(Placement{}.check(1));
}

TEST_CASE("trajectories come over as they are, and what is cut is refused") {
  auto policy = tiny::policy();
  auto sampler = tiny::sampler(sampling());
  auto t = sampler.collect(policy);
  t.problems[0].messages = {{"user", "one"}, {"assistant", "two"}};
  t.problems[0].columns = {{"level", "3"}};
  auto const bytes = to_bytes(t);
  auto const there = from_bytes(bytes);
  CHECK(to_bytes(there) == bytes);
  CHECK(there.problems[0].messages[1].content == "two");
  CHECK(there.problems[0].columns[0].second == "3");
  CHECK(there.episodes.group == t.episodes.group);
  CHECK(there.episodes.cu_seqlens == t.episodes.cu_seqlens);
  for (std::size_t const size : {std::size_t{0}, std::size_t{9}, bytes.size() / 2, bytes.size() - 1})
    CHECK_THROWS_AS(from_bytes(std::string_view(bytes).substr(0, size)), Error);
}
