// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "grove/io/safetensors.hpp"

namespace grove::io {

/// The weights of a Hugging Face folder: `model.safetensors`, else the shards that `model.safetensors.index.json`
/// names. Moves, does not copy.
class WeightFolder {
 public:
  /// Maps every file and checks that the index and the shards say the same. Errors name the file and the tensor.
  static WeightFolder open(std::string const& folder);

  /// The tensor of that name, or none.
  std::optional<TensorRef> find(std::string_view name) const;

  /// The tensor of that name and shape; an error names the folder, the tensor and the shape otherwise.
  TensorRef require(std::string_view name, std::vector<std::size_t> const& shape) const;

  /// All names, in the order of the files and of the headers.
  std::vector<std::string> const& names() const { return names_; }

  /// See MappedFile.
  void forget() const noexcept {
    for (auto const& shard : shards_) shard.forget();
  }

  /// The file to name in messages: `model.safetensors` or the index.
  std::string const& path() const { return path_; }

 private:
  void add_shard(std::string const& path);

  std::string path_;
  std::vector<SafetensorsFile> shards_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> shard_of_;
};

}  // namespace grove::io
