// SPDX-License-Identifier: Apache-2.0
// Compositions without a kernel are evaluated on the host; a device that is only said to be one stands for the other.
#include <algorithm>
#include <map>
#include <span>
#include <vector>

#include "grove/cuda/objective.hpp"
#include "grove/objective/entropy.hpp"
#include "grove/objective/kl_in_loss.hpp"
#include "grove/objective/policy_gradient.hpp"
#include "grove/objective/terms.hpp"
#include "helpers.hpp"
#include "support/catch.hpp"

using namespace grove;

namespace {

using WithKernel = Terms<TokenMean<Window>, PolicyGradient<>>;
using WithoutKernel = Terms<TokenMean<Window>, PolicyGradient<>, KlInLoss<>, EntropyBonus<>>;

/// Its memory holds other numbers than the addresses it hands out show, so that reading them in place is wrong.
struct SimulatedDevice {
  std::map<void const*, std::vector<double>> memory{};
  std::map<void const*, std::vector<std::uint8_t>> bytes{};
  int kernels = 0, copies = 0;

  std::span<double> column(std::vector<double>& address_space, std::vector<double> const& content) {
    address_space.assign(content.size(), 1e300);
    memory[address_space.data()] = content;
    return address_space;
  }

  void to_host(std::span<const double> from, std::span<double> to) {
    ++copies;
    std::ranges::copy(memory.at(from.data()), to.begin());
  }
  void to_host(std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
    ++copies;
    std::ranges::copy(bytes.at(from.data()), to.begin());
  }
  void to_device(std::span<const double> from, std::span<double> to) {
    ++copies;
    std::ranges::copy(from, memory.at(to.data()).begin());
  }
  void to_host(std::span<const float>, std::span<float>) {}
  void to_device(std::span<const float>, std::span<float>) {}

  void evaluate(WithKernel const&, Rows<double> const&, WithKernel::denominators_type const&, TokenGradients<double>,
                WithKernel::tally_type&) {
    ++kernels;
  }
};
static_assert(cuda::Device<SimulatedDevice>);

template <class O>
typename O::denominators_type denominators(O const& objective, Rows<double> const& rows) {
  typename O::counts_type counts{};
  objective.count(rows, counts);
  typename O::denominators_type all;
  for (std::size_t i = 0; i < counts.size(); ++i) all[i].window = counts[i];
  return all;
}

}  // namespace

TEST_CASE("a composition without a kernel is evaluated on the host, from and to the device's memory") {
  auto const columns = test::some_columns(3);
  test::Gathered<double> const batch(columns, columns.whole()[0]);
  auto const rows = batch.rows(0, batch.tokens.size());
  WithoutKernel const objective;
  auto const d = denominators(objective, rows);
  std::vector<double> d_log_p(rows.counts.size()), d_entropy(rows.counts.size());
  WithoutKernel::tally_type want, got;
  objective.evaluate(rows, d, {.log_prob = d_log_p, .entropy = d_entropy}, want);

  SimulatedDevice device;
  std::vector<std::vector<double>> places(8);
  auto there = rows;
  std::size_t used = 0;
  for (auto column : {&Rows<double>::log_p, &Rows<double>::log_p_old, &Rows<double>::log_p_ref, &Rows<double>::entropy,
                      &Rows<double>::advantage})
    there.*column = device.column(places[used++], {(rows.*column).begin(), (rows.*column).end()});
  std::vector<std::uint8_t> const counts(rows.counts.size());  // says that nothing counts
  device.bytes[counts.data()] = {rows.counts.begin(), rows.counts.end()};
  there.counts = counts;
  std::vector<double> const zeros(rows.counts.size());
  TokenGradients<double> const gradients{.log_prob = device.column(places[used], zeros),
                                         .entropy = device.column(places[used + 1], zeros)};
  cuda::evaluate(device, objective, there, d, gradients, got);

  CHECK(device.kernels == 0);
  CHECK(device.copies == 6 + 4);  // columns; derivatives there and back
  CHECK(got.loss() == want.loss());
  CHECK(want.loss() != 0);
  CHECK(device.memory.at(gradients.log_prob.data()) == d_log_p);
  CHECK(device.memory.at(gradients.entropy.data()) == d_entropy);
}

TEST_CASE("a composition with a kernel does not leave the device") {
  auto const columns = test::some_columns(3);
  test::Gathered<double> const batch(columns, columns.whole()[0]);
  auto const rows = batch.rows(0, batch.tokens.size());
  SimulatedDevice device;
  WithKernel::tally_type tally;
  cuda::evaluate(device, WithKernel{}, rows, denominators(WithKernel{}, rows), {}, tally);
  CHECK(device.kernels == 1);
  CHECK(device.copies == 0);
}
