// SPDX-License-Identifier: Apache-2.0
// The memory of one forward or forward and backward pass over a packed batch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "grove/nn/cpu/decoder.hpp"
#include "grove/nn/cpu/decoder_rows.hpp"

namespace grove::nn::cpu {

namespace detail {

/// Scratch for as many tasks as run at a time.
class ScratchPool {
 public:
  /// Holds one RowScratch until it is destroyed.
  class Lease {
   public:
    explicit Lease(ScratchPool& pool) : pool_(pool), scratch_(pool.take()) {}
    ~Lease() { pool_.give(std::move(scratch_)); }
    Lease(Lease const&) = delete;
    Lease& operator=(Lease const&) = delete;
    RowScratch& operator*() const noexcept { return *scratch_; }
    RowScratch* operator->() const noexcept { return scratch_.get(); }

   private:
    ScratchPool& pool_;
    std::unique_ptr<RowScratch> scratch_;
  };

 private:
  std::unique_ptr<RowScratch> take();
  void give(std::unique_ptr<RowScratch> scratch);

  std::mutex mutex_;
  std::vector<std::unique_ptr<RowScratch>> free_;
};

/// A packed batch cut into tiles of rows, and pages for the keys and values of two layers: while some tasks read those
/// of one, others already write those of the next.
class PackedRows {
 public:
  static constexpr std::size_t tile_rows = 64;

  void set(PackedBatch batch, Layout const& layout, FloatBuffer& pages);

  [[nodiscard]] std::size_t rows() const noexcept { return positions_.size(); }
  [[nodiscard]] std::size_t tiles() const noexcept { return (rows() + tile_rows - 1) / tile_rows; }
  [[nodiscard]] std::size_t begin(std::size_t tile) const noexcept { return tile * tile_rows; }
  [[nodiscard]] std::size_t count(std::size_t tile) const noexcept { return std::min(tile_rows, rows() - begin(tile)); }
  [[nodiscard]] std::span<std::size_t const> positions() const noexcept { return positions_; }

  /// The runs of a tile, with the pages of the layer's parity.
  [[nodiscard]] std::span<RowRun const> runs(std::size_t tile, std::size_t layer) const noexcept {
    return std::span(runs_[layer % 2]).subspan(first_run_[tile], first_run_[tile + 1] - first_run_[tile]);
  }

 private:
  std::vector<std::size_t> positions_;  // rotary position of each row
  std::vector<std::size_t> first_run_;
  std::vector<float*> pages_[2];
  std::vector<RowRun> runs_[2];
};

/// What the head needs again on the way back.
struct HeadMemory {
  FloatBuffer x, normed, inverse, logits, gradient, statistics, outputs, wanted;
  std::size_t projected = 0;  ///< rows whose logits were computed
};

}  // namespace detail

struct Workspace::Buffers {
  detail::ScratchPool scratch;
  detail::PackedRows packed;
  detail::FloatBuffer pages, angles;
  detail::FloatBuffer x, qkv, raw, attention, statistics, middle, gate_up;  ///< forward; all layers where kept
  detail::FloatBuffer dx, dmiddle, dnext, dattention, dqkv, dgate_up, dnormed, normed, dmlp_normed, mlp_normed, product,
      inverse, low, dlow;  ///< backward, one layer
  detail::HeadMemory head;
};

}  // namespace grove::nn::cpu
