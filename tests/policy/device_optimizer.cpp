// SPDX-License-Identifier: Apache-2.0
// Gradients, moments and masters that lie where LibTorch's tensors do, beside those of the host, and moments and
// masters that the host keeps for them.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "dist/replayed.hpp"
#include "grove/algorithms.hpp"
#include "grove/checkpoint/checkpoint.hpp"
#include "grove/error.hpp"
#include "grove/nn/torch/tensor_memory.hpp"
#include "grove/optim/adamw.hpp"
#include "grove/random.hpp"
#include "grove/rollout/recording.hpp"
#include "grove/rollout/run_folder.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_language_model.hpp"

using namespace grove;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// Numbers in an array of the host's and in the same of a device's.
struct Twins {
  std::vector<std::byte> host;
  DeviceArray<std::byte> there;

  Twins(DeviceMemory const& device, std::vector<std::byte> values)
      : host(std::move(values)), there(device, host.size()) {
    there.write(host);
  }
};

std::vector<std::byte> normal(std::size_t n, std::uint64_t seed, double scale, Dtype dtype) {
  std::vector<std::byte> bytes(n * value_bytes(dtype));
  ParameterView const view{.size = n, .value = bytes.data(), .dtype = dtype};
  for (std::size_t i = 0; i < n; ++i)
    set_value(view, i, scale * std::sin(static_cast<double>(seed + 1) * static_cast<double>(i + 1) * 0.7391));
  return bytes;
}

double largest_difference(ParameterView const& a, ParameterView const& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size; ++i) most = std::max(most, std::abs(value_at(a, i) - value_at(b, i)));
  return most;
}

}  // namespace

TEST_CASE("an update on tensors is the host's") {
  nn::torch::TensorMemory const device(Device::Cpu);
  for (auto const dtype : {Dtype::F32, Dtype::BF16}) {
    constexpr std::size_t n = 5000;
    Twins value(device, normal(n, 0, 1, dtype)), gradient(device, normal(n, 1, 0, Dtype::F32));
    ParameterView const on_host{.name = "w",
                                .size = n,
                                .value = value.host.data(),
                                .gradient = gradient.host.data(),
                                .dtype = dtype,
                                .rate = 2};
    auto on_device = on_host;
    on_device.value = value.there.data();
    on_device.gradient = gradient.there.data();
    on_device.device = &device;
    AdamWOptions const options{.weight_decay = 0.1};
    AdamW host(options), there(options);
    for (std::uint64_t step = 0; step < 20; ++step) {
      std::ranges::copy(normal(n, step, 0.1 * static_cast<double>(step + 1), Dtype::F32), gradient.host.begin());
      gradient.there.write(gradient.host);
      on_device.frozen = step == 3;
      auto frozen = on_host;
      frozen.frozen = step == 3;
      auto const norm = gradient_norm({&frozen, 1});
      CHECK(gradient_norm({&on_device, 1}) == Approx(norm).epsilon(1e-12));
      host.step({&frozen, 1}, 1e-3, clip_scale(norm, 1.0));
      there.step({&on_device, 1}, 1e-3, clip_scale(norm, 1.0));
    }
    auto const result = there.states().size() == 1 ? value.there.read() : std::vector<std::byte>();
    REQUIRE(result.size() == value.host.size());
    auto copy = on_host;
    copy.value = const_cast<std::byte*>(result.data());
    // A master on the border of two bf16 numbers may go to the other one.
    CHECK(largest_difference(on_host, copy) < (dtype == Dtype::F32 ? 1e-6 : 1.0 / 128));
    auto const& moments = std::get<AdamW::DeviceMoments>(there.states()[0]);
    auto const& expected = std::get<AdamW::Moments<float>>(host.states()[0]);
    CHECK(moments.behind == 1);
    auto const same = [](std::vector<float> const& a, std::vector<float> const& b) {
      REQUIRE(a.size() == b.size());
      double most = 0;
      for (std::size_t i = 0; i < a.size(); ++i)
        most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
      CHECK(most < 1e-6);
    };
    same(moments.first.read(), expected.first);
    same(moments.second.read(), expected.second);
    same(moments.master.read(), expected.master);
    zero_gradients({&on_device, 1});
    CHECK(gradient_norm({&on_device, 1}) == 0);
  }
}

TEST_CASE(
    "an update by the host of parameters on tensors is that of its own, to the bit, whatever is copied at a time") {
  nn::torch::TensorMemory const device(Device::Cpu);
  constexpr std::size_t n = (std::size_t{1} << 22U) + 1000;  // two pieces
  for (auto const dtype : {Dtype::F32, Dtype::BF16})
    for (auto const format : {MomentFormat::Full, MomentFormat::Block8}) {
      Twins value(device, normal(n, 0, 1, dtype)), gradient(device, normal(n, 1, 0, Dtype::F32));
      ParameterView own{.name = "w",
                        .size = n,
                        .value = value.host.data(),
                        .gradient = gradient.host.data(),
                        .dtype = dtype,
                        .rate = 2};
      auto there = own;
      there.value = value.there.data();
      there.gradient = gradient.there.data();
      there.device = &device;
      AdamW expected({.weight_decay = 0.1, .moments = format});
      AdamW kept({.weight_decay = 0.1, .moments = format, .place = MomentPlace::Host});
      for (std::uint64_t step = 0; step < 4; ++step) {
        std::ranges::copy(normal(n, step, 0.1 * static_cast<double>(step + 1), Dtype::F32), gradient.host.begin());
        gradient.there.write(gradient.host);
        own.frozen = there.frozen = step == 2;
        expected.step({&own, 1}, 1e-3, 0.5);
        kept.step({&there, 1}, 1e-3, 0.5);
        REQUIRE(value.there.read() == value.host);
        REQUIRE(gradient.there.read() == gradient.host);
      }
      REQUIRE(kept.states()[0].index() == expected.states()[0].index());
      auto const same = [&]<class M>(M const& m) {
        CHECK(m.behind == 1);
        [[maybe_unused]] auto const& other = std::get<M>(expected.states()[0]);
        if constexpr (requires { m.first.codes; }) {
          CHECK(m.master == other.master);
          CHECK((m.first.codes == other.first.codes && m.first.scales == other.first.scales));
          CHECK((m.second.codes == other.second.codes && m.second.scales == other.second.scales));
        } else if constexpr (std::is_same_v<M, AdamW::Moments<float>>) {
          CHECK(m.master == other.master);
          CHECK((m.first == other.first && m.second == other.second));
        } else {
          FAIL("moments of another kind");
        }
      };
      std::visit(same, kept.states()[0]);
    }
}

TEST_CASE("pieces of ranks are added on tensors to the bits of the host's sum") {
  nn::torch::TensorMemory const device(Device::Cpu);
  constexpr std::size_t n = 999, ranks = 3;
  Twins pieces(device, normal(n * ranks, 3, 1, Dtype::F32)), mine(device, normal(n, 4, 1, Dtype::F32));
  std::span<float> const sum(reinterpret_cast<float*>(mine.host.data()), n);
  detail::add_pieces<float>({reinterpret_cast<float const*>(pieces.host.data()), n * ranks}, sum);
  device.add_pieces(reinterpret_cast<float const*>(pieces.there.data()), ranks,
                    reinterpret_cast<float*>(mine.there.data()), n);
  CHECK(mine.there.read() == mine.host);
}

TEST_CASE("8-bit moments of parameters on a device are refused by name before anything changes") {
  Trainer trainer(GrpoTokenMean{}, tiny::on_tensors(Dtype::F32), tiny::sampler(), tiny::EvenTokens{},
                  {.adamw = {.moments = MomentFormat::Block8}});
  REQUIRE_THROWS_WITH(trainer.step(),
                      Contains("8-bit moments") && Contains("on a device") && Contains("offload_optimizer"));
  CHECK(trainer.policy().version() == 0);
}

namespace {

struct Ended {
  std::vector<double> norms, losses;
  test::Tensors values{};
};

/// Steps of a recording from where a checkpoint stopped, if there is one.
Ended replay(fs::path const& recording, AnyCausalLm policy, std::size_t steps, fs::path const& from = {},
             fs::path const& to = {}, AdamWOptions const& adamw = {.weight_decay = 0.01}) {
  Trainer trainer(GrpoTokenMean{}, std::move(policy), Replay(recording), test::Recorded{},
                  {.schedule = {.peak = 1e-3},
                   .adamw = adamw,
                   .old_log_probs = OldLogProbs::Current,
                   .ratio_check = {.max_difference = HUGE_VAL}},
                  TokenBudget{20});
  if (!from.empty()) resume(trainer, from);
  Ended ended;
  auto const note = [&](auto&, StepReport const& report) {
    ended.norms.push_back(*report.metrics.find("grad_norm"));
    ended.losses.push_back(*report.metrics.find("loss"));
  };
  if (to.empty())
    trainer.run(steps, note);
  else
    trainer.run(steps, note, Checkpoint({.folder = to, .every = steps}));
  for (auto const& p : trainer.policy().parameters()) {
    auto const values = host_values(p);
    ParameterView const view{.size = p.size, .value = values.bytes().data(), .dtype = p.dtype};
    auto& all = ended.values[std::string(p.name)];
    for (std::size_t i = 0; i < p.size; ++i) all.push_back(static_cast<float>(value_at(view, i)));
  }
  return ended;
}

}  // namespace

TEST_CASE("a run on tensors moves the weights as one of the host does, and each goes on where the other stopped") {
  TemporaryFolder const folder("device-optimizer");
  test::record(folder.path / "recording", 6, 4);
  auto const recording = folder.path / "recording";
  auto const start = replay(recording, tiny::policy(), 0).values;
  for (auto const dtype : {Dtype::F32, Dtype::BF16}) {
    auto const own = [&] { return tiny::policy({.dtype = dtype, .threads = 1}); };
    auto const name = dtype == Dtype::F32 ? std::string("f32") : std::string("bf16");
    auto const host = replay(recording, own(), 6), there = replay(recording, tiny::on_tensors(dtype), 6);
    // In bf16 the engines' arithmetic differs, and Adam's first steps go the full rate one way or the other.
    if (dtype == Dtype::F32) {
      CHECK(test::distance(host.values, there.values, &start) < 1e-3);
      for (std::size_t i = 0; i < host.norms.size(); ++i) {
        CHECK(there.norms[i] == Approx(host.norms[i]).epsilon(1e-4));
        CHECK(there.losses[i] == Approx(host.losses[i]).epsilon(1e-4).margin(1e-6));
      }
    }
    // Each engine goes on from its own checkpoint and from one that the other has read and written: bit for bit.
    auto const at = [&](char const* folder_name) { return folder.path / (name + folder_name); };
    auto const half = [&](char const* folder_name) { return at(folder_name) / "checkpoint-3"; };
    replay(recording, own(), 3, {}, at("-host"));
    replay(recording, tiny::on_tensors(dtype), 3, {}, at("-there"));
    replay(recording, tiny::on_tensors(dtype), 0, half("-host"), at("-host-there"));
    replay(recording, own(), 0, half("-there"), at("-there-host"));
    for (auto const* from : {"-host", "-host-there"})
      CHECK(replay(recording, own(), 3, half(from)).values == host.values);
    for (auto const* from : {"-there", "-there-host"})
      CHECK(replay(recording, tiny::on_tensors(dtype), 3, half(from)).values == there.values);
    if (dtype == Dtype::F32) {
      CHECK(test::distance(host.values, replay(recording, tiny::on_tensors(dtype), 3, half("-host")).values, &start) <
            1e-3);
      CHECK(test::distance(host.values, replay(recording, own(), 3, half("-there")).values, &start) < 1e-3);
    }
  }
}

TEST_CASE("a run whose moments the host keeps goes on bit for bit, also from one that had them elsewhere", "[slow]") {
  TemporaryFolder const folder("kept-optimizer");
  test::record(folder.path / "recording", 4, 2);
  auto const recording = folder.path / "recording";
  for (auto const dtype : {Dtype::F32, Dtype::BF16})
    for (auto const format : {MomentFormat::Full, MomentFormat::Block8}) {
      AdamWOptions const there{.weight_decay = 0.01, .moments = format};
      auto kept = there;
      kept.place = MomentPlace::Host;
      auto const on_host = [&](fs::path const& from, fs::path const& to, std::size_t steps) {
        return replay(recording, tiny::policy({.dtype = dtype, .threads = 1}), steps, from, to, there);
      };
      auto const on_tensors = [&](AdamWOptions const& adamw, fs::path const& from, fs::path const& to,
                                  std::size_t steps) {
        return replay(recording, tiny::on_tensors(dtype), steps, from, to, adamw);
      };
      auto const at = [&](char const* name) {
        return folder.path / (std::string(name) + (dtype == Dtype::F32 ? "-f32-" : "-bf16-") +
                              std::to_string(static_cast<int>(format)));
      };
      auto const half = [&](char const* name) { return at(name) / "checkpoint-2"; };
      auto const whole = on_tensors(kept, {}, {}, 4);
      on_tensors(kept, {}, at("kept"), 2);
      CHECK(on_tensors(kept, half("kept"), {}, 2).values == whole.values);
      on_host(half("kept"), at("host"), 0);
      CHECK(on_tensors(kept, half("host"), {}, 2).values == whole.values);
      if (format == MomentFormat::Block8) continue;
      on_tensors(there, half("kept"), at("there"), 0);
      CHECK(on_tensors(kept, half("there"), {}, 2).values == whole.values);
      // The device's own update rounds otherwise, in f32 by the last bits of each step.
      if (dtype == Dtype::F32) {
        auto const start = on_host({}, {}, 0).values;
        CHECK(test::distance(on_tensors(there, {}, {}, 4).values, whole.values, &start) < 1e-3);
      }
    }
}
