// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/tensor_memory.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch {
namespace {

/// Elements that are gone through at a time.
constexpr std::size_t at_a_time = std::size_t{1} << 22U;

/// f(first, n) for one stretch of [0, size) after the other.
template <class F>
void in_pieces(std::size_t size, F const& f) {
  for (std::size_t first = 0; first < size; first += at_a_time) f(first, std::min(at_a_time, size - first));
}

/// A tensor that shares the memory, which it only reads where T is const.
template <class T>
at::Tensor tensor(T* memory, std::size_t n, at::ScalarType type, Device place) {
  auto* const data =
      const_cast<void*>(static_cast<void const*>(memory));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  return at::from_blob(data, {detail::extent(n)}, at::TensorOptions().dtype(type).device(detail::at_device(place)));
}

/// What the parts of this file have in common: no autograd, grove's errors, nothing for no elements.
template <class F>
void run(char const* what, std::size_t n, F&& f) {
  if (n == 0) return;
  at::NoGradGuard const no_grad;
  detail::translated(what, f);
}

}  // namespace

std::shared_ptr<void> TensorMemory::allocate(std::size_t bytes) const {
  if (bytes == 0) return nullptr;
  return detail::translated("device memory", [&] {
    auto const memory =
        at::zeros({detail::extent(bytes)}, at::TensorOptions().dtype(at::kByte).device(detail::at_device(place_)));
    return std::shared_ptr<void>(memory.data_ptr(), [memory](void*) {});
  });
}

void TensorMemory::clear(void* memory, std::size_t bytes) const {
  run("device memory", bytes, [&] { tensor(memory, bytes, at::kByte, place_).zero_(); });
}

void TensorMemory::copy(void const* from, void* to, std::size_t bytes) const {
  run("device memory", bytes,
      [&] { tensor(to, bytes, at::kByte, place_).copy_(tensor(from, bytes, at::kByte, place_)); });
}

void TensorMemory::read(void const* from, std::span<std::byte> to) const {
  run("device memory", to.size(),
      [&] { tensor(to.data(), to.size(), at::kByte, Device::Cpu).copy_(tensor(from, to.size(), at::kByte, place_)); });
}

void TensorMemory::write(std::span<std::byte const> from, void* to) const {
  run("device memory", from.size(), [&] {
    tensor(to, from.size(), at::kByte, place_).copy_(tensor(from.data(), from.size(), at::kByte, Device::Cpu));
  });
}

double TensorMemory::squares(float const* values, std::size_t n) const {
  double result = 0;
  run("gradient norm", n, [&] {
    auto const sum = at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(detail::at_device(place_)));
    in_pieces(n, [&](std::size_t first, std::size_t count) {
      sum.add_(tensor(values + first, count, at::kFloat, place_).to(at::kDouble).square_().sum());
    });
    result = sum.item<double>();
  });
  return result;
}

void TensorMemory::add_pieces(float const* pieces, std::size_t count, float* mine, std::size_t n) const {
  run("sum of gradients", n, [&] {
    in_pieces(n, [&](std::size_t first, std::size_t size) {
      auto const sum = tensor(pieces + first, size, at::kFloat, place_).to(at::kDouble);
      for (std::size_t r = 1; r < count; ++r) sum.add_(tensor(pieces + r * n + first, size, at::kFloat, place_));
      tensor(mine + first, size, at::kFloat, place_).add_(sum.to(at::kFloat));
    });
  });
}

void TensorMemory::widen(std::uint16_t const* from, float* to, std::size_t n) const {
  run("device memory", n, [&] { tensor(to, n, at::kFloat, place_).copy_(tensor(from, n, at::kBFloat16, place_)); });
}

void TensorMemory::adamw(AdamWUpdate const& u, Tensors const& t) const {
  run("AdamW", t.size, [&] {
    in_pieces(t.size, [&](std::size_t first, std::size_t n) {
      auto const part = [&](auto* memory) { return tensor(memory + first, n, at::kFloat, place_); };
      auto const value = part(t.master != nullptr ? t.master : static_cast<float*>(t.value));
      auto const gradient = part(t.gradient).mul(u.gradient_scale);
      auto const m = part(t.first), v = part(t.second);
      m.mul_(u.beta1).add_(gradient, 1 - u.beta1);
      v.mul_(u.beta2).addcmul_(gradient, gradient, 1 - u.beta2);
      value.mul_(u.keep).addcdiv_(m, v.sqrt().mul_(u.root).add_(u.eps), -u.size);
      if (t.master != nullptr)
        tensor(static_cast<std::uint16_t*>(t.value) + first, n, at::kBFloat16, place_).copy_(value);
    });
  });
}

}  // namespace grove::nn::torch
