// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/kv_cache.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch::detail {
namespace {

constexpr std::size_t first_capacity = 64;

/// The next power of two times `least`, so that growing costs a constant number of copies a token.
std::size_t grown(std::size_t from, std::size_t least, std::size_t needed) {
  std::size_t n = std::max(from, least);
  while (n < needed) n *= 2;
  return n;
}

}  // namespace

KvCache::KvCache(io::ModelConfig const& config, at::TensorOptions options)
    : heads_(extent(config.kv_heads)), head_dim_(extent(config.head_dim)), options_(options), layers_(config.layers) {}

void KvCache::reserve(std::size_t rows, std::size_t tokens) {
  if (rows <= rows_ && tokens <= capacity_) return;
  auto const new_rows = grown(rows_, 1, rows);
  auto const new_capacity = grown(capacity_, first_capacity, tokens);
  for (auto& layer : layers_)
    for (auto* t : {&layer.keys, &layer.values}) {
      // Zeros, since rows that are masked out are still multiplied: they must be numbers.
      auto larger = at::zeros({extent(new_rows), extent(new_capacity), heads_, head_dim_}, options_);
      if (t->defined()) larger.narrow(0, 0, extent(rows_)).narrow(1, 0, extent(capacity_)).copy_(*t);
      *t = larger;
    }
  rows_ = new_rows;
  capacity_ = new_capacity;
}

KvCache::Slot KvCache::take() {
  auto const free = static_cast<std::size_t>(std::ranges::find(lengths_, 0U) - lengths_.begin());
  if (free == lengths_.size()) lengths_.push_back(0);
  return static_cast<Slot>(free);
}

KvCache::Slot KvCache::open(std::size_t tokens) {
  Slot const slot = take();
  reserve(lengths_.size(), tokens);
  lengths_[slot] = tokens;
  return slot;
}

KvCache::Slot KvCache::fork(Slot parent) {
  auto const n = length(parent);
  Slot const slot = open(n);
  for (auto& layer : layers_)
    for (auto* t : {&layer.keys, &layer.values})
      t->select(0, slot).narrow(0, 0, extent(n)).copy_(t->select(0, parent).narrow(0, 0, extent(n)));
  return slot;
}

void KvCache::extend(Slot slot) {
  reserve(rows_, length(slot) + 1);
  ++lengths_[slot];
}

void KvCache::close(Slot slot) {
  lengths_.at(slot) = 0;
  while (!lengths_.empty() && lengths_.back() == 0) lengths_.pop_back();
}

std::size_t KvCache::longest() const noexcept { return lengths_.empty() ? 0 : std::ranges::max(lengths_); }

void KvCache::write(std::size_t layer, at::Tensor const& places, at::Tensor const& keys, at::Tensor const& values) {
  auto const flat = [this](at::Tensor const& t) { return t.view({-1, heads_, head_dim_}); };
  flat(layers_[layer].keys).index_copy_(0, places, keys);
  flat(layers_[layer].values).index_copy_(0, places, values);
}

at::Tensor KvCache::view(at::Tensor const& t, std::size_t tokens) const {
  return t.narrow(0, 0, extent(slots())).narrow(1, 0, extent(tokens)).transpose(1, 2);
}

}  // namespace grove::nn::torch::detail
