// SPDX-License-Identifier: Apache-2.0
// Which pages of a pool hold the keys and values of which sequence. Numbers only: the pool is whoever asks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace grove::nn::torch::detail {

class PageTable {
 public:
  using Slot = std::uint32_t;
  using Page = std::int32_t;
  static constexpr std::size_t page_tokens = 16;

  [[nodiscard]] static constexpr std::size_t pages_of(std::size_t tokens) noexcept {
    return (tokens + page_tokens - 1) / page_tokens;
  }

  /// A new sequence without tokens, whose first will stand at `first_position` for the rotary embedding. Takes the
  /// lowest free slot.
  Slot open(std::size_t first_position = 0);

  /// A page that the caller copies to another.
  struct Copy {
    Page from = 0, to = 0;
  };
  struct Fork {
    Slot slot = 0;
    std::optional<Copy> copy{};  ///< of the page that is not full
  };
  /// A sequence that goes on from `parent`'s present end: full pages are shared.
  Fork fork(Slot parent);

  /// Room for so many more tokens.
  void extend(Slot slot, std::size_t tokens = 1);
  /// Pages that nobody else uses are used again.
  void close(Slot slot);

  /// At most so many pages from now on; 0: as many as it takes. What would need more is refused with a grove::Error and
  /// changes nothing.
  void limit(std::size_t pages) { limit_ = pages; }
  /// Pages that may still come into use: without a limit the largest number there is.
  [[nodiscard]] std::size_t free_pages() const noexcept {
    return limit_ == 0 ? static_cast<std::size_t>(-1) : limit_ - std::min(limit_, pages_in_use());
  }
  /// Pages that `extend` and `fork` would take.
  [[nodiscard]] std::size_t extend_pages(Slot slot, std::size_t tokens) const {
    return pages_of(length(slot) + tokens) - pages(slot).size();
  }
  [[nodiscard]] std::size_t fork_pages(Slot slot) const { return length(slot) % page_tokens == 0 ? 0 : 1; }

  [[nodiscard]] std::size_t length(Slot slot) const { return at(slot).length; }
  [[nodiscard]] std::size_t first_position(Slot slot) const { return at(slot).first_position; }
  [[nodiscard]] std::span<Page const> pages(Slot slot) const { return at(slot).pages; }

  /// How many pages the pool must have: all that were ever in use.
  [[nodiscard]] std::size_t pool() const noexcept { return users_.size(); }
  [[nodiscard]] std::size_t pages_in_use() const noexcept { return users_.size() - free_.size(); }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

 private:
  struct Sequence {
    bool open = false;
    std::size_t length = 0;
    std::size_t first_position = 0;
    std::vector<Page> pages{};
  };

  [[nodiscard]] Sequence const& at(Slot slot) const;  // throws grove::Error where the slot is not in use
  Slot take();
  Page acquire();
  void check_room(std::size_t pages) const;

  std::vector<Sequence> sequences_;
  std::vector<std::uint32_t> users_;  // of each page
  std::vector<Page> free_;
  std::size_t limit_ = 0;
};

}  // namespace grove::nn::torch::detail
