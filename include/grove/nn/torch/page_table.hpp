// SPDX-License-Identifier: Apache-2.0
// Which pages of a pool hold the keys and values of which sequence. Numbers only: the pool is whoever asks.
#pragma once

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

  /// A new sequence of `tokens` tokens, the first at `first_position` for the rotary embedding. Takes the lowest free
  /// slot.
  Slot open(std::size_t tokens, std::size_t first_position = 0);

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

  /// Room for one more token.
  void extend(Slot slot);
  /// Pages that nobody else uses are used again.
  void close(Slot slot);

  [[nodiscard]] std::size_t length(Slot slot) const { return at(slot).length; }
  /// Of the last token.
  [[nodiscard]] std::size_t position(Slot slot) const { return at(slot).first_position + at(slot).length - 1; }
  [[nodiscard]] std::span<Page const> pages(Slot slot) const { return at(slot).pages; }

  /// How many pages the pool must have: all that were ever in use.
  [[nodiscard]] std::size_t pool() const noexcept { return users_.size(); }
  [[nodiscard]] std::size_t pages_in_use() const noexcept { return users_.size() - free_.size(); }

 private:
  struct Sequence {
    std::size_t length = 0;  // 0: the slot is free
    std::size_t first_position = 0;
    std::vector<Page> pages{};
  };

  [[nodiscard]] Sequence const& at(Slot slot) const;  // throws grove::Error where the slot is not in use
  Slot take();
  Page acquire();

  std::vector<Sequence> sequences_;
  std::vector<std::uint32_t> users_;  // of each page
  std::vector<Page> free_;
};

}  // namespace grove::nn::torch::detail
