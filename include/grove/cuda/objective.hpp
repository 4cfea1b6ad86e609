// SPDX-License-Identifier: Apache-2.0
// An objective on columns that lie in a device's memory: by a kernel where the device has one for the composition, else
// on the host.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "grove/columns.hpp"
#include "grove/cuda/objective_sequence.hpp"
#include "grove/objective/rows.hpp"
#include "grove/objective/terms.hpp"

namespace grove::cuda {

/// Copies between the host and a device. A device may have `evaluate(objective, rows, denominators, gradients, tally)`
/// for compositions it has a kernel for.
template <class D>
concept Device = requires(D& device, std::span<float> to, std::span<const float> from) {
  device.to_host(from, to);
  device.to_device(std::span<const float>(to), to);
};

namespace detail {

/// A column of the device, on the host for as long as this lives.
template <class T, class D>
std::vector<T> on_host(D& device, std::span<const T> column) {
  std::vector<T> copy(column.size());
  if (!copy.empty()) device.to_host(column, std::span<T>(copy));
  return copy;
}

}  // namespace detail

namespace detail {

/// The sequences of some rows, and of one that is cut what there is of it.
struct Pieces {
  std::vector<std::size_t> cu{0};
  std::vector<std::uint32_t> lengths{};
};

template <class T>
Pieces pieces_of(Rows<T> const& rows) {
  Pieces pieces;
  std::size_t const begin = rows.first, end = begin + rows.counts.size();
  auto const& cu = rows.cu_seqlens;
  auto s = static_cast<std::size_t>(std::ranges::upper_bound(cu, begin) - cu.begin() - 1);
  for (; s < rows.lengths.size() && cu[s] < end; ++s) {
    pieces.cu.push_back(std::min(cu[s + 1], end) - begin);
    pieces.lengths.push_back(rows.lengths[s]);
  }
  return pieces;
}

}  // namespace detail

/// `Terms::evaluate` by a device's kernel. `device.upload(span)` gives the address of a copy in the device's memory,
/// good until `device.done()`; `device.launch(columns, weights, sums, terms...)` runs `evaluate_sequence` for every
/// sequence.
template <class D, class A, class... Ts, std::floating_point T>
void evaluate_by_kernel(D& device, Terms<A, Ts...> const& objective, Rows<T> const& rows,
                        typename Terms<A, Ts...>::denominators_type const& denominators, TokenGradients<T> gradients,
                        typename Terms<A, Ts...>::tally_type& tally) {
  constexpr std::size_t sums_of_all = (... + sums_of_term<Ts>);
  auto const pieces = detail::pieces_of(rows);
  std::size_t const sequences = pieces.lengths.size();
  std::vector<T> weights;
  std::vector<double> sums(sequences * sums_of_all);
  auto const each = [&](auto const& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (f(std::integral_constant<std::size_t, I>{}), ...); }
    (std::index_sequence_for<Ts...>{});
  };
  auto const is_on = [&](auto i) { return !std::get<i()>(objective.terms).wanted().empty(); };
  each([&](auto i) {
    for (auto const length : pieces.lengths)
      weights.push_back(
          is_on(i) ? static_cast<T>(objective.template weight<i()>(denominators, static_cast<double>(length))) : T(0));
  });
  auto const at = [](auto column) { return column.empty() ? nullptr : column.data(); };
  ObjectiveColumns<T> const columns{.cu_seqlens = device.upload(std::span(pieces.cu)),
                                    .lengths = device.upload(std::span(pieces.lengths)),
                                    .sequences = sequences,
                                    .counts = rows.counts.data(),
                                    .log_p = at(rows.log_p),
                                    .log_p_old = at(rows.log_p_old),
                                    .log_p_rollout = at(rows.log_p_rollout),
                                    .log_p_ref = at(rows.log_p_ref),
                                    .entropy = at(rows.entropy),
                                    .advantage = at(rows.advantage),
                                    .value = at(rows.value),
                                    .value_old = at(rows.value_old),
                                    .return_ = at(rows.return_),
                                    .reward = at(rows.reward),
                                    .selected = at(rows.selected),
                                    .d_log_p = at(gradients.log_prob),
                                    .d_entropy = at(gradients.entropy),
                                    .d_value = at(gradients.value)};
  double* const device_sums = device.upload(std::span(sums));
  std::apply(
      [&](auto const&... term) { device.launch(columns, device.upload(std::span(weights)), device_sums, term...); },
      objective.terms);
  device.to_host(std::span<const double>(device_sums, sums.size()), std::span(sums));
  device.done();
  for (std::size_t s = 0; s < sequences; ++s) {
    std::size_t metric = 0;
    each([&](auto i) {
      constexpr std::size_t metrics = std::tuple_element_t<i(), std::tuple<Ts...>>::metric_names.size();
      double const* const sum = &sums[s * sums_of_all + first_sum<i(), Ts...>];
      if (is_on(i)) {
        tally.losses[i()] += sum[0];
        tally.tokens[i()] += sum[1];
        for (std::size_t m = 0; m < metrics; ++m) tally.metrics[metric + m] += sum[2 + m];
      }
      metric += metrics;
    });
  }
}

/// `Terms::evaluate` where the columns of `rows` and `gradients` are the device's; `cu_seqlens` and `lengths` are the
/// host's. Columns are about 30 bytes a token, so that the host is not far.
template <Device D, class O, std::floating_point T>
void evaluate(D& device, O const& objective, Rows<T> const& rows, typename O::denominators_type const& denominators,
              TokenGradients<T> gradients, typename O::tally_type& tally) {
  if constexpr (requires { device.evaluate(objective, rows, denominators, gradients, tally); }) {
    device.evaluate(objective, rows, denominators, gradients, tally);
  } else {
    auto const counts = detail::on_host(device, rows.counts);
    constexpr std::array columns = {&Rows<T>::log_p,     &Rows<T>::log_p_old, &Rows<T>::log_p_rollout,
                                    &Rows<T>::log_p_ref, &Rows<T>::entropy,   &Rows<T>::advantage,
                                    &Rows<T>::value,     &Rows<T>::value_old, &Rows<T>::return_,
                                    &Rows<T>::reward,    &Rows<T>::selected};
    std::array<std::vector<T>, columns.size()> copies;
    auto on_host = rows;
    on_host.counts = counts;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      copies[i] = detail::on_host(device, rows.*columns[i]);
      on_host.*columns[i] = copies[i];
    }
    auto log_prob = detail::on_host(device, std::span<const T>(gradients.log_prob));
    auto entropy = detail::on_host(device, std::span<const T>(gradients.entropy));
    auto value = detail::on_host(device, std::span<const T>(gradients.value));
    objective.evaluate(on_host, denominators, TokenGradients<T>{log_prob, entropy, value}, tally);
    if (!log_prob.empty()) device.to_device(std::span<const T>(log_prob), gradients.log_prob);
    if (!entropy.empty()) device.to_device(std::span<const T>(entropy), gradients.entropy);
    if (!value.empty()) device.to_device(std::span<const T>(value), gradients.value);
  }
}

}  // namespace grove::cuda
