// SPDX-License-Identifier: Apache-2.0
// Kernels against the host's loops over the same numbers. nvcc.sh compiles it and runs it; without a device it says so.
#include <cuda_runtime.h>

#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "grove/cuda/affine.hpp"
#include "grove/cuda/gae.hpp"
#include "grove/cuda/group_statistics.hpp"
#include "grove/cuda/launch_objective.hpp"
#include "support.cuh"

namespace {

using grove::check::back;
using grove::check::check_close;
using grove::check::failures;
using grove::check::OnDevice;

struct Batch {
  std::vector<std::size_t> cu{0};
  std::vector<std::uint32_t> lengths;
  std::vector<std::uint8_t> counts;
  std::vector<float> reward, bootstrap, token_reward, value, log_p, log_p_old, log_p_ref, advantage;

  Batch() {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (std::size_t const n : {1, 2, 31, 255, 256, 257, 1000, 4096, 0, 7}) {
      cu.push_back(cu.back() + n);
      reward.push_back(uniform(random));
      bootstrap.push_back(uniform(random));
      std::uint32_t counted = 0;
      float const a = uniform(random);
      for (std::size_t t = 0; t < n; ++t) {
        counts.push_back(random() % 8 != 0);
        counted += counts.back();
        token_reward.push_back(uniform(random));
        value.push_back(uniform(random));
        log_p.push_back(uniform(random) - 1);
        log_p_old.push_back(log_p.back() + 0.3f * uniform(random));
        log_p_ref.push_back(log_p.back() + 0.3f * uniform(random));
        advantage.push_back(a);
      }
      lengths.push_back(counted);
    }
  }
  std::size_t sequences() const { return lengths.size(); }
};

void test_gae(Batch const& b) {
  OnDevice cu(b.cu);
  OnDevice reward(b.reward), bootstrap(b.bootstrap), token_reward(b.token_reward), value(b.value), advantage(b.value),
      target(b.value);
  grove::cuda::gae(
      {cu.data, b.sequences(), reward.data, token_reward.data, value.data, bootstrap.data, advantage.data, target.data},
      0.99f, 0.95f, nullptr);
  auto const got = back(advantage), targets = back(target);
  for (std::size_t s = 0; s < b.sequences(); ++s) {
    double later = 0, next = b.bootstrap[s];
    for (auto t = b.cu[s + 1]; t-- > b.cu[s];) {
      double const earned = b.token_reward[t] + (t + 1 == b.cu[s + 1] ? b.reward[s] : 0.0f);
      later = earned + 0.99 * next - b.value[t] + 0.99 * 0.95 * later;
      next = b.value[t];
      check_close("advantage", got[t], later, 1e-4);
      check_close("target", targets[t], later + b.value[t], 1e-4);
    }
  }
}

void test_groups() {
  std::vector<float> const values = {1, 2, 3, 10, 10, 5};
  std::vector<std::uint32_t> const sequences = {0, 2, 4, 1, 3, 5};
  std::vector<std::size_t> const past = {3, 5, 6};
  OnDevice reward(values);
  OnDevice order(sequences);
  OnDevice ends(past);
  OnDevice moments(std::vector<grove::cuda::Moments<double>>(3));
  grove::cuda::group_statistics({reward.data, order.data, ends.data, 3, moments.data}, nullptr);
  auto const got = back(moments);
  check_close("mean", got[0].mean, 14.0 / 3, 1e-12);
  check_close("mean", got[1].mean, 6, 1e-12);
  check_close("squares", got[1].squares, 32, 1e-12);
  check_close("squares", got[2].squares, 0, 0);
}

template <class Term>
double host_loss(Batch const& b, Term const& term, std::vector<float> const& weight, std::vector<double>& d_log_p) {
  double loss = 0;
  for (std::size_t s = 0; s < b.sequences(); ++s) {
    auto const token = [&](std::size_t i) {
      return grove::Token<double>{.log_p = b.log_p[i],
                                  .log_p_detached = b.log_p[i],
                                  .log_p_old = b.log_p_old[i],
                                  .log_p_ref = b.log_p_ref[i],
                                  .advantage = b.advantage[i],
                                  .selected = 1,
                                  .length = static_cast<double>(b.lengths[s])};
    };
    auto const each = [&](auto const& f) {
      for (auto i = b.cu[s]; i < b.cu[s + 1]; ++i)
        if (b.counts[i]) f(i, token(i));
    };
    auto const add = [&](std::size_t i, auto const& value) {
      loss += weight[s] * value.loss;
      d_log_p[i] += weight[s] * value.d_log_p;
      return weight[s] * value.d_stat;
    };
    if constexpr (grove::detail::SequenceTerm<Term>) {
      decltype(term.prepare(grove::Token<double>{})) sum{};
      double through = 0;
      each([&](std::size_t, auto const& t) { sum = Term::combine(sum, term.prepare(t)); });
      each([&](std::size_t i, auto const& t) { through += add(i, term(t, sum)); });
      each([&](std::size_t i, auto const& t) { d_log_p[i] += through * term.d_prepare(t); });
    } else {
      each([&](std::size_t i, auto const& t) { add(i, term(t)); });
    }
  }
  return loss;
}

/// The losses of all terms among a sequence's sums.
template <class... Ts>
double loss_of(double const* sums) {
  double loss = 0;
  ((loss += *sums, sums += grove::cuda::sums_of_term<Ts>), ...);
  return loss;
}

template <class... Ts>
void test_objective(Batch const& b, Ts const&... terms) {
  std::vector<float> weight;
  for (auto length : b.lengths) weight.push_back(length ? 1.0f / static_cast<float>(length) : 0.0f);
  std::vector<float> weights;
  for (std::size_t i = 0; i < sizeof...(Ts); ++i) weights.insert(weights.end(), weight.begin(), weight.end());
  OnDevice cu(b.cu);
  OnDevice lengths(b.lengths);
  OnDevice counts(b.counts);
  OnDevice log_p(b.log_p), log_p_old(b.log_p_old), log_p_ref(b.log_p_ref), advantage(b.advantage),
      d_log_p(std::vector<float>(b.log_p.size())), device_weights(weights);
  constexpr std::size_t sums_of_all = (... + grove::cuda::sums_of_term<Ts>);
  OnDevice sums(std::vector<double>(sums_of_all * b.sequences()));
  grove::cuda::ObjectiveColumns<float> columns{};
  columns.cu_seqlens = cu.data;
  columns.lengths = lengths.data;
  columns.sequences = b.sequences();
  columns.counts = counts.data;
  columns.log_p = log_p.data;
  columns.log_p_old = log_p_old.data;
  columns.log_p_ref = log_p_ref.data;
  columns.advantage = advantage.data;
  columns.d_log_p = d_log_p.data;
  grove::cuda::launch_objective(columns, static_cast<float const*>(device_weights.data), sums.data, nullptr, terms...);
  std::vector<double> want(b.log_p.size());
  double const loss = (0.0 + ... + host_loss(b, terms, weight, want));
  auto const all = back(sums);
  double sum = 0;
  for (std::size_t s = 0; s < b.sequences(); ++s) sum += loss_of<Ts...>(&all[s * sums_of_all]);
  check_close("loss", sum, loss, 1e-4);
  auto const got = back(d_log_p);
  for (std::size_t i = 0; i < want.size(); ++i) check_close("d_log_p", got[i], want[i], 1e-4);
}

}  // namespace

int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::printf("kernels: skipped, no device is here\n");
    return 0;
  }
  Batch const batch;
  test_gae(batch);
  test_groups();
  test_objective(batch, grove::PolicyGradient<>{}, grove::KlInLoss<>{});
  test_objective(batch, grove::PolicyGradient<grove::SequenceRatio, grove::Clip>{});
  grove::check::test_decode_attention();
  grove::check::test_decode_rows();
  grove::check::test_decode_sampling();
  std::printf("kernels: %d wrong numbers\n", failures);
  return failures == 0 ? 0 : 1;
}
