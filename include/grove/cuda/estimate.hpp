// SPDX-License-Identifier: Apache-2.0
// An estimator whose columns of tokens lie in a device's memory: by a kernel where the device has one for it, else on
// the host.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "grove/advantage/chosen_tokens.hpp"
#include "grove/advantage/estimate.hpp"
#include "grove/advantage/gae.hpp"
#include "grove/cuda/gae.hpp"
#include "grove/cuda/group_statistics.hpp"
#include "grove/cuda/objective.hpp"

namespace grove::cuda {

namespace detail {

template <class D, class E, class T>
bool by_kernel(D& device, E const& estimator, EstimatorInput<T> const& in, EstimatorOutput<T> const& out) {
  if constexpr (requires { device.estimate(estimator, in, out); })
    return device.estimate(estimator, in, out);
  else
    return false;
}

}  // namespace detail

/// `Gae` by a device's scan, `device.scan(GaeColumns, gamma, lambda)`, into the device's columns; false, and nothing
/// done, where advantages are whitened, tokens are the environment's or samples were not judged.
template <class D>
bool estimate_by_scan(D& device, Gae const& estimator, EstimatorInput<float> const& in,
                      EstimatorOutput<float> const& out) {
  auto const& episodes = in.episodes;
  bool every_token = !estimator.whiten && !out.advantage.empty();
  for (std::size_t s = 0; s < episodes.sequences() && every_token; ++s)
    every_token = in.counted(s) && grove::detail::environment_of(episodes, s).empty();
  if (!every_token) return false;
  auto const at = [](auto column) { return column.empty() ? nullptr : column.data(); };
  device.scan({.cu_seqlens = device.upload(std::span(std::as_const(episodes.cu_seqlens))),
               .sequences = episodes.sequences(),
               .reward = device.upload(in.reward),
               .token_reward = at(in.token_reward),
               .value = at(in.value),
               .bootstrap = device.upload(in.bootstrap),
               .advantage = at(out.advantage),
               .target = at(out.return_)},
              static_cast<float>(estimator.gamma), static_cast<float>(estimator.lambda));
  device.done();
  return true;
}

/// Count, mean and squares of each group's rewards, which lie in the device's memory; `order` names the sequences group
/// by group, `ends` is past each group's last. By `device.moments(GroupColumns)` where the device has it, else on the
/// host.
template <Device D>
std::vector<Moments<double>> group_moments(D& device, std::span<const float> reward,
                                           std::span<const std::uint32_t> order, std::span<const std::size_t> ends) {
  std::vector<Moments<double>> groups(ends.size());
  if constexpr (requires(GroupColumns const& columns) { device.moments(columns); }) {
    auto* const there = device.upload(std::span(groups));
    device.moments({.reward = reward.data(),
                    .order = device.upload(order),
                    .ends = device.upload(ends),
                    .groups = ends.size(),
                    .moments = there});
    device.to_host(std::span<const Moments<double>>(there, groups.size()), std::span(groups));
    device.done();
  } else {
    auto const rewards = detail::on_host(device, reward);
    for (std::size_t g = 0; g < ends.size(); ++g)
      for (auto i = g == 0 ? 0 : ends[g - 1]; i < ends[g]; ++i)
        groups[g] = combine(groups[g], Moments<double>::of(static_cast<double>(rewards[order[i]])));
  }
  return groups;
}

/// `estimator(in, out, communicator)` where the columns of tokens (`token_reward`, `value`, `log_prob`, `sum_squares`,
/// `advantage`, `return_`) are the device's, and those of sequences and `counts` the host's. A device that has a kernel
/// for the estimator has `estimate(estimator, in, out)`, which says whether it served this batch.
template <Device D, class E, std::floating_point T, class C>
void estimate(D& device, E const& estimator, EstimatorInput<T> const& in, EstimatorOutput<T> out, C& communicator) {
  if (detail::by_kernel(device, estimator, in, out)) return;
  constexpr std::array columns = {&EstimatorInput<T>::token_reward, &EstimatorInput<T>::value,
                                  &EstimatorInput<T>::log_prob, &EstimatorInput<T>::sum_squares};
  std::array<std::vector<T>, columns.size()> copies;
  auto on_host = in;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    copies[i] = detail::on_host(device, in.*columns[i]);
    on_host.*columns[i] = copies[i];
  }
  std::vector<T> advantage(out.advantage.size()), target(out.return_.size());
  EstimatorOutput<T> const there{advantage, target, out.metrics};
  if constexpr (requires { estimator(on_host, there, communicator); })
    estimator(on_host, there, communicator);
  else
    estimator(on_host, there);
  if (!advantage.empty()) device.to_device(std::span<const T>(advantage), out.advantage);
  if (!target.empty()) device.to_device(std::span<const T>(target), out.return_);
}

}  // namespace grove::cuda
