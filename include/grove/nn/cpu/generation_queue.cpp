// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/generation_queue.hpp"

#include <algorithm>
#include <utility>

namespace grove::nn::cpu::detail {

void GenerationQueue::skip_finished() {
  while (request_ < requests_.size() && sample_ == requests_[request_].samples) {
    ++request_;
    sample_ = 0;
  }
}

bool GenerationQueue::empty() {
  std::lock_guard const lock(mutex_);
  skip_finished();
  return request_ == requests_.size();
}

std::optional<GenerationUnit> GenerationQueue::take(std::size_t samples, Room const& room) {
  std::lock_guard const lock(mutex_);
  skip_finished();
  if (request_ == requests_.size()) return std::nullopt;
  std::uint32_t const left = requests_[request_].samples - sample_;
  std::size_t most = std::min<std::size_t>(left, samples);
  if (room && most > 0) most = std::min(most, room(request_, most));
  if (most == 0) return std::nullopt;
  auto const count = static_cast<std::uint32_t>(most);
  GenerationUnit const unit{request_, sample_, count, count == left};
  sample_ += count;
  return unit;
}

GenerationOutlet::GenerationOutlet(std::span<GenerationRequest const> requests, Delivery delivery,
                                   GenerationSink const& sink)
    : requests_(requests), delivery_(delivery), sink_(sink) {
  std::size_t total = 0;
  for (GenerationRequest const& request : requests) {
    offsets_.push_back(total);
    total += request.samples;
  }
}

void GenerationOutlet::deliver(std::size_t request, std::uint32_t sample, Completion&& completion) {
  std::lock_guard const lock(mutex_);
  std::size_t const place = offsets_[request] + sample;
  if (delivery_ == Delivery::AsFinished) return pass_on(request, sample, std::move(completion));
  waiting_.emplace(place, Waiting{request, sample, std::move(completion)});
  while (!waiting_.empty() && waiting_.begin()->first == next_) {
    Waiting due = std::move(waiting_.extract(waiting_.begin()).mapped());
    ++next_;
    pass_on(due.request, due.sample, std::move(due.completion));
  }
}

void GenerationOutlet::pass_on(std::size_t request, std::uint32_t sample, Completion&& completion) {
  GenerationRequest const& from = requests_[request];
  sink_({request, from.id, from.first_sample + sample, std::move(completion)});
}

}  // namespace grove::nn::cpu::detail
