// SPDX-License-Identifier: Apache-2.0
// AdamW with decoupled weight decay (arXiv 1711.05101), the arithmetic of torch.optim.AdamW, over plain memory: it
// serves every policy, whatever holds the parameters. Of those on a device the device does the arithmetic, or the host
// where it keeps their moments.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "grove/error.hpp"
#include "grove/optim/block_quantized.hpp"
#include "grove/optim/device_memory.hpp"
#include "grove/optim/square_roots.hpp"
#include "grove/parameter.hpp"

namespace grove {

/// What moments are stored as between two updates. The arithmetic is the same.
enum class MomentFormat : std::uint8_t {
  Full,    ///< the type of the arithmetic
  Block8,  ///< 8 bits in blocks (see BlockQuantized), but for tensors of less than `AdamW::least_quantized` elements
};

/// Where moments and masters of parameters on a device lie.
enum class MomentPlace : std::uint8_t {
  WithParameter,  ///< there, too: an update moves nothing
  Host,           ///< with the host, which computes the update: gradients come from the device and values go back
};

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  MomentFormat moments = MomentFormat::Full;
  MomentPlace place = MomentPlace::WithParameter;  ///< nothing to parameters of the host
};

/// Square root of the sum of squares of all gradients that are not frozen, added up in double in the parameters' order.
inline double gradient_norm(std::span<const ParameterView> parameters) {
  auto const squares = [](auto const* gradient, std::size_t size) {
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
    return sum;
  };
  double sum = 0;
  for (auto const& p : parameters) {
    if (p.frozen) continue;
    if (p.device != nullptr)
      sum += p.device->squares(static_cast<float const*>(p.gradient), p.size);
    else
      sum += p.dtype == Dtype::F64 ? squares(static_cast<double const*>(p.gradient), p.size)
                                   : squares(static_cast<float const*>(p.gradient), p.size);
  }
  return std::sqrt(sum);
}

/// What gradients of this norm are multiplied by so that their norm is at most `max_norm` (0: no limit), as
/// torch.nn.utils.clip_grad_norm_ does: its 1e-6 also shrinks a norm that is just at the limit.
inline double clip_scale(double norm, double max_norm) {
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + 1e-6)) : 1.0;
}

inline void zero_gradients(std::span<const ParameterView> parameters) {
  for (auto const& p : parameters) {
    if (p.device != nullptr)
      p.device->clear(p.gradient, p.size * gradient_bytes(p.dtype));
    else if (p.dtype == Dtype::F64)
      std::fill_n(static_cast<double*>(p.gradient), p.size, 0.0);
    else
      std::fill_n(static_cast<float*>(p.gradient), p.size, 0.0f);
  }
}

/// bf16 parameters keep an f32 master copy, since an update of 1e-6 vanishes in bf16's 8 bits of mantissa.
class AdamW {
 public:
  template <class T>
  struct Moments {
    using Value = T;
    std::vector<T> first, second;
    std::vector<T> master;   ///< only for bf16 parameters
    std::size_t behind = 0;  ///< steps that the parameter was frozen in, which its bias correction does not count

    std::size_t size() const { return first.size(); }
    std::size_t bytes() const { return (first.size() + second.size()) * sizeof(T); }
    /// Where those from `begin` on lie; they need not be loaded into buffers.
    std::pair<T const*, T const*> load(std::size_t begin, std::span<T>, std::span<T>) const {
      return {first.data() + begin, second.data() + begin};
    }
    void store(std::size_t begin, std::span<T const> m, std::span<T const> v) {
      std::copy_n(m.data(), m.size(), first.data() + begin);
      std::copy_n(v.data(), v.size(), second.data() + begin);
    }
  };

  /// The same in 8 bits. An update computes with what it has loaded and stores the result for the next one, so that a
  /// step's own rounding does not touch its parameters.
  template <class T>
  struct QuantizedMoments {
    using Value = T;
    BlockQuantized<T, Sign::Either> first;
    BlockQuantized<T, Sign::None> second;
    std::vector<T> master;
    std::size_t behind = 0;

    std::size_t size() const { return first.codes.size(); }
    std::size_t bytes() const { return first.bytes() + second.bytes(); }
    std::pair<T const*, T const*> load(std::size_t begin, std::span<T> m, std::span<T> v) const {
      first.load(begin, m);
      second.load(begin, v);
      return {m.data(), v.data()};
    }
    void store(std::size_t begin, std::span<T const> m, std::span<T const> v) {
      first.store(begin, m);
      second.store(begin, v);
    }
  };

  /// Those of a parameter on a device that lie there, too.
  struct DeviceMoments {
    using Value = float;
    DeviceArray<float> first, second, master;
    std::size_t behind = 0;

    std::size_t size() const { return first.size(); }
    std::size_t bytes() const { return (first.size() + second.size()) * sizeof(float); }
  };
  using State =
      std::variant<Moments<float>, Moments<double>, QuantizedMoments<float>, QuantizedMoments<double>, DeviceMoments>;

  /// Smaller tensors (norms, biases) keep full moments, as in bitsandbytes: they are no share of the memory.
  static constexpr std::size_t least_quantized = 4096;

  explicit AdamW(AdamWOptions options = {}) : options_(options) {}

  /// One update with the given rate; gradients are multiplied by `gradient_scale` first. Once the first call has
  /// allocated the moments, only a device throws.
  void step(std::span<const ParameterView> parameters, double rate, double gradient_scale = 1.0) {
    if (states_.empty()) allocate(parameters);
    check(parameters);
    ++steps_;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      auto const& p = parameters[i];
      if (p.frozen)
        std::visit([](auto& moments) { ++moments.behind; }, states_[i]);
      else
        std::visit([&](auto& moments) { update(p, moments, rate * p.rate, gradient_scale); }, states_[i]);
    }
  }

  std::size_t steps() const { return steps_; }
  std::span<State> states() { return states_; }
  std::span<State const> states() const { return states_; }
  AdamWOptions const& options() const { return options_; }

  /// Moments of zero for so many elements of a tensor, with room for a master.
  State zero_moments(ParameterView const& p, std::size_t size) const {
    check_device(p);
    if (p.device != nullptr && options_.place == MomentPlace::WithParameter)
      return DeviceMoments{{*p.device, size}, {*p.device, size}, {*p.device, p.dtype == Dtype::BF16 ? size : 0}, 0};
    bool const quantized = options_.moments == MomentFormat::Block8 && std::max(p.size, p.whole) >= least_quantized;
    auto const of = [&]<class T>(T) -> State {
      std::vector<T> master(p.dtype == Dtype::BF16 ? size : 0);
      if (quantized)
        return QuantizedMoments<T>{BlockQuantized<T, Sign::Either>(size), BlockQuantized<T, Sign::None>(size),
                                   std::move(master), 0};
      return Moments<T>{std::vector<T>(size), std::vector<T>(size), std::move(master), 0};
    };
    return p.dtype == Dtype::F64 ? of(double()) : of(float());
  }

  /// Throws Error where moments of this format cannot lie where the parameter does.
  void check_device(ParameterView const& p) const {
    if (p.device == nullptr) return;
    if (p.dtype == Dtype::F64)
      throw Error("AdamW", "f64 parameters on a device", "f32 or bf16 there", "train on the CPU");
    if (options_.moments == MomentFormat::Block8 && options_.place == MomentPlace::WithParameter)
      throw Error("AdamW", "8-bit moments (optim adamw_8bit) on a device", "full moments there",
                  "keep them with the host (offload_optimizer, MomentPlace::Host), choose optim adamw_torch, or train "
                  "on the CPU");
  }

  /// Takes over a checkpoint's state.
  void restore(std::vector<State> states, std::size_t steps) {
    states_ = std::move(states);
    steps_ = steps;
  }

 private:
  void allocate(std::span<const ParameterView> parameters) {
    std::vector<State> states;
    for (auto const& p : parameters) {
      states.push_back(zero_moments(p, p.size));
      auto const master = [&]<class M>(M& moments) {
        if (moments.master.size() == 0) return;
        if constexpr (std::is_same_v<M, DeviceMoments>)
          p.device->widen(static_cast<std::uint16_t const*>(p.value), moments.master.data(), moments.master.size());
        else
          in_pieces(p, [&](ParameterView const& piece, std::size_t begin) {
            auto const values = host_values(piece);
            auto const* const bf16 = reinterpret_cast<std::uint16_t const*>(values.bytes().data());
            for (std::size_t i = 0; i < piece.size; ++i) moments.master[begin + i] = widen(bf16[i]);
          });
      };
      std::visit(master, states.back());
    }
    states_ = std::move(states);
  }

  /// The state must be that of these parameters; a checkpoint's may be another model's.
  void check(std::span<const ParameterView> parameters) const {
    if (states_.size() != parameters.size())
      throw Error("AdamW", std::to_string(parameters.size()) + " parameters",
                  std::to_string(states_.size()) + ", as many as the optimizer's state has");
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      auto const& p = parameters[i];
      auto const has_size = [&](auto const& m) {
        return m.size() == p.size && m.master.size() == (p.dtype == Dtype::BF16 ? p.size : 0);
      };
      if (states_[i].index() != zero_moments(p, 0).index() || !std::visit(has_size, states_[i]))
        throw Error("AdamW", "the state of parameter " + std::string(p.name) + " has another size or type",
                    std::to_string(p.size) + " elements", "resume with the model the checkpoint was written of");
    }
  }

  AdamWUpdate numbers(ParameterView const& p, std::size_t behind, double rate, double gradient_scale) const {
    auto const t = static_cast<double>(steps_ - behind);
    return {.beta1 = options_.beta1,
            .beta2 = options_.beta2,
            .eps = options_.eps,
            .gradient_scale = gradient_scale,
            .keep = 1.0 - rate * (p.decay ? options_.weight_decay : 0.0),
            .size = rate / (1.0 - std::pow(options_.beta1, t)),
            .root = 1.0 / std::sqrt(1.0 - std::pow(options_.beta2, t))};
  }

  /// f(piece, its first element): of a parameter of the host the whole, of a device's so much as is copied at a time.
  template <class F>
  static void in_pieces(ParameterView const& p, F const& f) {
    constexpr auto copied = std::size_t{1} << 22U;
    static_assert(copied % quantized_block == 0);
    auto const most = p.device == nullptr ? p.size : copied;
    for (std::size_t begin = 0; begin < p.size; begin += most) {
      auto piece = p;
      piece.size = std::min(most, p.size - begin);
      piece.value = static_cast<std::byte*>(p.value) + begin * value_bytes(p.dtype);
      piece.gradient = static_cast<std::byte*>(p.gradient) + begin * gradient_bytes(p.dtype);
      f(piece, begin);
    }
  }

  template <class M>
  void update(ParameterView const& p, M& moments, double rate, double gradient_scale) {
    auto const now = numbers(p, moments.behind, rate, gradient_scale);
    if constexpr (std::is_same_v<M, DeviceMoments>)
      p.device->adamw(now, {.value = p.value,
                            .master = p.dtype == Dtype::BF16 ? moments.master.data() : nullptr,
                            .gradient = static_cast<float const*>(p.gradient),
                            .first = moments.first.data(),
                            .second = moments.second.data(),
                            .size = p.size});
    else
      in_pieces(p, [&](ParameterView piece, std::size_t begin) {
        if (p.device == nullptr) return update_piece(piece, begin, moments, now);
        auto* const there = piece.value;
        bring(piece);
        update_piece(piece, begin, moments, now);
        p.device->write(brought_values_, there);
      });
  }

  /// Copies a device's gradients and values to the host, where the piece then has them. Values of bf16 are not read:
  /// they come from the masters.
  void bring(ParameterView& piece) {
    brought_gradients_.resize(piece.size * gradient_bytes(piece.dtype));
    brought_values_.resize(piece.size * value_bytes(piece.dtype));
    piece.device->read(piece.gradient, brought_gradients_);
    if (piece.dtype != Dtype::BF16) piece.device->read(piece.value, brought_values_);
    piece.gradient = brought_gradients_.data();
    piece.value = brought_values_.data();
  }

  /// Of a piece on the host, whose moments begin at `at`.
  template <class M>
  void update_piece(ParameterView const& p, std::size_t at, M& moments, AdamWUpdate const& now) const {
    using T = typename M::Value;
    auto const b1 = static_cast<T>(options_.beta1), b2 = static_cast<T>(options_.beta2);
    auto const c1 = static_cast<T>(1 - options_.beta1), c2 = static_cast<T>(1 - options_.beta2);
    auto const eps = static_cast<T>(options_.eps), scale = static_cast<T>(now.gradient_scale);
    auto const keep = static_cast<T>(now.keep), size = static_cast<T>(now.size), root = static_cast<T>(now.root);
    T* value = p.dtype == Dtype::BF16 ? moments.master.data() + at : static_cast<T*>(p.value);
    T const* gradient = static_cast<T const*>(p.gradient);
    constexpr std::size_t block = quantized_block;  // in arrays of their own, which nothing overlaps
    std::array<T, block> m, v, roots, loaded_m, loaded_v;
    for (std::size_t begin = 0; begin < p.size; begin += block) {
      auto const n = std::min(block, p.size - begin);
      auto const [first, second] = moments.load(at + begin, {loaded_m.data(), n}, {loaded_v.data(), n});
      for (std::size_t i = 0; i < n; ++i) {
        T const g = gradient[begin + i] * scale;
        m[i] = b1 * first[i] + c1 * g;
        v[i] = b2 * second[i] + c2 * g * g;
      }
      detail::square_roots(v.data(), n, roots.data());
      moments.store(at + begin, {m.data(), n}, {v.data(), n});
      T* const x = value + begin;
      for (std::size_t i = 0; i < n; ++i) x[i] = x[i] * keep - size * m[i] / (roots[i] * root + eps);
    }
    if (p.dtype == Dtype::BF16) {
      auto* stored = static_cast<std::uint16_t*>(p.value);
      for (std::size_t i = 0; i < p.size; ++i) stored[i] = narrow(static_cast<float>(value[i]));
    }
  }

  AdamWOptions options_;
  std::vector<State> states_;
  std::size_t steps_ = 0;
  std::vector<std::byte> brought_gradients_{}, brought_values_{};  // kept: new memory costs as much as a copy
};

}  // namespace grove
