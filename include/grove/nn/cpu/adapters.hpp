// SPDX-License-Identifier: Apache-2.0
// Low-rank adapters (LoRA, arXiv 2106.09685, section 4.1) of a decoder's projections: y = W x + scale * B (A x), with
// A [rank, in] and B [out, rank]. The weights W stay as they are; A and B are what is trained.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grove/io/model_config.hpp"

namespace grove::nn::cpu {

enum class Projection : std::uint8_t { Query, Key, Value, Output, Gate, Up, Down };
inline constexpr std::size_t projections = 7;

/// The projections' names in Hugging Face models, in the order of the enumeration.
inline constexpr std::array<std::string_view, projections> projection_names = {
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};

/// Which projections have adapters, and how large they are.
struct AdapterShape {
  std::size_t rank = 16;
  double scale = 2;  ///< of B A
  std::array<bool, projections> targets{};

  [[nodiscard]] bool has(Projection p) const noexcept { return targets[static_cast<std::size_t>(p)]; }
  friend bool operator==(AdapterShape const&, AdapterShape const&) = default;
};

/// Inputs and outputs of a projection.
struct ProjectionSize {
  std::size_t in = 0;
  std::size_t out = 0;
};
ProjectionSize size_of(Projection projection, io::ModelConfig const& config);

/// Values of all adapters of a model, or their gradients in the same layout; f32.
class Adapters {
 public:
  struct Entry {
    std::string name;  ///< as in peft's files: base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight
    std::vector<std::size_t> shape;
    std::size_t size = 0;    ///< number of elements
    std::size_t offset = 0;  ///< of the first in values()
  };

  /// All zero. Throws grove::Error for a rank of 0 and where no projection is chosen.
  Adapters(io::ModelConfig const& config, AdapterShape shape);

  /// A uniform in [-1 / sqrt(in), 1 / sqrt(in)), B zero, as peft begins: at first the model says what it said without.
  /// A value depends on the seed and its place only.
  void initialise(std::uint64_t seed);

  [[nodiscard]] AdapterShape const& shape() const noexcept { return shape_; }
  [[nodiscard]] std::span<Entry const> entries() const noexcept { return entries_; }
  [[nodiscard]] std::span<float> values() noexcept { return values_; }
  [[nodiscard]] std::span<float const> values() const noexcept { return values_; }

  /// A `[rank, in]` and B `[out, rank]` of one projection, which must have an adapter.
  [[nodiscard]] std::span<float const> a(std::size_t layer, Projection projection) const {
    return part(entry(layer, projection));
  }
  [[nodiscard]] std::span<float const> b(std::size_t layer, Projection projection) const {
    return part(entry(layer, projection) + 1);
  }
  /// Where the two begin in values().
  [[nodiscard]] std::size_t offset_of_a(std::size_t layer, Projection projection) const {
    return entries_[entry(layer, projection)].offset;
  }
  [[nodiscard]] std::size_t offset_of_b(std::size_t layer, Projection projection) const {
    return entries_[entry(layer, projection) + 1].offset;
  }

 private:
  void add(std::string name, std::vector<std::size_t> shape);
  [[nodiscard]] std::size_t entry(std::size_t layer, Projection projection) const;
  [[nodiscard]] std::span<float const> part(std::size_t entry) const {
    return values().subspan(entries_[entry].offset, entries_[entry].size);
  }

  AdapterShape shape_;
  std::array<std::size_t, projections> place_{};  // of a projection among those of its layer that have adapters
  std::size_t of_layer_ = 0;                      // how many of them there are
  std::vector<Entry> entries_;                    // A, then B
  std::vector<float> values_;
};

}  // namespace grove::nn::cpu
