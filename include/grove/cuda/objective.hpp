// SPDX-License-Identifier: Apache-2.0
// An objective on columns that lie in a device's memory: by a kernel where the device has one for the composition, else
// on the host.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "grove/columns.hpp"
#include "grove/objective/rows.hpp"

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
