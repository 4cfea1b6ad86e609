// SPDX-License-Identifier: Apache-2.0
// The state of the parts that every trainer has: parameters, optimizer, reference policy.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "grove/checkpoint/state.hpp"
#include "grove/concepts.hpp"
#include "grove/optim/adamw.hpp"
#include "grove/optim/device_memory.hpp"
#include "grove/optim/sharded_adamw.hpp"
#include "grove/parameter.hpp"

namespace grove::detail {

constexpr io::DType element_type(Dtype dtype) {
  if (dtype == Dtype::F64) return io::DType::F64;
  return dtype == Dtype::F32 ? io::DType::F32 : io::DType::BF16;
}

inline std::vector<std::size_t> shape_of(ParameterView const& p) {
  if (p.shape.empty()) return {p.size};
  return {p.shape.begin(), p.shape.end()};
}

/// The name of the i-th parameter, also where a policy gives none.
inline std::string name_of(ParameterView const& p, std::size_t i) {
  return p.name.empty() ? "parameter-" + std::to_string(i) : std::string(p.name);
}

/// Every policy's parameters, by name. A policy with more to remember (normalisers, say) lists that in `state(State&)`;
/// one with `set_version` goes on counting where it was.
template <class P>
void parameters_state(State& s, P& policy) {
  s.within("model", [&] {
    auto const parameters = policy.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      auto const& p = parameters[i];
      auto const values = host_values(p);
      s.array(name_of(p, i), element_type(p.dtype), shape_of(p), values.bytes());
      if (s.loading())
        values.write_back();
      else if (values.is_copy())
        s.keep_last();
    }
  });
  if constexpr (Stateful<P>) s("policy", policy);
  std::uint64_t version = policy.version();
  s("policy_version", version);
  if (!s.loading()) return;
  policy.commit();
  if constexpr (requires { policy.set_version(version); }) policy.set_version(version);
}

/// Elements [offset, offset + moments.size()) of a parameter of `whole` elements, as numbers that ranks divide or,
/// where one has all, as they are. Quantized ones begin with a block and have a scale for each.
template <class M>
void moments_state(State& s, M& moments, std::size_t whole, std::size_t offset, bool divided, Dtype dtype) {
  auto const array = [&]<class V>(auto const& self, std::string_view name, V& values, std::size_t unit) -> void {
    if constexpr (std::is_same_v<V, DeviceArray<float>>) {
      auto copy = values.read();
      self(self, name, copy, unit);
      if (s.loading())
        values.write(copy);
      else
        s.keep_last();
    } else if (s.loading() || divided) {
      s.piece(name, (whole + unit - 1) / unit, offset / unit, std::span(values));
    } else {
      s(name, values);
    }
  };
  if constexpr (requires { moments.first.codes; }) {
    array(array, "first", moments.first.codes, 1);
    array(array, "first_scale", moments.first.scales, quantized_block);
    array(array, "second", moments.second.codes, 1);
    array(array, "second_scale", moments.second.scales, quantized_block);
  } else {
    array(array, "first", moments.first, 1);
    array(array, "second", moments.second, 1);
  }
  if (dtype == Dtype::BF16) array(array, "master", moments.master, 1);
}

/// Moments under the names of their parameters; none before the first update. `pieces` are what this rank has of them,
/// in the optimizer's order; `behind` is asked for each parameter's steps that it was frozen in.
template <class B>
void optimizer_state(State& s, AdamW& optimizer, std::span<const ParameterView> parameters,
                     std::span<const ShardLayout::Part> pieces, bool divided, B const& behind) {
  s.within("optimizer", [&] {
    auto steps = static_cast<std::uint64_t>(optimizer.steps());
    s("steps", steps);
    std::vector<AdamW::State> loaded;
    for (std::size_t i = 0; i < pieces.size() && steps > 0; ++i) {
      auto const& p = parameters[pieces[i].parameter];
      if (s.loading()) loaded.push_back(optimizer.zero_moments(p, pieces[i].size));
      auto& state = s.loading() ? loaded.back() : optimizer.states()[i];
      s.within(name_of(p, pieces[i].parameter), [&] {
        std::visit([&](auto& m) { moments_state(s, m, p.size, pieces[i].offset, divided, p.dtype); }, state);
      });
    }
    for (std::size_t p = 0; p < parameters.size() && steps > 0; ++p)
      s.within(name_of(parameters[p], p), [&] {
        for (auto const* name : {"first", "first_scale", "second", "second_scale", "master"})
          if (s.loading()) s.left_to_others(name);
        s("behind", behind(p));
      });
    if (!s.loading()) return;
    for (std::size_t i = 0; i < loaded.size(); ++i)
      std::visit([&](auto& m) { m.behind = behind(pieces[i].parameter); }, loaded[i]);
    optimizer.restore(std::move(loaded), steps);
  });
}

/// The whole of each parameter.
inline std::vector<ShardLayout::Part> whole_parameters(std::span<const ParameterView> parameters) {
  std::vector<ShardLayout::Part> parts;
  for (std::size_t p = 0; p < parameters.size(); ++p) parts.push_back({.parameter = p, .size = parameters[p].size});
  return parts;
}

inline void optimizer_state(State& s, AdamW& optimizer, std::span<const ParameterView> parameters, std::size_t = 0,
                            std::size_t = 1) {
  std::vector<std::size_t> behind(parameters.size());
  if (!s.loading())
    for (std::size_t p = 0; p < optimizer.states().size(); ++p)
      behind[p] = std::visit([](auto const& m) { return m.behind; }, optimizer.states()[p]);
  optimizer_state(s, optimizer, parameters, whole_parameters(parameters), false,
                  [&](std::size_t p) -> std::size_t& { return behind[p]; });
}

/// One of several ranks: what they divide is listed by each, the rest is the same on all.
inline void optimizer_state(State& s, ShardedAdamW& optimizer, std::span<const ParameterView> parameters,
                            std::size_t rank, std::size_t ranks) {
  if (!optimizer.divides(ranks)) return optimizer_state(s, optimizer.adamw(), parameters);
  auto& behind = optimizer.behind();
  behind.resize(parameters.size());
  optimizer_state(s, optimizer.adamw(), parameters, optimizer.pieces(parameters, rank, ranks), true,
                  [&](std::size_t p) -> std::size_t& { return behind[p]; });
}

/// A number that two sets of parameters share only by a chance of 2^-64.
inline std::uint64_t fingerprint(std::span<const ParameterView> parameters) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  auto const mix = [&](std::uint64_t word) {
    hash = (std::rotl(hash, 23) ^ word) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29U;
  };
  for (auto const& p : parameters) {
    auto const values = host_values(p);
    auto const bytes = values.bytes();
    std::size_t i = 0;
    for (std::uint64_t word = 0; i + sizeof word <= bytes.size(); i += sizeof word) {
      std::memcpy(&word, bytes.data() + i, sizeof word);
      mix(word);
    }
    for (; i < bytes.size(); ++i) mix(std::to_integer<std::uint64_t>(bytes[i]));
    mix(bytes.size());
  }
  return hash;
}

}  // namespace grove::detail
