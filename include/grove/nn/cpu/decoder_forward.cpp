// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/decoder_forward.hpp"

#include <algorithm>
#include <utility>

namespace grove::nn::cpu::detail {

std::unique_ptr<RowScratch> ScratchPool::take() {
  std::lock_guard const lock(mutex_);
  if (free_.empty()) return std::make_unique<RowScratch>();
  auto scratch = std::move(free_.back());
  free_.pop_back();
  return scratch;
}

void ScratchPool::give(std::unique_ptr<RowScratch> scratch) {
  std::lock_guard const lock(mutex_);
  free_.push_back(std::move(scratch));
}

void PackedRows::set(PackedBatch batch, Layout const& layout, FloatBuffer& pages) {
  std::size_t const stride = layout.kv.layer_floats();
  std::size_t total = 0;
  for (std::size_t s = 0; s < batch.sequences(); ++s) {
    total += KvShape::pages(batch.cu_seqlens[s + 1] - batch.cu_seqlens[s]);
  }
  float* const memory = pages.reserve(2 * total * stride);
  for (std::size_t parity = 0; parity < 2; ++parity) {
    runs_[parity].clear();
    pages_[parity].resize(total);
    for (std::size_t p = 0; p < total; ++p) pages_[parity][p] = memory + (parity * total + p) * stride;
  }
  positions_.clear();
  first_run_.clear();
  std::size_t first_page = 0;
  for (std::size_t s = 0; s < batch.sequences(); ++s) {
    std::size_t const length = batch.cu_seqlens[s + 1] - batch.cu_seqlens[s];
    for (std::size_t i = 0; i < length; ++i) {
      bool const new_tile = positions_.size() % tile_rows == 0;
      if (new_tile) first_run_.push_back(runs_[0].size());
      for (std::size_t parity = 0; parity < 2 && (new_tile || i == 0); ++parity) {
        runs_[parity].push_back({pages_[parity].data() + first_page, i, 0});
      }
      for (auto& runs : runs_) ++runs.back().rows;
      positions_.push_back(batch.first_position + i);
    }
    first_page += KvShape::pages(length);
  }
  first_run_.push_back(runs_[0].size());
}

template <class Variant>
void ForwardPass<Variant>::reserve() {
  std::size_t const rows = memory_.packed.rows();
  std::size_t const layers = keep_ == Keep::All ? layout_.config.layers : 1;
  memory_.angles.reserve(rows * 2 * layout_.rotary.half());
  memory_.x.reserve(rows * layout_.hidden * (keep_ == Keep::Nothing ? 1 : layout_.config.layers + 1));
  memory_.qkv.reserve(rows * layout_.qkv_width * layers);
  if (keep_ == Keep::Nothing) return;
  if (Variant::qk_norm) memory_.raw.reserve(rows * (layout_.query_width + layout_.key_width) * layers);
  memory_.attention.reserve(rows * layout_.query_width * layers);
  memory_.statistics.reserve(rows * 2 * layout_.config.heads * layers);
  memory_.middle.reserve(rows * layout_.hidden * layers);
  memory_.gate_up.reserve(rows * 2 * layout_.intermediate * layers);
}

template <class Variant>
LayerRows ForwardPass<Variant>::rows(std::size_t layer, std::size_t row) const {
  std::size_t const total = memory_.packed.rows();
  auto const at = [&](FloatBuffer const& buffer, std::size_t width, std::size_t index) {
    return buffer.data() + (index * total + row) * width;
  };
  std::size_t const place = keep_ == Keep::All ? layer : 0;
  LayerRows rows;
  float* const x = at(memory_.x, layout_.hidden, keep_ == Keep::Nothing ? 0 : layer);
  rows.x = x;
  rows.out = keep_ == Keep::Nothing ? x : x + total * layout_.hidden;
  rows.qkv = at(memory_.qkv, layout_.qkv_width, place);
  rows.middle = x;
  if (keep_ == Keep::Nothing) return rows;
  if (Variant::qk_norm) rows.raw = at(memory_.raw, layout_.query_width + layout_.key_width, place);
  rows.attention = at(memory_.attention, layout_.query_width, place);
  rows.statistics = at(memory_.statistics, 2 * layout_.config.heads, place);
  rows.middle = at(memory_.middle, layout_.hidden, place);
  rows.gate_up = at(memory_.gate_up, 2 * layout_.intermediate, place);
  return rows;
}

template <class Variant>
RowTile ForwardPass<Variant>::tile(std::size_t index, std::size_t layer) const {
  PackedRows const& packed = memory_.packed;
  float const* const angles = memory_.angles.data() + packed.begin(index) * 2 * layout_.rotary.half();
  return {.runs = packed.runs(index, layer), .rows = packed.count(index), .angles = angles};
}

template <class Variant>
void ForwardPass<Variant>::begin_tile(std::size_t index, PackedBatch batch) {
  PackedRows const& packed = memory_.packed;
  std::size_t const begin = packed.begin(index);
  std::size_t const width = 2 * layout_.rotary.half();
  for (std::size_t row = begin; row < begin + packed.count(index); ++row) {
    layout_.rotary.fill(packed.positions()[row], memory_.angles.data() + row * width);
  }
  embed(weights_, layout_.hidden, batch.tokens.subspan(begin, packed.count(index)),
        memory_.x.data() + begin * layout_.hidden);
}

template <class Variant>
void ForwardPass<Variant>::project(std::size_t index, std::size_t layer, RowScratch& scratch) const {
  LayerPass<Variant> const pass(layout_, weights_, adapters_.layer(layer), layer, 0, Threads());
  pass.project(tile(index, layer), rows(layer, memory_.packed.begin(index)), scratch);
}

template <class Variant>
float const* ForwardPass<Variant>::run(PackedBatch batch) {
  memory_.packed.set(batch, layout_, memory_.pages);
  reserve();
  std::size_t const tiles = memory_.packed.tiles();
  std::size_t const layers = layout_.config.layers;
  pool_.parallel_for(tiles, [&](std::size_t index) {
    ScratchPool::Lease const scratch(memory_.scratch);
    begin_tile(index, batch);
    project(index, 0, *scratch);
  });
  for (std::size_t layer = 0; layer < layers; ++layer) {
    LayerPass<Variant> const pass(layout_, weights_, adapters_.layer(layer), layer, 0, Threads());
    pool_.parallel_for(tiles, [&](std::size_t index) {
      ScratchPool::Lease const scratch(memory_.scratch);
      RowTile const part = tile(index, layer);
      LayerRows to = rows(layer, memory_.packed.begin(index));
      if (keep_ == Keep::Nothing) {
        to.attention = scratch->attention.reserve(part.rows * layout_.query_width);
        to.gate_up = scratch->gate_up.reserve(part.rows * 2 * layout_.intermediate);
      }
      pass.attend(part, to, *scratch);
      pass.finish(part, to, *scratch);
      if (layer + 1 < layers) project(index, layer + 1, *scratch);
    });
  }
  return rows(layers - 1, 0).out;
}

template <class Variant>
void ForwardPass<Variant>::repeat(std::size_t layer) const {
  if (keep_ != Keep::Inputs || layer + 1 == layout_.config.layers) return;  // they are still there
  std::size_t const tiles = memory_.packed.tiles();
  pool_.parallel_for(tiles, [&](std::size_t index) {
    ScratchPool::Lease const scratch(memory_.scratch);
    project(index, layer, *scratch);
  });
  LayerPass<Variant> const pass(layout_, weights_, adapters_.layer(layer), layer, 0, Threads());
  pool_.parallel_for(tiles, [&](std::size_t index) {
    ScratchPool::Lease const scratch(memory_.scratch);
    RowTile const part = tile(index, layer);
    LayerRows to = rows(layer, memory_.packed.begin(index));
    to.out = nullptr;
    pass.attend(part, to, *scratch);
    pass.finish(part, to, *scratch);
  });
}

template class ForwardPass<Qwen2>;
template class ForwardPass<Qwen3>;
template class ForwardPass<Llama>;

}  // namespace grove::nn::cpu::detail
