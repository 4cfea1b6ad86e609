// SPDX-License-Identifier: Apache-2.0
#include "grove/rollout/remote_sampler.hpp"

#include <charconv>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/optim/collectives.hpp"
#include "grove/optim/device_memory.hpp"
#include "grove/optim/shards.hpp"
#include "grove/rollout/trajectory_bytes.hpp"

namespace grove {
namespace {

constexpr std::size_t bucket_elements = std::size_t{1} << 20U;

std::vector<std::size_t> numbers(std::size_t begin, std::size_t end) {
  std::vector<std::size_t> list(end - begin);
  std::iota(list.begin(), list.end(), begin);
  return list;
}

}  // namespace

Placement Placement::parse(std::string const& text) {
  constexpr std::string_view split = "split:";
  Placement placement;
  if (text == "colocated") return placement;
  auto const* const end = text.data() + text.size();
  if (text.starts_with(split)) {
    auto const [at, error] = std::from_chars(text.data() + split.size(), end, placement.samplers);
    if (error == std::errc() && at == end && placement.samplers > 0) return placement;
  }
  throw Error("placement", "is '" + text + "'", "colocated, or split:K with K ranks that only sample");
}

void Placement::check(std::size_t ranks) const {
  if (samplers > 0 && samplers >= ranks)
    throw Error("placement",
                "split:" + std::to_string(samplers) + " of " + std::to_string(ranks) +
                    (ranks == 1 ? " rank leaves" : " ranks leaves") + " none to train",
                "more than " + std::to_string(samplers) + " ranks", "start more ranks, or choose colocated");
}

Split::Split(ProcessGroup all, Placement placement) : all_(std::move(all)), placement_(placement) {
  placement.check(all_.size());
  trainers_ = all_.size() - placement.samplers;
  auto const trainers = numbers(0, trainers_);
  auto with_weights = numbers(trainers_, all_.size());
  with_weights.insert(with_weights.begin(), 0);
  if (!samples()) training_ = all_.subgroup("trainers", trainers);
  if (samples() || all_.rank() == 0) weights_ = all_.subgroup("weights", with_weights);
}

Share Split::share() const {
  return samples() ? Share{all_.rank() - trainers_, placement_.samplers} : Share{all_.rank(), trainers_};
}

Split::Order Split::order(Order mine) {
  all_.broadcast(std::as_writable_bytes(std::span(&mine, 1)));
  return mine;
}

/// Bucket by bucket from rank 0 to those who sample; from device to device where the ranks reach both.
void Split::send_weights(SampledPolicy const& policy) {
  auto const parameters = policy.parameters();
  ShardLayout const layout(parameters, 1, bucket_elements);
  for (auto const& bucket : layout.buckets()) {
    auto const element = value_bytes(bucket.dtype);
    auto const send = [&](auto const& staged, auto const& copy_in, auto const& copy_out) {
      auto const each = [&](auto const& copy) {
        for (auto const& part : bucket.parts)
          copy(detail::value_of(parameters[part.parameter], part.offset), staged.data() + part.at * element,
               part.size * element);
      };
      each(copy_in);
      if constexpr (requires { staged.device(); })
        weights_.broadcast(staged.bytes(), 0, &staged.device());
      else
        weights_.broadcast(staged);
      each(copy_out);
    };
    auto const* const device = bucket.device;
    if (device != nullptr && weights_.reaches(*device)) {
      send(
          DeviceArray<std::byte>(*device, bucket.size * element),
          [&](std::byte* there, std::byte* staged, std::size_t n) { device->copy(there, staged, n); },
          [&](std::byte* there, std::byte* staged, std::size_t n) { device->copy(staged, there, n); });
      continue;
    }
    std::vector<std::byte> memory(bucket.size * element);
    send(
        std::span(memory),
        [&](std::byte* there, std::byte* staged, std::size_t n) {
          device != nullptr ? device->read(there, {staged, n}) : static_cast<void>(std::memcpy(staged, there, n));
        },
        [&](std::byte* there, std::byte* staged, std::size_t n) {
          device != nullptr ? device->write({staged, n}, there) : static_cast<void>(std::memcpy(there, staged, n));
        });
  }
}

void Split::serve(SampledPolicy const& policy, Collect const& collect, std::function<bool()> const& stop) {
  for (;;) {
    all_.phase("waiting for the trainers");
    auto const next = order({});
    if (next.stop != 0) return;
    if (next.base != 0 && next.base != policy.base())
      throw Error("split", "rank " + std::to_string(all_.rank()) + " has another model below the adapters",
                  "that of rank 0: adapters alone are sent", "start all ranks with the same model and dtype");
    if (next.weights != 0) {
      send_weights(policy);
      policy.commit();
    }
    policy.model().set_version(next.version);
    all_.phase("sample, collection " + std::to_string(next.collection));
    auto const bytes = to_bytes(collect(policy.model(), next.collection));
    *stop_wanted_ = stop && stop();
    all_.phase("hand over collection " + std::to_string(next.collection));
    auto const sizes = gathered(all_, static_cast<double>(bytes.size()));
    gathered(all_, *stop_wanted_ ? 1.0 : 0.0);
    for (std::size_t r = trainers_; r < all_.size(); ++r) {
      std::string theirs(r == all_.rank() ? bytes : std::string(static_cast<std::size_t>(sizes[r]), '\0'));
      all_.broadcast(std::as_writable_bytes(std::span(theirs)), r);
    }
  }
}

/// The weights as they are now are those that the collection will be sampled by.
void Split::ask(SampledPolicy const& policy, std::uint64_t collection) {
  auto const version = policy.model().version();
  bool const changed = !sent_ || version != version_;
  auto const agreed = order({.stop = 0,
                             .collection = collection,
                             .version = version,
                             .weights = changed ? 1U : 0U,
                             .base = !sent_ && all_.rank() == 0 ? policy.base() : 0});
  if (agreed.collection != collection || agreed.version != version)
    throw Error("split", "rank " + std::to_string(all_.rank()) + " is at collection " + std::to_string(collection),
                std::to_string(agreed.collection) + ", as rank 0");
  if (changed && all_.rank() == 0) send_weights(policy);
  sent_ = true;
  version_ = version;
  asked_ = true;
}

/// What was asked for, on all training ranks alike.
TokenTrajectories Split::receive() {
  auto const sizes = gathered(all_, 0);
  for (double const wish : gathered(all_, 0)) *stop_wanted_ = *stop_wanted_ || wish > 0;
  TokenTrajectories t;
  for (std::size_t r = trainers_; r < all_.size(); ++r) {
    std::string bytes(static_cast<std::size_t>(sizes[r]), '\0');
    all_.broadcast(std::as_writable_bytes(std::span(bytes)), r);
    t.append(from_bytes(bytes));
  }
  asked_ = false;
  return t;
}

TokenTrajectories Split::collect(SampledPolicy const& policy, std::uint64_t collection) {
  TokenTrajectories t;
  if (ahead_.empty()) {
    if (!asked_) ask(policy, collection);
    t = receive();
  } else {
    t = from_bytes({reinterpret_cast<char const*>(ahead_.data()), ahead_.size()});
    ahead_.clear();
  }
  if (placement_.one_step_ahead) ask(policy, collection + 1);
  return share_of(t, share());
}

void Split::await_ahead() {
  if (!asked_) return;
  auto const bytes = to_bytes(receive());
  ahead_.assign(bytes.begin(), bytes.end());
}

void Split::stop() {
  if (asked_) receive();
  order({.stop = 1});
}

void Split::state(State& s) {
  if (!placement_.one_step_ahead) return;
  if (asked_) throw Error("split", "a collection is on its way and would be forgotten", {}, "call await_ahead() first");
  s("ahead", ahead_);
}

}  // namespace grove
