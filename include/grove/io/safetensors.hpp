// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "grove/io/dtype.hpp"
#include "grove/io/mapped_file.hpp"

namespace grove::io {

/// One entry of a safetensors header.
struct TensorInfo {
  std::string name;
  DType dtype;
  std::vector<std::size_t> shape;  ///< row-major; empty for a scalar
  std::size_t begin = 0;           ///< byte offsets into the data section
  std::size_t end = 0;

  /// Product of the shape; it cannot overflow in a checked header.
  std::size_t elements() const { return (end - begin) / size_of(dtype); }
};

/// A shape as text, such as "[2,3]".
std::string shape_text(std::vector<std::size_t> const& shape);

/// Pairs of strings that a file carries beside its tensors, in the order of the file.
using TensorMetadata = std::vector<std::pair<std::string, std::string>>;

/// What a safetensors header says.
struct TensorHeader {
  std::vector<TensorInfo> tensors;  ///< in the order of the header
  TensorMetadata metadata;
  std::size_t data_begin = 0;  ///< where the data section starts in the file
};

/// Reads and checks the header of a whole safetensors file: lengths, types, shapes, and offsets that cover the data
/// section exactly once. Errors name `source`, the tensor, and what was expected.
/// Source: https://huggingface.co/docs/safetensors (the format is a length, a JSON header and the data).
TensorHeader parse_safetensors(std::span<const std::byte> file, std::string const& source);

/// A tensor in a mapped file. Valid as long as the SafetensorsFile or WeightFolder it came from. The bytes need not be
/// aligned for their type.
struct TensorRef {
  TensorInfo const* info;
  std::span<const std::byte> bytes;
  std::string const* file;  ///< path, for messages
};

/// One memory-mapped `*.safetensors` file. Moves, does not copy.
class SafetensorsFile {
 public:
  /// Maps the file and checks its header; the data is not touched.
  static SafetensorsFile open(std::string path);

  std::string const& path() const { return *path_; }
  std::span<const TensorInfo> tensors() const { return header_.tensors; }
  TensorMetadata const& metadata() const { return header_.metadata; }

  /// The tensor of that name, or null.
  TensorInfo const* find(std::string_view name) const;

  /// The bytes of one of this file's tensors.
  std::span<const std::byte> bytes(TensorInfo const& info) const {
    return file_.bytes().subspan(header_.data_begin + info.begin, info.end - info.begin);
  }

  /// See MappedFile.
  void forget() const noexcept { file_.forget(); }

  TensorRef ref(TensorInfo const& info) const { return {&info, bytes(info), path_.get()}; }

 private:
  std::unique_ptr<std::string const> path_;  // its address outlives moves, for TensorRef
  MappedFile file_;
  TensorHeader header_;
  std::unordered_map<std::string_view, std::size_t> index_;  // keys point into header_, whose elements do not move
};

/// Copies a floating tensor (F32, BF16, F16; every value is exact in f32) to `out`. Throws where the type is another
/// one or `out` has not exactly `elements()` places.
void read_f32(TensorRef tensor, std::span<float> out);

/// A tensor to be written: the bytes are little-endian, row-major.
struct TensorView {
  std::string name;
  DType dtype;
  std::vector<std::size_t> shape;
  std::span<const std::byte> bytes;
};

/// Writes a safetensors file atomically (see AtomicFile). Tensors of wide types come first, so that every one is
/// aligned; apart from that the order is kept. transformers wants the metadata {"format": "pt"}, the default.
void write_safetensors(std::string const& path, std::span<const TensorView> tensors,
                       TensorMetadata const& metadata = {{"format", "pt"}});

/// The elements of a tensor in bf16, rounded as f32_to_bf16 does.
std::vector<std::uint16_t> to_bf16(std::span<const float> values);

}  // namespace grove::io
