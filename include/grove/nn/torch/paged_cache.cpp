// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/paged_cache.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <bit>

#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch::detail {
namespace {

constexpr std::size_t first_pages = 64;
constexpr std::size_t first_positions = 512;

}  // namespace

PagedCache::PagedCache(io::ModelConfig const& config, cpu::detail::Rotary const& rotary, at::TensorOptions options)
    : rotary_(&rotary),
      heads_(extent(config.kv_heads)),
      head_dim_(extent(config.head_dim)),
      options_(options),
      layers_(config.layers) {}

void PagedCache::reserve_pages() {
  if (table_.pool() <= pages_) return;
  auto const pages =
      std::max(first_pages, table_.pool() + table_.pool() / 4);  // a device has no room for twice as many
  for (auto& layer : layers_)
    for (auto* t : {&layer.keys, &layer.values}) {
      auto larger = at::zeros({extent(pages), heads_, extent(PageTable::page_tokens), head_dim_}, options_);
      if (t->defined()) larger.narrow(0, 0, extent(pages_)).copy_(*t);
      *t = larger;
    }
  pages_ = pages;
  ++epoch_;
}

void PagedCache::reserve_angles(std::size_t positions) {
  auto const known = angles_.defined() ? static_cast<std::size_t>(angles_.size(0)) : 0;
  if (positions <= known) return;
  auto const wanted = std::max(first_positions, std::bit_ceil(positions));
  auto const width = 2 * rotary_->half();
  std::vector<float> rows(wanted * width);
  for (std::size_t i = 0; i < wanted; ++i) rotary_->fill(i, rows.data() + i * width);
  angles_ = floats(rows, options_.device()).view({extent(wanted), extent(width)});
  ++epoch_;
}

PagedCache::Slot PagedCache::open(std::size_t tokens, std::size_t first_position) {
  Slot const slot = table_.open(tokens, first_position);
  reserve_pages();
  reserve_angles(first_position + tokens);
  return slot;
}

PagedCache::Slot PagedCache::fork(Slot parent) {
  auto const [slot, copy] = table_.fork(parent);
  reserve_pages();
  if (copy)
    for (auto& layer : layers_)
      for (auto* t : {&layer.keys, &layer.values}) t->select(0, copy->to).copy_(t->select(0, copy->from));
  return slot;
}

void PagedCache::extend(Slot slot) {
  table_.extend(slot);
  reserve_pages();
  reserve_angles(table_.position(slot) + 1);
}

at::Tensor PagedCache::places(std::span<Slot const> slots) const {
  std::vector<std::int64_t> rows;
  constexpr auto tokens = extent(PageTable::page_tokens);
  for (Slot const slot : slots)
    for (std::size_t i = 0; i < table_.length(slot); ++i) {
      auto const page = std::int64_t{table_.pages(slot)[i / PageTable::page_tokens]};
      for (std::int64_t h = 0; h < heads_; ++h)
        rows.push_back((page * heads_ + h) * tokens + extent(i % PageTable::page_tokens));
    }
  return indices(std::span<std::int64_t const>(rows), options_.device());
}

void PagedCache::write(std::size_t layer, at::Tensor const& places, at::Tensor const& keys, at::Tensor const& values) {
  auto const flat = [this](at::Tensor const& t) { return t.reshape({-1, head_dim_}); };
  flat(layers_[layer].keys).index_copy_(0, places, flat(keys));
  flat(layers_[layer].values).index_copy_(0, places, flat(values));
}

}  // namespace grove::nn::torch::detail
