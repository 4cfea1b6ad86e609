// SPDX-License-Identifier: Apache-2.0
// The sizes that decode steps are padded to, and which steps are worth recording: a recorded step has fixed sizes and
// fixed addresses.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>

namespace grove::nn::torch::detail {

/// Tokens of a step, and pages of the longest sequence among theirs.
struct StepShape {
  std::size_t rows = 0;
  std::size_t pages = 0;
  bool prompt = false;  ///< ends with hidden states, of which few are wanted, in place of logits
  friend bool operator==(StepShape const&, StepShape const&) = default;
  friend bool operator<(StepShape const& a, StepShape const& b) {
    return std::tuple(a.prompt, a.rows, a.pages) < std::tuple(b.prompt, b.rows, b.pages);
  }
};

/// The least n that is one of the buckets: 1, 2, 4, 8, then multiples of 8 up to 64, of 32 up to 256, of 128 beyond.
constexpr std::size_t row_bucket(std::size_t rows) {
  if (rows <= 8) return std::bit_ceil(rows);
  std::size_t const step = rows <= 64 ? 8 : rows <= 256 ? 32 : 128;
  return (rows + step - 1) / step * step;
}

/// Prompts go through the network in chunks of so many tokens, whoever's they are: what is computed of a prompt does
/// not depend on its neighbours.
inline constexpr std::size_t prompt_rows = 256;

/// The shape that a step of so many tokens is padded to. Pages come in powers of two from 16 on (256 tokens), so that a
/// growing sequence changes the shape rarely.
constexpr StepShape padded(StepShape needed) {
  return {needed.prompt ? prompt_rows : row_bucket(needed.rows), std::bit_ceil(std::max<std::size_t>(16, needed.pages)),
          needed.prompt};
}

enum class StepMode : std::uint8_t {
  Run,     ///< the first time: libraries choose their algorithms and take their memory
  Record,  ///< the second time
  Replay,
};

/// What to do with the next step of a shape. Recordings are void once memory that they read has moved, which a new
/// `epoch` says; the caller then drops them.
class StepSchedule {
 public:
  StepMode next(StepShape const& shape, std::uint64_t epoch) {
    if (epoch != epoch_) seen_.clear();
    epoch_ = epoch;
    auto& seen = seen_[shape];
    if (seen == 2) return StepMode::Replay;
    return ++seen == 1 ? StepMode::Run : StepMode::Record;
  }
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }

 private:
  std::uint64_t epoch_ = 0;
  std::map<StepShape, unsigned> seen_;
};

}  // namespace grove::nn::torch::detail
