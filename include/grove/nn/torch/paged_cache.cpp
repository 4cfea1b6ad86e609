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
  auto pages = std::max(first_pages, table_.pool() + table_.pool() / 4);  // a device has no room for twice as many
  if (table_.limit() > 0) pages = std::min(pages, std::max(table_.limit(), table_.pool()));
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

PagedCache::Slot PagedCache::fork(Slot parent) {
  auto const [slot, copy] = table_.fork(parent);
  reserve_pages();
  if (copy)
    for (auto& layer : layers_)
      for (auto* t : {&layer.keys, &layer.values}) t->select(0, copy->to).copy_(t->select(0, copy->from));
  return slot;
}

void PagedCache::extend(Slot slot, std::size_t tokens) {
  table_.extend(slot, tokens);
  reserve_pages();
  reserve_angles(table_.first_position(slot) + table_.length(slot));
}

}  // namespace grove::nn::torch::detail
