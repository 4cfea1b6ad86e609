// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "grove/io/weight_folder.hpp"
#include "grove/nn/cpu/parameters.hpp"

namespace grove::nn::cpu {

/// Where weights are read from, in the order of Parameters::values(): parameters in memory, or the mapped files of a
/// checkpoint, piece by piece, so that no second copy of all of them is ever made. Refers to either.
class WeightSource {
 public:
  WeightSource(Parameters const& parameters);  // NOLINT(google-explicit-constructor): the usual source
  /// Throws grove::Error as Parameters::load does, but for a tensor's type, which is looked at when it is read.
  WeightSource(io::WeightFolder const& folder, io::ModelConfig const& config);

  [[nodiscard]] io::ModelConfig const& config() const noexcept { return config_; }
  [[nodiscard]] std::span<Parameters::Entry const> entries() const noexcept { return entries_; }
  [[nodiscard]] Parameters const* parameters() const noexcept { return parameters_; }
  [[nodiscard]] io::WeightFolder const* folder() const noexcept { return folder_; }

  /// Copies values [offset, offset + out.size()).
  void read(std::size_t offset, std::span<float> out) const;

  /// The same without a copy where they lie in memory; else in `scratch`.
  [[nodiscard]] std::span<float const> floats(std::size_t offset, std::size_t n, std::vector<float>& scratch) const;

  /// The same as bfloat16 bits where the files hold them as such (in `scratch`, if they do not lie side by side);
  /// otherwise empty.
  [[nodiscard]] std::span<std::uint16_t const> bf16(std::size_t offset, std::size_t n,
                                                    std::vector<std::uint16_t>& scratch) const;

 private:
  template <class F>
  void each_part(std::size_t offset, std::size_t n, F&& f) const;

  io::ModelConfig config_;
  Parameters const* parameters_ = nullptr;
  io::WeightFolder const* folder_ = nullptr;
  std::vector<Parameters::Entry> entries_;
  std::vector<io::TensorRef> tensors_;  // of a folder, one for each entry
};

}  // namespace grove::nn::cpu
