// SPDX-License-Identifier: Apache-2.0
// Keys and values of earlier tokens, in pages of 16 tokens. A page holds all layers of its tokens, so a sequence is one
// list of page addresses and a prefix is shared by sharing pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace grove::nn::cpu {

/// Where things lie in a page: for each layer, for each key/value head, the keys transposed `[head_dim, 16]` (sixteen
/// keys are scored at once) and then the values `[16, value_stride]`. All counts are in floats.
struct KvShape {
  static constexpr std::size_t page_tokens = 16;

  std::size_t layers = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;

  [[nodiscard]] constexpr std::size_t value_stride() const noexcept { return (head_dim + 15) / 16 * 16; }
  [[nodiscard]] constexpr std::size_t key_floats() const noexcept { return head_dim * page_tokens; }
  [[nodiscard]] constexpr std::size_t head_floats() const noexcept {
    return key_floats() + page_tokens * value_stride();
  }
  [[nodiscard]] constexpr std::size_t layer_floats() const noexcept { return kv_heads * head_floats(); }
  [[nodiscard]] constexpr std::size_t page_floats() const noexcept { return layers * layer_floats(); }
  [[nodiscard]] constexpr std::size_t page_bytes() const noexcept { return page_floats() * sizeof(float); }
  [[nodiscard]] static constexpr std::size_t pages(std::size_t tokens) noexcept {
    return (tokens + page_tokens - 1) / page_tokens;
  }
};

/// The pages of many sequences that grow token by token and share prefixes. For one thread at a time.
class KvCache {
 public:
  using Slot = std::uint32_t;

  explicit KvCache(KvShape shape);

  [[nodiscard]] KvShape const& shape() const noexcept { return shape_; }

  /// A new, empty sequence whose first token will stand at `first_position` (for the rotary embedding).
  Slot open(std::size_t first_position = 0);

  /// A new sequence that continues `parent` from its present length: full pages are shared, the last part is copied.
  Slot fork(Slot parent);

  /// Forgets a sequence; its number and the pages nobody else uses are used again.
  void close(Slot slot);

  /// Makes room for `tokens` more positions and counts them as present; the caller writes them.
  void extend(Slot slot, std::size_t tokens);

  [[nodiscard]] std::size_t length(Slot slot) const { return sequence(slot).length; }
  [[nodiscard]] std::size_t first_position(Slot slot) const { return sequence(slot).first_position; }
  [[nodiscard]] std::span<float* const> pages(Slot slot) const { return sequence(slot).pages; }

  /// Gives memory back to the system where no sequence is open and more is held than `keep` bytes.
  void trim(std::size_t keep);

  /// At most so many pages from now on; 0: as many as it takes. Wants no open sequence. What would need more is refused
  /// with a grove::Error and changes nothing.
  void limit(std::size_t pages);

  /// Pages that may still come into use: without a limit the largest number there is.
  [[nodiscard]] std::size_t free_pages() const noexcept {
    return limit_ == 0 ? static_cast<std::size_t>(-1) : limit_ - pages_in_use_;
  }

  /// Pages that `extend` and `fork` would take.
  [[nodiscard]] std::size_t extend_pages(Slot slot, std::size_t tokens) const {
    return KvShape::pages(length(slot) + tokens) - pages(slot).size();
  }
  [[nodiscard]] std::size_t fork_pages(Slot slot) const { return length(slot) % KvShape::page_tokens == 0 ? 0 : 1; }

  /// How many pages sequences use now.
  [[nodiscard]] std::size_t pages_in_use() const noexcept { return pages_in_use_; }

 private:
  struct Sequence {
    bool open = false;
    std::size_t length = 0;
    std::size_t first_position = 0;
    std::vector<float*> pages;
  };

  [[nodiscard]] Sequence const& sequence(Slot slot) const;  // throws grove::Error where the slot is not in use
  [[nodiscard]] Sequence& sequence(Slot slot) { return const_cast<Sequence&>(std::as_const(*this).sequence(slot)); }
  [[nodiscard]] std::size_t page_stride() const noexcept;  // floats
  [[nodiscard]] std::size_t block_pages() const noexcept;
  void check_room(std::size_t pages) const;
  float* acquire();
  void release(float* page) noexcept;

  KvShape shape_;
  std::vector<Sequence> sequences_;
  std::vector<Slot> free_slots_;
  std::vector<std::unique_ptr<float[]>> blocks_;
  std::vector<float*> free_pages_;
  std::unordered_map<float*, std::uint32_t> shared_;  // how many sequences beyond the first use a page
  std::size_t pages_in_use_ = 0;
  std::size_t held_pages_ = 0;  // in blocks_
  std::size_t limit_ = 0;
};

}  // namespace grove::nn::cpu
