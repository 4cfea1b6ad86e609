// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "grove/nn/cpu/decoder.hpp"
#include "grove/nn/cpu/decoder_workspace.hpp"

namespace grove::nn::cpu::detail {

/// What stays in the buffers for the way back: nothing, each layer's input besides all of the last layer (Buffers of
/// one layer, which `repeat` fills for the others), or all of all layers.
enum class Keep { Nothing, Inputs, All };

/// All layers over a packed batch. A task is a tile of rows: attention and MLP of one layer, then the projections of
/// the next, so the threads wait for each other once a layer.
template <class Variant>
class ForwardPass {
 public:
  ForwardPass(Layout const& layout, Weights const& weights, PackedAdapters const& adapters, Workspace& workspace,
              Keep keep)
      : layout_(layout),
        weights_(weights),
        adapters_(adapters),
        memory_(workspace.buffers()),
        pool_(workspace.pool()),
        keep_(keep) {}

  /// Returns the hidden states `[tokens, hidden]` before the final norm.
  float const* run(PackedBatch batch);

  /// Makes what `rows(layer, ...)` names that layer's, computed again from its input where only that was kept. The
  /// layer's output stays as it is.
  void repeat(std::size_t layer) const;

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
  Keep keep_;
};

}  // namespace grove::nn::cpu::detail
