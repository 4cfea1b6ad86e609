// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "grove/nn/cpu/decoder.hpp"
#include "grove/nn/cpu/decoder_workspace.hpp"

namespace grove::nn::cpu::detail {

/// All layers over a packed batch. A task is a tile of rows: attention and MLP of one layer, then the projections of
/// the next, so the threads wait for each other once a layer.
template <class Variant>
class ForwardPass {
 public:
  /// `keep`: activations of all layers stay in the buffers, for the way back.
  ForwardPass(Layout const& layout, Weights const& weights, PackedAdapters const& adapters, Workspace& workspace,
              bool keep)
      : layout_(layout),
        weights_(weights),
        adapters_(adapters),
        memory_(workspace.buffers()),
        pool_(workspace.pool()),
        keep_(keep) {}

  /// Returns the hidden states `[tokens, hidden]` before the final norm.
  float const* run(PackedBatch batch);

  /// What layer `layer` reads and writes, from `row` on; null where it is not kept.
  [[nodiscard]] LayerRows rows(std::size_t layer, std::size_t row) const;

  [[nodiscard]] RowTile tile(std::size_t index, std::size_t layer) const;

 private:
  void reserve();
  void begin_tile(std::size_t index, PackedBatch batch);
  void project(std::size_t index, std::size_t layer, RowScratch& scratch) const;

  Layout const& layout_;
  Weights const& weights_;
  PackedAdapters const& adapters_;
  Workspace::Buffers& memory_;
  ThreadPool& pool_;
  bool keep_;
};

}  // namespace grove::nn::cpu::detail
