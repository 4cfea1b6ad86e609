// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/kv_cache.hpp"

#include <algorithm>
#include <string>

#include "grove/error.hpp"

namespace grove::nn::cpu {
namespace {

constexpr std::size_t line = 16;  // floats

}  // namespace

KvCache::KvCache(KvShape shape) : shape_(shape) {}

KvCache::Slot KvCache::open(std::size_t first_position) {
  Slot slot = static_cast<Slot>(sequences_.size());
  if (free_slots_.empty()) {
    sequences_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  sequences_[slot].open = true;
  sequences_[slot].first_position = first_position;
  return slot;
}

KvCache::Slot KvCache::fork(Slot parent) {
  check_room(fork_pages(parent));
  Slot const slot = open(sequence(parent).first_position);
  Sequence const& from = sequences_[parent];
  Sequence& to = sequences_[slot];
  std::size_t const full = from.length / KvShape::page_tokens;
  for (std::size_t p = 0; p < full; ++p) {
    ++shared_[from.pages[p]];
    to.pages.push_back(from.pages[p]);
  }
  if (from.length % KvShape::page_tokens != 0) {
    float* const page = acquire();
    std::copy_n(from.pages[full], shape_.page_floats(), page);
    to.pages.push_back(page);
  }
  to.length = from.length;
  return slot;
}

void KvCache::close(Slot slot) {
  Sequence& closing = sequence(slot);
  for (float* page : closing.pages) release(page);
  closing.pages.clear();
  closing.length = 0;
  closing.open = false;
  free_slots_.push_back(slot);
}

void KvCache::extend(Slot slot, std::size_t tokens) {
  check_room(extend_pages(slot, tokens));
  Sequence& growing = sequence(slot);
  growing.length += tokens;
  while (growing.pages.size() < KvShape::pages(growing.length)) growing.pages.push_back(acquire());
}

KvCache::Sequence const& KvCache::sequence(Slot slot) const {
  if (slot >= sequences_.size() || !sequences_[slot].open) {
    throw Error("KvCache", "slot " + std::to_string(slot) + " is not in use");
  }
  return sequences_[slot];
}

void KvCache::trim(std::size_t keep) {
  if (pages_in_use_ > 0 || held_pages_ * page_stride() * sizeof(float) <= keep) return;
  free_pages_.clear();
  blocks_.clear();
  held_pages_ = 0;
}

void KvCache::limit(std::size_t pages) {
  if (pages_in_use_ > 0) throw Error("KvCache", "a limit while sequences are open", "none open");
  limit_ = pages;
  if (pages != 0 && held_pages_ > pages) trim(0);
}

void KvCache::check_room(std::size_t pages) const {
  if (pages > free_pages()) {
    throw Error("KvCache", std::to_string(pages) + " more pages",
                "at most the " + std::to_string(free_pages()) + " that are free of " + std::to_string(limit_));
  }
}

std::size_t KvCache::page_stride() const noexcept {
  return std::max(line, (shape_.page_floats() + line - 1) / line * line);
}

std::size_t KvCache::block_pages() const noexcept {
  return std::max<std::size_t>(1, (std::size_t{4} << 20U) / (page_stride() * sizeof(float)));
}

// Pages begin as zeros, since kernels read a page whole and ignore what no token has written yet.
float* KvCache::acquire() {
  if (free_pages_.empty()) {
    std::size_t const stride = page_stride();
    std::size_t const most = limit_ == 0 ? block_pages() : limit_ - held_pages_;
    std::size_t const count = std::min(block_pages(), most);
    blocks_.emplace_back(new float[count * stride + line]);
    void* begin = blocks_.back().get();
    std::size_t space = (count * stride + line) * sizeof(float);
    auto* const first =
        static_cast<float*>(std::align(line * sizeof(float), count * stride * sizeof(float), begin, space));
    for (std::size_t i = count; i-- > 0;) free_pages_.push_back(first + i * stride);
    held_pages_ += count;
  }
  float* const page = free_pages_.back();
  free_pages_.pop_back();
  std::fill_n(page, shape_.page_floats(), 0.0F);
  ++pages_in_use_;
  return page;
}

void KvCache::release(float* page) noexcept {
  if (auto const found = shared_.find(page); found != shared_.end()) {
    if (--found->second == 0) shared_.erase(found);
    return;
  }
  free_pages_.push_back(page);
  --pages_in_use_;
}

}  // namespace grove::nn::cpu
