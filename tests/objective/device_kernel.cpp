// SPDX-License-Identifier: Apache-2.0
// The kernel's arithmetic, one thread a sequence on a simulated device whose memory is the host's, against the host's
// loop over blocks.
#include <span>
#include <vector>

#include "grove/cuda/launch_objective.hpp"
#include "grove/cuda/objective.hpp"
#include "grove/objective/entropy.hpp"
#include "grove/objective/terms.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace grove;

namespace {

/// Lends copies, and runs sequence after sequence.
struct SimulatedDevice {
  std::vector<std::vector<std::byte>> lent{};
  int launches = 0;

  template <class T>
  T* upload(std::span<T> from) {
    auto const bytes = std::as_bytes(from);
    lent.emplace_back(bytes.begin(), bytes.end());
    return reinterpret_cast<T*>(lent.back().data());
  }
  void done() { lent.clear(); }
  template <class T>
  void to_host(std::span<const T> from, std::span<T> to) {
    std::ranges::copy(from, to.begin());
  }
  template <class T>
  void to_device(std::span<const T> from, std::span<T> to) {
    std::ranges::copy(from, to.begin());
  }
  template <class T, class... Ts>
  void launch(cuda::ObjectiveColumns<T> const& columns, T const* weights, double* sums, Ts const&... terms) {
    ++launches;
    for (std::size_t s = 0; s < columns.sequences; ++s)
      cuda::evaluate_sequence(cuda::OneThread{}, columns, s, weights, sums, terms...);
  }
  template <class A, class... Ts, class T>
  void evaluate(Terms<A, Ts...> const& objective, Rows<T> const& rows,
                typename Terms<A, Ts...>::denominators_type const& denominators, TokenGradients<T> gradients,
                typename Terms<A, Ts...>::tally_type& tally) {
    cuda::evaluate_by_kernel(*this, objective, rows, denominators, gradients, tally);
  }
};
static_assert(cuda::Device<SimulatedDevice>);

template <class O>
void check(O const& objective, std::size_t begin, std::size_t end) {
  auto const columns = test::some_columns(3);
  test::Gathered<double> const batch(columns, columns.whole()[0]);
  auto const rows = batch.rows(begin, end == 0 ? batch.tokens.size() : end);
  typename O::counts_type counts{};
  objective.count(rows, counts);
  typename O::denominators_type denominators;
  for (std::size_t i = 0; i < counts.size(); ++i)
    denominators[i] = {.micro_batch = counts[i], .data_parallel = counts[i], .window = counts[i]};
  std::size_t const n = rows.counts.size();
  std::vector<double> d_log_p(n, 1), d_entropy(n), d_value(n), on_device(n, 1), entropy_on_device(n),
      value_on_device(n);
  typename O::tally_type want, got;
  objective.evaluate(rows, denominators, {.log_prob = d_log_p, .entropy = d_entropy, .value = d_value}, want);
  SimulatedDevice device;
  cuda::evaluate(device, objective, rows, denominators,
                 TokenGradients<double>{.log_prob = on_device, .entropy = entropy_on_device, .value = value_on_device},
                 got);
  CHECK(device.launches == 1);
  CHECK(device.lent.empty());
  for (std::size_t i = 0; i < want.losses.size(); ++i) {
    CHECK(got.losses[i] == Approx(want.losses[i]).epsilon(1e-12).margin(1e-14));
    CHECK(got.tokens[i] == want.tokens[i]);
  }
  for (std::size_t i = 0; i < want.metrics.size(); ++i)
    CHECK(got.metrics[i] == Approx(want.metrics[i]).epsilon(1e-12).margin(1e-14));
  for (std::size_t i = 0; i < n; ++i) {
    REQUIRE(on_device[i] == Approx(d_log_p[i]).epsilon(1e-12).margin(1e-14));
    REQUIRE(entropy_on_device[i] == Approx(d_entropy[i]).epsilon(1e-12).margin(1e-14));
    REQUIRE(value_on_device[i] == Approx(d_value[i]).epsilon(1e-12).margin(1e-14));
  }
}

}  // namespace

TEST_CASE("the kernel's losses, metrics and derivatives are the host's") {
  using Clipped = PolicyGradient<TokenRatio, Clip>;
  check(Terms<TokenMean<Window>, Clipped>{}, 0, 0);
  check(Terms<SequenceMean<Window>, Clipped, KlInLoss<K3>>{}, 0, 0);
  check(Terms<SequenceMean<Window>, PolicyGradient<SequenceRatio, Clip>>{}, 0, 0);
  check(Terms<TokenMean<Window>, PolicyGradient<TokenRatio, CappedWeight<AbsoluteCap>>>{}, 0, 0);
  check(Terms<TokenMean<Window>, Clipped, ValueLoss<>, EntropyBonus<>>{}, 0, 0);
}

TEST_CASE("the kernel takes rows that cut sequences, and leaves terms out that are switched off") {
  Terms<TokenMean<Window>, PolicyGradient<TokenRatio, Clip>, KlInLoss<K3>> objective;
  check(objective, 2, 9);
  objective.get<KlInLoss<K3>>().coefficient = 0;
  check(objective, 0, 0);
}

TEST_CASE("the library has kernels for the terms of the most used algorithms and for no others") {
  CHECK(cuda::has_kernel<PolicyGradient<TokenRatio, Clip>, KlInLoss<K3>>);
  CHECK(cuda::has_kernel<PolicyGradient<SequenceRatio, Clip>>);
  CHECK_FALSE(cuda::has_kernel<PolicyGradient<TokenRatio, Clip>, EntropyBonus<>>);
}
