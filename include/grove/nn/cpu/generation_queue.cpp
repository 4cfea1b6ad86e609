// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/generation_queue.hpp"

#include <algorithm>
#include <utility>

namespace grove::nn::cpu::detail {

std::optional<GenerationUnit> GenerationQueue::take(std::size_t samples) {
  std::lock_guard const lock(mutex_);
  while (request_ < requests_.size() && sample_ == requests_[request_].samples) {
    ++request_;
    sample_ = 0;
  }
  if (request_ == requests_.size() || samples == 0) return std::nullopt;
  std::uint32_t const left = requests_[request_].samples - sample_;
  auto const count = static_cast<std::uint32_t>(std::min<std::size_t>(left, samples));
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
