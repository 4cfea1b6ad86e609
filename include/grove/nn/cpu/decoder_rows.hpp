// SPDX-License-Identifier: Apache-2.0
// A layer's forward pass over a tile of rows (tokens of any sequences). Training, scoring and decoding all come here,
// which is why they agree bit for bit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "grove/nn/cpu/attention.hpp"
#include "grove/nn/cpu/decoder_layout.hpp"
#include "grove/nn/cpu/gemm.hpp"
#include "grove/nn/cpu/matrix.hpp"
#include "grove/nn/cpu/ops.hpp"
#include "grove/nn/cpu/packed_adapters.hpp"
#include "grove/nn/cpu/thread_pool.hpp"
#include "grove/token_id.hpp"

namespace grove::nn::cpu::detail {

/// Uninitialised floats that grow and are used again.
class FloatBuffer {
 public:
  /// Room for `n` floats; what was there is lost when it grows.
  float* reserve(std::size_t n) {
    if (n > size_) {
      buffer_.resize(n * sizeof(float));
      size_ = n;
    }
    return data();
  }
  [[nodiscard]] float* data() const noexcept { return reinterpret_cast<float*>(buffer_.data()); }

 private:
  AlignedBuffer buffer_;
  std::size_t size_ = 0;
};

/// Consecutive tokens of one sequence, and its pages. The keys of layer l and head h stand at
/// pages[p] + l * layer_floats + h * head_floats (with l = 0 where pages hold one layer only).
struct RowRun {
  float* const* pages = nullptr;
  std::size_t first = 0;  ///< index in the sequence
  std::size_t rows = 0;
};

/// The rows of a tile: the runs one after another, and [cosines | sines] of each row.
struct RowTile {
  std::span<RowRun const> runs;
  std::size_t rows = 0;
  float const* angles = nullptr;
};

/// The calling thread alone, or all threads of a pool.
class Threads {
 public:
  explicit Threads(ThreadPool* pool = nullptr) : pool_(pool) {}

  [[nodiscard]] std::size_t count() const noexcept { return pool_ == nullptr ? 1 : pool_->size(); }

  void multiply(float const* a, std::size_t m, PackedMatrix const& w, float* c, Epilogue epilogue = {}) const {
    multiply(a, m, w, c, w.outputs(), epilogue);
  }
  void multiply(float const* a, std::size_t m, PackedMatrix const& w, float* c, std::size_t ldc,
                Epilogue epilogue) const {
    if (pool_ == nullptr) return gemm_tile(a, w.depth(), m, w, 0, w.outputs(), c, ldc, epilogue);
    gemm(*pool_, a, w.depth(), m, w, c, ldc, epilogue);
  }

  /// f(part, begin, end) for parts of [0, n) of at least `grain`.
  template <class F>
  void split(std::size_t n, std::size_t grain, F&& f) const {
    std::size_t const parts = std::min(4 * count(), n / grain);
    if (pool_ == nullptr || parts < 2) return f(std::size_t{0}, std::size_t{0}, n);
    pool_->parallel_for(parts, [&](std::size_t part) { f(part, n * part / parts, n * (part + 1) / parts); });
  }
  [[nodiscard]] std::size_t parts() const noexcept { return pool_ == nullptr ? 1 : 4 * count(); }

 private:
  ThreadPool* pool_;
};

/// Memory that a tile needs on its way; nothing in it outlives a layer.
struct RowScratch {
  FloatBuffer x, normed, qkv, attention, gate_up, product, angles, scores, logits, gradient, low;
  std::vector<RowRun> runs;
  std::vector<RowRun> pieces;
};

/// What a layer reads and writes, each `[rows, its width]` from the tile's first row on.
struct LayerRows {
  float const* x = nullptr;     ///< [hidden] the layer's input
  float* qkv = nullptr;         ///< [qkv_width] normed, rotated
  float* raw = nullptr;         ///< [query_width + key_width] before head norms and rotation; null: not kept
  float* attention = nullptr;   ///< [query_width]
  float* statistics = nullptr;  ///< [2 * heads] of the softmaxes; null: not kept
  float* middle = nullptr;      ///< [hidden] between attention and MLP; may be x
  float* gate_up = nullptr;     ///< [2 * intermediate]
  float* out = nullptr;         ///< [hidden] the layer's output; may be x; null: not wanted
};

/// `Variant` says at compile time whether queries and keys have norms.
template <class Variant>
class LayerPass {
 public:
  /// `page_layer`: the layer's place in a page (0 where pages hold one layer). `adapters`: the layer's, or null.
  LayerPass(Layout const& layout, Weights const& weights, LayerAdapters const* adapters, std::size_t layer,
            std::size_t page_layer, Threads threads)
      : layout_(layout),
        weights_(weights.layers[layer]),
        adapters_(adapters),
        shape_(layout.attention[layer]),
        offset_(page_layer * layout.kv.layer_floats()),
        threads_(threads),
        ops_(row_ops()) {}

  /// From x to qkv, and keys and values into the pages.
  void project(RowTile const& tile, LayerRows const& rows, RowScratch& scratch) const;

  /// From qkv and pages to attention.
  void attend(RowTile const& tile, LayerRows const& rows, RowScratch& scratch) const;

  /// From x and attention to out.
  void finish(RowTile const& tile, LayerRows const& rows, RowScratch& scratch) const;

 private:
  void turn_heads(float* heads, std::size_t count, float const* norm, float const* angles) const;
  void store(RowTile const& tile, float const* qkv) const;
  void adapt(Projection projection, float const* x, std::size_t rows, float* y, std::size_t ldy,
             RowScratch& scratch) const;

  Layout const& layout_;
  LayerWeights const& weights_;
  LayerAdapters const* adapters_;
  AttentionShape const& shape_;
  std::size_t offset_;
  Threads threads_;
  RowOps const& ops_;
};

/// Rows of the embedding table.
void embed(Weights const& weights, std::size_t hidden, std::span<TokenId const> tokens, float* x);

}  // namespace grove::nn::cpu::detail
