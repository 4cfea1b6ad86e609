// SPDX-License-Identifier: Apache-2.0
// Estimators whose columns lie on a device: by its scan where it has one and the batch allows it, else on the host.
#include <algorithm>
#include <random>
#include <span>
#include <vector>

#include "grove/advantage/gae.hpp"
#include "grove/advantage/optimal_token_baseline.hpp"
#include "grove/cuda/affine.hpp"
#include "grove/cuda/estimate.hpp"
#include "grove/solo.hpp"
#include "support/catch.hpp"

using namespace grove;

namespace {

/// Its memory is the host's; it counts what passes.
struct HostMemory {
  int copies = 0;

  template <class T>
  void to_host(std::span<const T> from, std::span<T> to) {
    ++copies;
    std::ranges::copy(from, to.begin());
  }
  template <class T>
  void to_device(std::span<const T> from, std::span<T> to) {
    ++copies;
    std::ranges::copy(from, to.begin());
  }
};

struct ScanningDevice : HostMemory {
  std::vector<std::vector<std::byte>> lent{};
  int scans = 0;

  template <class T>
  T* upload(std::span<T> from) {
    if (from.empty()) return nullptr;
    auto const bytes = std::as_bytes(from);
    lent.emplace_back(bytes.begin(), bytes.end());
    return reinterpret_cast<T*>(lent.back().data());
  }
  void done() { lent.clear(); }

  bool estimate(Gae const& gae, EstimatorInput<float> const& in, EstimatorOutput<float> const& out) {
    return cuda::estimate_by_scan(*this, gae, in, out);
  }
  void scan(cuda::GaeColumns const& c, float gamma, float lambda) {
    ++scans;
    for (std::size_t s = 0; s < c.sequences; ++s) {
      std::size_t const first = c.cu_seqlens[s], n = c.cu_seqlens[s + 1] - first;
      cuda::GaeStep<float> const step{gamma, lambda, c.reward[s], c.bootstrap ? c.bootstrap[s] : 0.0f};
      float carry = 0;
      for (std::size_t t = n; t-- > 0;) {
        carry = step(c.token_reward ? c.token_reward + first : nullptr, c.value + first, t, n)(carry);
        c.advantage[first + t] = carry;
        if (c.target) c.target[first + t] = carry + c.value[first + t];
      }
    }
  }
  void moments(cuda::GroupColumns const& c) {
    for (std::size_t g = 0; g < c.groups; ++g)
      for (auto i = g == 0 ? 0 : c.ends[g - 1]; i < c.ends[g]; ++i)
        c.moments[g] = combine(c.moments[g], cuda::Moments<double>::of(c.reward[c.order[i]]));
  }
};

struct Batch {
  Episodes episodes{};
  RewardMatrix rewards{};
  std::vector<float> reward{}, bootstrap{}, value{}, token_reward{}, log_prob{}, sum_squares{};
  std::vector<float> advantage{}, target{};
  Metrics metrics{};

  Batch() {
    std::mt19937 random(5);
    std::uniform_real_distribution<float> uniform(0, 1);
    for (std::size_t const n : {3, 1, 40, 7}) {
      episodes.add(n, static_cast<std::uint32_t>(reward.size() / 2), false);
      reward.push_back(uniform(random));
      bootstrap.push_back(uniform(random));
    }
    for (std::size_t t = 0; t < episodes.tokens(); ++t) {
      value.push_back(uniform(random));
      token_reward.push_back(uniform(random));
      log_prob.push_back(-uniform(random));
      sum_squares.push_back(0.5f);
    }
    advantage.resize(value.size());
    target.resize(value.size());
  }
  EstimatorInput<float> in() const {
    EstimatorInput<float> in{.episodes = episodes, .rewards = rewards, .reward = reward};
    in.token_reward = token_reward;
    in.value = value;
    in.bootstrap = bootstrap;
    in.log_prob = log_prob;
    in.sum_squares = sum_squares;
    return in;
  }
  EstimatorOutput<float> out() { return {advantage, target, metrics}; }
};

template <class E>
Batch on_host(E const& estimator) {
  Batch batch;
  Solo solo;
  if constexpr (requires { estimator(batch.in(), batch.out(), solo); })
    estimator(batch.in(), batch.out(), solo);
  else
    estimator(batch.in(), batch.out());
  return batch;
}

void check_close(std::vector<float> const& got, std::vector<float> const& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == Approx(want[i]).epsilon(1e-5).margin(1e-6));
}

}  // namespace

TEST_CASE("a device with a scan computes GAE where the columns are") {
  Gae const gae{.gamma = 0.99, .whiten = false};
  Batch batch;
  ScanningDevice device;
  Solo solo;
  cuda::estimate(device, gae, batch.in(), batch.out(), solo);
  CHECK(device.scans == 1);
  CHECK(device.copies == 0);
  CHECK(device.lent.empty());
  auto const want = on_host(gae);
  check_close(batch.advantage, want.advantage);
  check_close(batch.target, want.target);
}

TEST_CASE("what the device's scan does not do falls back to the host") {
  Solo solo;
  SECTION("whitening") {
    Batch batch;
    ScanningDevice device;
    cuda::estimate(device, Gae{}, batch.in(), batch.out(), solo);
    CHECK(device.scans == 0);
    CHECK(device.copies == 4 + 2);  // columns down, advantages and targets up
    CHECK(batch.advantage == on_host(Gae{}).advantage);
  }
  SECTION("samples that nobody judged") {
    Batch batch;
    ScanningDevice device;
    std::vector<std::uint8_t> const valid = {1, 0, 1, 1};
    auto in = batch.in();
    in.valid = valid;
    cuda::estimate(device, Gae{.whiten = false}, in, batch.out(), solo);
    CHECK(device.scans == 0);
    CHECK(batch.advantage[3] == 0);
  }
  SECTION("another estimator") {
    Batch batch;
    ScanningDevice device;
    cuda::estimate(device, OptimalTokenBaseline{}, batch.in(), batch.out(), solo);
    CHECK(device.scans == 0);
    CHECK(batch.advantage == on_host(OptimalTokenBaseline{}).advantage);
  }
  SECTION("a device without any kernel") {
    Batch batch;
    HostMemory device;
    cuda::estimate(device, Gae{.whiten = false}, batch.in(), batch.out(), solo);
    CHECK(batch.advantage == on_host(Gae{.whiten = false}).advantage);
  }
}

TEST_CASE("statistics of groups by the device or by the host are the same") {
  std::vector<float> const reward = {1, 2, 3, 10, 10, 5};
  std::vector<std::uint32_t> const order = {0, 2, 4, 1, 3, 5};
  std::vector<std::size_t> const ends = {3, 5, 6};
  ScanningDevice device;
  HostMemory host;
  auto const there = cuda::group_moments(device, reward, order, ends);
  auto const here = cuda::group_moments(host, reward, order, ends);
  for (auto const& moments : {there, here}) {
    REQUIRE(moments.size() == 3);
    CHECK(moments[0].mean == Approx(14.0 / 3));
    CHECK(moments[1].squares == Approx(32));
    CHECK(moments[2].count == 1);
  }
}
