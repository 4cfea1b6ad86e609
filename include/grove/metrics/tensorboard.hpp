// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace grove::metrics {

/// A named number of one step.
struct Scalar {
  std::string_view tag;
  double value;  ///< stored as f32, as TensorBoard does
};

/// Writes scalars as TensorBoard's event files: one file `events.out.tfevents.TIME...` per writer, flushed after each
/// step. Does not copy. Source: tensorflow's record_writer.cc (framing) and event.proto, summary.proto (messages).
class TensorBoardWriter {
 public:
  /// Creates the folder where needed and a new file in it. With `first_step`, what other files of the folder say about
  /// that step and later ones is void: a resumed run writes those again.
  explicit TensorBoardWriter(std::string const& folder, std::optional<std::uint64_t> first_step = std::nullopt);

  void write(std::uint64_t step, std::span<const Scalar> scalars);

  std::string const& path() const { return path_; }

 private:
  void append(std::string const& event);

  std::string path_;
  std::ofstream file_;
};

namespace detail {

/// One record of a TFRecord file: length, its checksum, the bytes, their checksum.
std::string tf_record(std::string_view bytes);

/// Event messages: the scalars of a step, the first event of a file, and the one that voids later steps.
std::string scalar_event(double wall_time, std::uint64_t step, std::span<const Scalar> scalars);
std::string version_event(double wall_time);
std::string restart_event(double wall_time, std::uint64_t first_step);

}  // namespace detail
}  // namespace grove::metrics
