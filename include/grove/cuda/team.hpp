// SPDX-License-Identifier: Apache-2.0
// The threads of a block as the arithmetic of a kernel sees them. Kernels are written against a team, so that the host
// runs the same code: with one thread, or with as many as the device has, each in its turn (tests/cuda/host).
//
// A team has `rank()`, `size()` and `lanes()` (threads that run in step, 32 on a device), `sync()` (waits for all), and
// `exchange(x, mask)` (the x of the lane whose number differs by the bits of `mask`; all threads call it together), and
// `add(to, x)` (adds to an integer that others add to as well).
#pragma once

#include <cstddef>
#include <cstdint>

#include "grove/host_device.hpp"

namespace grove::cuda {

/// A team of one.
struct SingleThread {
  GROVE_HOST_DEVICE unsigned rank() const { return 0; }
  GROVE_HOST_DEVICE unsigned size() const { return 1; }
  GROVE_HOST_DEVICE static constexpr unsigned lanes() { return 1; }
  GROVE_HOST_DEVICE void sync() const {}
  template <class X>
  GROVE_HOST_DEVICE X exchange(X x, unsigned /*mask*/) const {
    return x;
  }
  template <class X>
  GROVE_HOST_DEVICE void add(X& to, X x) const {
    to += x;
  }
};

/// The combination of the values of `width` neighbouring lanes (a power of two), known to each of them. The order is
/// the same in every lane, so it needs no order of its own: `combine` must give the same for (a, b) as for (b, a).
template <class Team, class X, class Combine>
GROVE_HOST_DEVICE X over_lanes(Team const& team, unsigned width, X x, Combine const& combine) {
  for (unsigned mask = width / 2; mask > 0; mask /= 2) x = combine(x, team.exchange(x, mask));
  return x;
}

template <class Team, class X>
GROVE_HOST_DEVICE X sum_over_lanes(Team const& team, unsigned width, X x) {
  return over_lanes(team, width, x, [](X a, X b) { return a + b; });
}

/// The same over the whole team, by way of `shared[size / lanes]`, memory that all its threads see.
template <class Team, class X, class Combine>
GROVE_HOST_DEVICE X over_team(Team const& team, X x, X* shared, Combine const& combine) {
  unsigned const lanes = Team::lanes();
  x = over_lanes(team, lanes, x, combine);
  if (team.size() == lanes) return x;
  team.sync();  // whoever still reads what stood there
  if (team.rank() % lanes == 0) shared[team.rank() / lanes] = x;
  team.sync();
  x = shared[0];
  for (unsigned i = 1; i < team.size() / lanes; ++i) x = combine(x, shared[i]);
  return x;
}

template <class Team, class X>
GROVE_HOST_DEVICE X sum_over_team(Team const& team, X x, X* shared) {
  return over_team(team, x, shared, [](X a, X b) { return a + b; });
}

}  // namespace grove::cuda
