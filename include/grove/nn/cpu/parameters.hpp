// SPDX-License-Identifier: Apache-2.0
// The weights of a decoder under their Hugging Face names, in one buffer of f32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grove/io/dtype.hpp"
#include "grove/io/model_config.hpp"
#include "grove/io/weight_folder.hpp"
#include "grove/nn/cpu/adapters.hpp"

namespace grove::nn::cpu {

/// Values for every weight of a model, or gradients of the same layout. Weights that one product reads stand side by
/// side: q, k and v (and their biases), gate and up. Tied embeddings are stored once.
class Parameters {
 public:
  struct Entry {
    std::string name;
    std::vector<std::size_t> shape;
    std::size_t size = 0;    ///< number of elements
    std::size_t offset = 0;  ///< of the first in values()
  };

  /// All zero. Throws grove::Error for a configuration without layers or with sizes of 0.
  explicit Parameters(io::ModelConfig config);

  /// Reads F32, BF16 or F16 tensors. Throws grove::Error naming file and tensor where one is missing, has another shape
  /// or type, or is not the model's. As in transformers, `lm_head.weight` is ignored where embeddings are tied, and so
  /// are the frequencies (`rotary_emb.inv_freq`) that old checkpoints carry.
  static Parameters load(io::WeightFolder const& folder, io::ModelConfig const& config);

  /// The weights that a configuration has, without values. Throws as the constructor does.
  static std::vector<Entry> list(io::ModelConfig const& config);
  /// Throws grove::Error for a tensor that is none of these, as `load` does.
  static void check_names(io::WeightFolder const& folder, io::ModelConfig const& config,
                          std::span<Entry const> entries);

  /// Writes config.json, generation_config.json and model.safetensors (F32, BF16 or F16, rounded to nearest even) into
  /// a folder, made if need be; transformers loads it. Each file appears whole or not at all.
  /// With adapters, W + scale B A is written in place of each W that has one.
  void save(std::filesystem::path const& folder, io::DType dtype, Adapters const* merged = nullptr) const;

  /// Random weights as transformers makes them: norms 1, biases 0, everything else normal with standard deviation 0.02.
  /// A weight depends on the seed and its place only.
  void initialise(std::uint64_t seed);

  /// Rounds every value to bfloat16, to nearest even.
  void round_to_bf16();

  [[nodiscard]] io::ModelConfig const& config() const noexcept { return config_; }
  [[nodiscard]] std::span<Entry const> entries() const noexcept { return entries_; }
  [[nodiscard]] std::span<float> values() noexcept { return values_; }
  [[nodiscard]] std::span<float const> values() const noexcept { return values_; }

  /// The values of one entry. Throws grove::Error where there is none of that name.
  [[nodiscard]] std::span<float> operator[](std::string_view name);
  [[nodiscard]] std::span<float const> operator[](std::string_view name) const;

 private:
  /// A weight with its adapter, or nothing where it has none.
  [[nodiscard]] std::vector<float> merged_with(Adapters const& adapters, Entry const& entry) const;
  [[nodiscard]] Entry const& entry(std::string_view name) const;

  io::ModelConfig config_;
  std::vector<Entry> entries_;
  std::vector<float> values_;
};

}  // namespace grove::nn::cpu
