// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/kv_cache.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <string>

#include "grove/error.hpp"
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

KvCache::Sequence const& KvCache::at(Slot slot) const {
  if (slot >= sequences_.size() || !sequences_[slot].open)
    throw Error("DecodeSession", "slot " + std::to_string(slot) + " holds no sequence", "a slot that is open");
  return sequences_[slot];
}

KvCache::Slot KvCache::open(std::size_t first_position) {
  auto const free =
      static_cast<std::size_t>(std::ranges::find(sequences_, false, &Sequence::open) - sequences_.begin());
  if (free == sequences_.size()) sequences_.emplace_back();
  sequences_[free] = {.open = true, .first_position = first_position};
  return static_cast<Slot>(free);
}

KvCache::Slot KvCache::fork(Slot parent) {
  auto const n = length(parent);
  Slot const slot = open(first_position(parent));
  extend(slot, n);
  for (auto& layer : layers_)
    for (auto* t : {&layer.keys, &layer.values})
      t->select(0, slot).narrow(0, 0, extent(n)).copy_(t->select(0, parent).narrow(0, 0, extent(n)));
  return slot;
}

void KvCache::extend(Slot slot, std::size_t tokens) {
  reserve(sequences_.size(), length(slot) + tokens);
  sequences_[slot].length += tokens;
}

void KvCache::close(Slot slot) {
  static_cast<void>(at(slot));
  sequences_[slot] = {};
  while (!sequences_.empty() && !sequences_.back().open) sequences_.pop_back();
}

std::size_t KvCache::longest() const noexcept {
  std::size_t most = 0;
  for (auto const& sequence : sequences_) most = std::max(most, sequence.length);
  return most;
}

void KvCache::write(std::size_t layer, at::Tensor const& places, at::Tensor const& keys, at::Tensor const& values) {
  auto const flat = [this](at::Tensor const& t) { return t.view({-1, heads_, head_dim_}); };
  flat(layers_[layer].keys).index_copy_(0, places, keys);
  flat(layers_[layer].values).index_copy_(0, places, values);
}

at::Tensor KvCache::view(at::Tensor const& t, std::size_t tokens) const {
  return t.narrow(0, 0, extent(slots())).narrow(1, 0, extent(tokens)).transpose(1, 2);
}

}  // namespace grove::nn::torch::detail
