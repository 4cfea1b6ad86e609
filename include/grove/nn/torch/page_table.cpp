// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/torch/page_table.hpp"

#include <algorithm>
#include <string>

#include "grove/error.hpp"

namespace grove::nn::torch::detail {

PageTable::Sequence const& PageTable::at(Slot slot) const {
  if (slot >= sequences_.size() || !sequences_[slot].open)
    throw Error("DecodeSession", "slot " + std::to_string(slot) + " holds no sequence", "a slot that is open");
  return sequences_[slot];
}

PageTable::Slot PageTable::take() {
  auto const free = std::ranges::find(sequences_, false, &Sequence::open) - sequences_.begin();
  if (static_cast<std::size_t>(free) == sequences_.size()) sequences_.emplace_back();
  return static_cast<Slot>(free);
}

PageTable::Page PageTable::acquire() {
  if (free_.empty()) {
    users_.push_back(1);
    return static_cast<Page>(users_.size() - 1);
  }
  Page const page = free_.back();
  free_.pop_back();
  users_[static_cast<std::size_t>(page)] = 1;
  return page;
}

void PageTable::check_room(std::size_t pages) const {
  if (pages > free_pages())
    throw Error("DecodeSession", std::to_string(pages) + " more pages of keys and values",
                "at most the " + std::to_string(free_pages()) + " that are free of " + std::to_string(limit_));
}

PageTable::Slot PageTable::open(std::size_t first_position) {
  Slot const slot = take();
  sequences_[slot] = {.open = true, .first_position = first_position};
  return slot;
}

PageTable::Fork PageTable::fork(Slot parent) {
  check_room(fork_pages(parent));
  auto const from = at(parent);
  Fork result{.slot = take()};
  auto& sequence = sequences_[result.slot];
  sequence = from;
  if (from.length % page_tokens != 0) {
    sequence.pages.back() = acquire();
    result.copy = Copy{from.pages.back(), sequence.pages.back()};
  }
  for (std::size_t i = 0; i < from.length / page_tokens; ++i) ++users_[static_cast<std::size_t>(from.pages[i])];
  return result;
}

void PageTable::extend(Slot slot, std::size_t tokens) {
  check_room(extend_pages(slot, tokens));
  auto& sequence = sequences_[slot];
  sequence.length += tokens;
  while (sequence.pages.size() < pages_of(sequence.length)) sequence.pages.push_back(acquire());
}

void PageTable::close(Slot slot) {
  for (Page const page : at(slot).pages)
    if (--users_[static_cast<std::size_t>(page)] == 0) free_.push_back(page);
  sequences_[slot] = {};
}

}  // namespace grove::nn::torch::detail
