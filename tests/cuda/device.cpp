// SPDX-License-Identifier: Apache-2.0
// The library's kernels through the seat that a device has, against the host. Built in the CUDA configuration; without
// a device each test says that it skips.
#include "grove/cuda/device.hpp"

#include <random>
#include <span>
#include <vector>

#include "grove/objective/entropy.hpp"
#include "grove/solo.hpp"
#include "support/catch.hpp"

using namespace grove;

namespace {

bool no_device() {
  if (cuda::Memory::devices() > 0) return false;
  WARN("skipped: there is no CUDA device");
  return true;
}

/// A column on the device for as long as the device keeps its copies.
struct Batch {
  std::vector<std::size_t> cu{0};
  std::vector<std::uint32_t> lengths{};
  std::vector<std::uint8_t> counts{};
  std::vector<float> log_p{}, log_p_old{}, log_p_ref{}, advantage{}, value{}, value_old{}, return_{};

  Batch() {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (std::size_t const n : {1, 2, 31, 255, 256, 257, 1000, 4096, 7}) {
      cu.push_back(cu.back() + n);
      std::uint32_t counted = 0;
      float const a = uniform(random);
      for (std::size_t t = 0; t < n; ++t) {
        counts.push_back(random() % 8 != 0);
        counted += counts.back();
        log_p.push_back(uniform(random) - 1);
        log_p_old.push_back(log_p.back() + 0.3f * uniform(random));
        log_p_ref.push_back(log_p.back() + 0.3f * uniform(random));
        advantage.push_back(a);
        value.push_back(uniform(random));
        value_old.push_back(uniform(random));
        return_.push_back(uniform(random));
      }
      lengths.push_back(counted);
    }
  }

  Rows<float> rows() const {
    return {.cu_seqlens = cu,
            .lengths = lengths,
            .counts = counts,
            .log_p = log_p,
            .log_p_old = log_p_old,
            .log_p_ref = log_p_ref,
            .advantage = advantage,
            .value = value,
            .value_old = value_old,
            .return_ = return_};
  }

  /// The same with the columns of tokens on a device.
  Rows<float> rows(cuda::Memory& memory) const {
    auto there = rows();
    auto const move = [&](auto& column) { column = {memory.upload(column), column.size()}; };
    move(there.counts);
    for (auto column : {&Rows<float>::log_p, &Rows<float>::log_p_old, &Rows<float>::log_p_ref, &Rows<float>::advantage,
                        &Rows<float>::value, &Rows<float>::value_old, &Rows<float>::return_})
      move(there.*column);
    return there;
  }
};

template <class O>
void check(O const& objective) {
  Batch const batch;
  typename O::counts_type counts{};
  objective.count(batch.rows(), counts);
  typename O::denominators_type denominators;
  for (std::size_t i = 0; i < counts.size(); ++i) denominators[i].window = counts[i];
  std::vector<float> d_log_p(batch.log_p.size()), d_value(d_log_p), d_entropy(d_log_p), got_log_p(d_log_p),
      got_value(d_log_p);
  typename O::tally_type want, got;
  objective.evaluate(batch.rows(), denominators, {.log_prob = d_log_p, .entropy = d_entropy, .value = d_value}, want);
  cuda::Memory columns;
  cuda::CudaDevice device;
  auto const rows = batch.rows(columns);
  TokenGradients<float> const gradients{.log_prob = {columns.upload(std::span(got_log_p)), got_log_p.size()},
                                        .entropy = {columns.upload(std::span(d_value)), d_value.size()},
                                        .value = {columns.upload(std::span(got_value)), got_value.size()}};
  cuda::evaluate(device, objective, rows, denominators, gradients, got);
  columns.to_host(std::span<const float>(gradients.log_prob), std::span(got_log_p));
  columns.to_host(std::span<const float>(gradients.value), std::span(got_value));
  for (std::size_t i = 0; i < want.losses.size(); ++i) {
    CHECK(got.losses[i] == Approx(want.losses[i]).epsilon(1e-4).margin(1e-6));
    CHECK(got.tokens[i] == want.tokens[i]);
  }
  for (std::size_t i = 0; i < want.metrics.size(); ++i)
    CHECK(got.metrics[i] == Approx(want.metrics[i]).epsilon(1e-4).margin(1e-4));
  for (std::size_t i = 0; i < d_log_p.size(); ++i) {
    REQUIRE(got_log_p[i] == Approx(d_log_p[i]).epsilon(1e-4).margin(1e-7));
    REQUIRE(got_value[i] == Approx(d_value[i]).epsilon(1e-4).margin(1e-7));
  }
}

}  // namespace

TEST_CASE("objectives on the device are the host's") {
  if (no_device()) return;
  using Clipped = PolicyGradient<TokenRatio, Clip>;
  check(Terms<TokenMean<Window>, Clipped>{});
  check(Terms<SequenceMean<Window>, Clipped, KlInLoss<K3>>{});
  check(Terms<SequenceMean<Window>, PolicyGradient<SequenceRatio, Clip>>{});
  check(Terms<TokenMean<Window>, PolicyGradient<TokenRatio, CappedWeight<AbsoluteCap>>>{});
  check(Terms<TokenMean<Window>, Clipped, ValueLoss<>>{});
}

TEST_CASE("an objective without a kernel is evaluated on the host") {
  if (no_device()) return;
  check(Terms<TokenMean<Window>, PolicyGradient<TokenRatio, Clip>, EntropyBonus<>>{});
}

TEST_CASE("GAE and statistics of groups on the device are the host's") {
  if (no_device()) return;
  Episodes episodes;
  std::vector<float> reward, bootstrap, value;
  RewardMatrix const rewards;
  std::mt19937 random(2);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (std::size_t const n : {1, 300, 4096, 17}) {
    episodes.add(n, 0, false);
    reward.push_back(uniform(random));
    bootstrap.push_back(uniform(random));
    for (std::size_t t = 0; t < n; ++t) value.push_back(uniform(random));
  }
  Gae const gae{.gamma = 0.99, .whiten = false};
  Metrics metrics;
  Solo solo;
  std::vector<float> want(value.size()), targets(value.size()), got(value.size());
  EstimatorInput<float> in{.episodes = episodes, .rewards = rewards, .reward = reward};
  in.value = value;
  in.bootstrap = bootstrap;
  gae(in, {want, targets, metrics}, solo);
  cuda::Memory columns;
  cuda::CudaDevice device;
  in.value = {columns.upload(std::span(value)), value.size()};
  EstimatorOutput<float> const out{{columns.upload(std::span(got)), got.size()}, {}, metrics};
  cuda::estimate(device, gae, in, out, solo);
  columns.to_host(std::span<const float>(out.advantage), std::span(got));
  for (std::size_t t = 0; t < want.size(); ++t) REQUIRE(got[t] == Approx(want[t]).epsilon(1e-4).margin(1e-5));

  std::vector<float> const values = {1, 2, 3, 10, 10, 5};
  std::vector<std::uint32_t> const order = {0, 2, 4, 1, 3, 5};
  std::vector<std::size_t> const ends = {3, 5, 6};
  std::span<const float> const there(columns.upload(std::span(values)), values.size());
  auto const moments = cuda::group_moments(device, there, order, ends);
  CHECK(moments[0].mean == Approx(14.0 / 3));
  CHECK(moments[1].squares == Approx(32));
}
