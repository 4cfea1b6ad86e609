// SPDX-License-Identifier: Apache-2.0
// Ranks whose parameters, gradients and moments lie where LibTorch's tensors do.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <numeric>
#include <span>
#include <vector>

#include "dist/ranks.hpp"
#include "dist/replayed.hpp"
#include "grove/nn/torch/tensor_memory.hpp"
#include "grove/optim/device_memory.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace grove;
using namespace std::chrono_literals;

namespace {

/// Ranks that reach no device: its memory goes by way of the host.
struct HostOnly : ProcessGroup {
  explicit HostOnly(ProcessGroup const& group) : ProcessGroup(group) {}
  static bool reaches(DeviceMemory const&) { return false; }
};
static_assert(MovesDevicePieces<HostOnly>);

struct Ended {
  std::vector<std::byte> values{};
  std::vector<double> norms{};
  HeldBytes held{};
};

/// Steps of a recording on each of so many ranks.
template <class C>
std::vector<Ended> train(std::filesystem::path const& recording, std::size_t size, Zero level, Dtype dtype,
                         AnyCausalLm (*policy)(Dtype), AdamWOptions const& adamw = {}) {
  std::vector<Ended> all(size);
  auto const errors = test::on_ranks(size, 60s, [&](ProcessGroup& group) {
    auto& mine = all[group.rank()];
    Trainer trainer(GrpoTokenMean{}, policy(dtype), Replay(recording, {group.rank(), group.size()}), test::Recorded{},
                    {.schedule = {.peak = 1e-3},
                     .adamw = adamw,
                     .old_log_probs = OldLogProbs::Current,
                     .sharding = {.level = level, .bucket = 1000},
                     .ratio_check = {.max_difference = HUGE_VAL}},
                    TokenBudget{20}, C(group));
    trainer.run(4, [&](auto&, StepReport const& report) { mine.norms.push_back(*report.metrics.find("grad_norm")); });
    auto const parameters = trainer.policy().parameters();
    for (auto const& p : parameters) {
      auto const values = host_values(p);
      mine.values.insert(mine.values.end(), values.bytes().begin(), values.bytes().end());
    }
    mine.held = trainer.optimizer().held(parameters);
  });
  INFO(errors[0]);
  REQUIRE(test::all_went_well(errors));
  return all;
}

AnyCausalLm on_host(Dtype dtype) { return tiny::policy({.dtype = dtype, .threads = 1}); }

}  // namespace

TEST_CASE("a device's memory goes from rank to rank as the host's does") {
  auto const errors = test::on_ranks(3, 60s, [](ProcessGroup& group) {
    nn::torch::TensorMemory const device(Device::Cpu);
    if (!group.reaches(device)) throw Error("test", "reaches");
    auto const mark = static_cast<float>(group.rank() + 1);
    std::vector<float> mine(6);
    std::iota(mine.begin(), mine.end(), 10 * mark);
    DeviceArray<float> const from(device, 6), to(device, 6), all(device, 18);
    from.write(mine);
    group.begin_all_to_all(from.bytes(), to.bytes(), nullptr, &device)();
    auto const first = 2 * static_cast<float>(group.rank());
    if (to.read() != std::vector<float>{10 + first, 11 + first, 20 + first, 21 + first, 30 + first, 31 + first})
      throw Error("test", "all_to_all");
    group.all_gather(from.bytes(), all.bytes(), &device);
    auto const gathered = all.read();
    for (std::size_t i = 0; i < 18; ++i)
      if (gathered[i] != 10 * static_cast<float>(i / 6 + 1) + static_cast<float>(i % 6))
        throw Error("test", "all_gather");
    group.broadcast(from.bytes(), 2, &device);
    if (from.read() != std::vector<float>{30, 31, 32, 33, 34, 35}) throw Error("test", "broadcast");
  });
  for (auto const& error : errors) CHECK(error.empty());
}

TEST_CASE("ranks on tensors divide what they hold, to the same bits at each level and by way of the host") {
  TemporaryFolder const folder("device-ranks");
  test::record(folder.path, 4, 4);
  for (auto const dtype : {Dtype::F32, Dtype::BF16}) {
    auto const host = train<ProcessGroup>(folder.path, 2, Zero::Gradients, dtype, on_host);
    auto const expected = train<ProcessGroup>(folder.path, 2, Zero::Nothing, dtype, tiny::on_tensors);
    CHECK(expected[1].values == expected[0].values);
    for (std::size_t i = 0; i < 4 && dtype == Dtype::F32; ++i)
      CHECK(expected[0].norms[i] == Approx(host[0].norms[i]).epsilon(1e-4));
    for (auto const level : {Zero::Optimizer, Zero::Gradients}) {
      auto const reached = train<ProcessGroup>(folder.path, 2, level, dtype, tiny::on_tensors);
      auto const staged = train<HostOnly>(folder.path, 2, level, dtype, tiny::on_tensors);
      for (std::size_t r = 0; r < 2; ++r) {
        CHECK(reached[r].values == expected[0].values);
        CHECK(staged[r].values == expected[0].values);
        CHECK(reached[r].norms == expected[0].norms);
        CHECK(reached[r].held.moments == host[r].held.moments);
        CHECK(reached[r].held.masters == host[r].held.masters);
        CHECK(reached[r].held.on_host == 0);
      }
    }
  }
}

TEST_CASE("ranks on tensors whose moments the host keeps divide them, to the same bits at each level", "[slow]") {
  TemporaryFolder const folder("kept-ranks");
  test::record(folder.path, 4, 4);
  for (auto const dtype : {Dtype::F32, Dtype::BF16})
    for (auto const format : {MomentFormat::Full, MomentFormat::Block8}) {
      AdamWOptions const adamw{.moments = format, .place = MomentPlace::Host};
      auto const expected = train<ProcessGroup>(folder.path, 2, Zero::Nothing, dtype, tiny::on_tensors, adamw);
      CHECK(expected[1].values == expected[0].values);
      for (auto const level : {Zero::Optimizer, Zero::Gradients}) {
        auto const host = train<ProcessGroup>(folder.path, 2, level, dtype, on_host, {.moments = format});
        auto const kept = train<ProcessGroup>(folder.path, 2, level, dtype, tiny::on_tensors, adamw);
        for (std::size_t r = 0; r < 2; ++r) {
          CHECK(kept[r].values == expected[0].values);
          CHECK(kept[r].norms == expected[0].norms);
          CHECK(kept[r].held.moments == host[r].held.moments);
          CHECK(kept[r].held.masters == host[r].held.masters);
          CHECK(kept[r].held.on_host == kept[r].held.moments + kept[r].held.masters);
        }
      }
    }
}
