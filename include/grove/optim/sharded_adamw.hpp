// SPDX-License-Identifier: Apache-2.0
// AdamW as a trainer holds it: alone, or with gradients added up over ranks and, where asked for, divided among them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "grove/optim/adamw.hpp"
#include "grove/optim/collectives.hpp"
#include "grove/optim/shards.hpp"
#include "grove/parameter.hpp"
#include "grove/solo.hpp"

namespace grove {

/// One process: gradients add up where they lie.
class LocalAdamW : public AdamW {
 public:
  explicit LocalAdamW(AdamWOptions options = {}, Sharding = {}) : AdamW(options) {}

  template <class C>
  void begin(std::span<const ParameterView> parameters, C&, std::size_t) {
    zero_gradients(parameters);
  }
  template <class C>
  void complete(std::span<const ParameterView>, C&, std::size_t) {}
  template <class C>
  void reduce(std::span<const ParameterView>, C&) {}
  template <class C>
  double finish(std::span<const ParameterView> parameters, C&, bool) {
    return gradient_norm(parameters);
  }
  template <class C>
  void apply(std::span<const ParameterView> parameters, C&, double rate, double gradient_scale) {
    step(parameters, rate, gradient_scale);
  }
  static bool divides(std::size_t) { return false; }
};

/// Several ranks. Each micro-batch's gradients are added up over the ranks, in their order, bucket by bucket from the
/// last to the first, each rank getting the sum of its piece: behind the backward pass where the policy tells of whole
/// gradients (FollowsBackward), and after it else. So the numbers depend neither on that nor on the level of sharding.
/// A rank with fewer micro-batches than another takes part with zeros.
class ShardedAdamW {
 public:
  explicit ShardedAdamW(AdamWOptions options = {}, Sharding sharding = {}) : adamw_(options), sharding_(sharding) {}

  /// Begins an optimizer step of so many micro-batches on this rank.
  template <class C>
  void begin(std::span<const ParameterView> parameters, C& ranks, std::size_t micro_batches) {
    if (ranks.size() == 1) return zero_gradients(parameters);
    lay_out(parameters, ranks.size());
    auto const counts = gathered(ranks, static_cast<double>(micro_batches));
    rounds_ = static_cast<std::size_t>(*std::ranges::max_element(counts));
    shards_.assign(layout_.buckets().size(), {});
    under_way_.clear();
    to_begin_ = shards_.size();
    for (auto const& p : parameters) clear(p);
  }

  /// Within a micro-batch: gradients from parameter `first` on are whole, and their buckets may go.
  template <class C>
  void complete(std::span<const ParameterView> parameters, C& ranks, std::size_t first) {
    if (ranks.size() == 1) return;
    for (; to_begin_ > 0 && layout_.buckets()[to_begin_ - 1].parts.front().parameter >= first; --to_begin_)
      begin_bucket(to_begin_ - 1, parameters, ranks);
  }

  /// After each micro-batch: this rank's gradients are with those who own them.
  template <class C>
  void reduce(std::span<const ParameterView> parameters, C& ranks) {
    if (ranks.size() == 1) return;
    complete(parameters, ranks, 0);
    while (!under_way_.empty()) take_oldest();
    to_begin_ = shards_.size();
    --rounds_;
  }

  /// After the last one: takes part in what other ranks have more, and returns the norm of the whole gradient, which
  /// with `whole` (on any rank) lies where the policy has its gradients.
  template <class C>
  double finish(std::span<const ParameterView> parameters, C& ranks, bool whole) {
    if (ranks.size() == 1) return gradient_norm(parameters);
    while (rounds_ > 0) reduce(parameters, ranks);
    std::vector<double> sums = {squares(parameters, ranks.rank()), whole ? 1.0 : 0.0};
    ranks.all_reduce_sum(sums);
    if (sums[1] > 0 || sharding_.level == Zero::Nothing) gather_gradients(parameters, ranks);
    return std::sqrt(sums[0]);
  }

  /// One update of all parameters on all ranks; gradients are multiplied by `gradient_scale` first.
  template <class C>
  void apply(std::span<const ParameterView> parameters, C& ranks, double rate, double gradient_scale) {
    if (ranks.size() == 1 || sharding_.level == Zero::Nothing) return adamw_.step(parameters, rate, gradient_scale);
    adamw_.step(views(parameters, ranks.rank()), rate, gradient_scale);
    behind_.resize(parameters.size());
    for (std::size_t p = 0; p < parameters.size(); ++p) behind_[p] += parameters[p].frozen ? 1 : 0;
    for (auto const& bucket : layout_.buckets()) gather_values(bucket, parameters, ranks);
  }

  std::size_t steps() const { return adamw_.steps(); }
  AdamWOptions const& options() const { return adamw_.options(); }
  Sharding const& sharding() const { return sharding_; }
  AdamW& adamw() { return adamw_; }
  AdamW const& adamw() const { return adamw_; }

  /// Whether moments are divided among so many ranks.
  bool divides(std::size_t ranks) const { return ranks > 1 && sharding_.level != Zero::Nothing; }

  /// This rank's pieces of the parameters in the order of the moments: buckets, and parts in them.
  std::vector<ShardLayout::Part> pieces(std::span<const ParameterView> parameters, std::size_t rank,
                                        std::size_t ranks) {
    lay_out(parameters, ranks);
    std::vector<ShardLayout::Part> all;
    for (auto const& bucket : layout_.buckets())
      for (auto const& part : ShardLayout::owned(bucket, rank)) all.push_back(part);
    return all;
  }

  /// Steps that each parameter was frozen in; the same on all ranks.
  std::vector<std::size_t>& behind() { return behind_; }

  /// What this rank has of the optimizer between two updates. Gradients are those it keeps by itself: with
  /// Zero::Gradients the policy's own array is given back to the system, but for one on a device, which stays.
  HeldBytes held(std::span<const ParameterView> parameters) const {
    HeldBytes held;
    for (auto const& state : adamw_.states())
      std::visit(
          [&]<class M>(M const& m) {
            auto const masters = m.master.size() * sizeof(typename M::Value);
            held.moments += m.bytes();
            held.masters += masters;
            if constexpr (!std::is_same_v<M, AdamW::DeviceMoments>) held.on_host += m.bytes() + masters;
          },
          state);
    for (auto const& shard : shards_)
      held.gradients += shard.wide.size() * 8 + (shard.narrow.size() + shard.there.size()) * 4;
    for (auto const& p : parameters)
      if (sharding_.level != Zero::Gradients || p.device != nullptr) held.gradients += p.size * gradient_bytes(p.dtype);
    return held;
  }

 private:
  /// The sum of this rank's piece of a bucket; all but one are empty.
  struct Shard {
    std::vector<float> narrow{};
    std::vector<double> wide{};
    DeviceArray<float> there{};  ///< of parameters on a device
  };

  /// A block of quantized moments is one rank's, and the same whatever the number of ranks.
  void lay_out(std::span<const ParameterView> parameters, std::size_t ranks) {
    bool const blocks = options().moments == MomentFormat::Block8;
    if (layout_.buckets().empty())
      layout_ = ShardLayout(parameters, ranks, sharding_.bucket, blocks ? quantized_block : 1);
  }

  void clear(ParameterView const& p) const {
    adamw_.check_device(p);
    if (p.device != nullptr) return p.device->clear(p.gradient, p.size * gradient_bytes(p.dtype));
    detail::clear(detail::gradient_of(p, 0), p.size * gradient_bytes(p.dtype), sharding_.level == Zero::Gradients);
  }

  /// A bucket on its way.
  struct UnderWay {
    std::size_t bucket;
    std::function<void(Shard&)> take;  ///< waits for it and adds this rank's piece
  };

  template <class C>
  void begin_bucket(std::size_t b, std::span<const ParameterView> parameters, C& ranks) {
    if (under_way_.size() == at_once) take_oldest();
    auto const& bucket = layout_.buckets()[b];
    if (bucket.device != nullptr)
      under_way_.push_back({b, begin_on_device(bucket, parameters, ranks)});
    else if (bucket.dtype == Dtype::F64)
      under_way_.push_back({b, begin_bucket<double>(bucket, parameters, ranks, &Shard::wide)});
    else
      under_way_.push_back({b, begin_bucket<float>(bucket, parameters, ranks, &Shard::narrow)});
  }

  template <class T, class C>
  std::function<void(Shard&)> begin_bucket(ShardLayout::Bucket const& bucket, std::span<const ParameterView> parameters,
                                           C& ranks, std::vector<T> Shard::*place) {
    std::vector<T> staged(bucket.piece * ranks.size());
    for (auto const& part : bucket.parts) {
      auto* const from = detail::gradient_of(parameters[part.parameter], part.offset);
      std::memcpy(staged.data() + part.at, from, part.size * sizeof(T));
      detail::clear(from, part.size * sizeof(T), sharding_.level == Zero::Gradients);
    }
    return [place, piece = bucket.piece, add = begin_reduce_scatter<T>(ranks, std::move(staged))](Shard& shard) {
      (shard.*place).resize(piece);
      add(shard.*place);
    };
  }

  template <class C>
  static std::function<void(Shard&)> begin_on_device(ShardLayout::Bucket const& bucket,
                                                     std::span<const ParameterView> parameters, C& ranks) {
    auto const& device = *bucket.device;
    DeviceArray<float> const staged(device, bucket.piece * ranks.size());
    for (auto const& part : bucket.parts) {
      auto* const from = detail::gradient_of(parameters[part.parameter], part.offset);
      device.copy(from, staged.data() + part.at, part.size * sizeof(float));
      device.clear(from, part.size * sizeof(float));
    }
    return [&device, piece = bucket.piece, add = begin_reduce_scatter(ranks, staged)](Shard& shard) {
      if (shard.there.size() == 0) shard.there = DeviceArray<float>(device, piece);
      add(shard.there);
    };
  }

  void take_oldest() {
    auto const oldest = std::move(under_way_.front());
    under_way_.pop_front();
    oldest.take(shards_[oldest.bucket]);
  }

  double squares(std::span<const ParameterView> parameters, std::size_t rank) const {
    double sum = 0;
    for (std::size_t b = 0; b < shards_.size(); ++b) {
      auto const& bucket = layout_.buckets()[b];
      auto const first = rank * bucket.piece;
      for (auto const& part : ShardLayout::owned(bucket, rank)) {
        if (parameters[part.parameter].frozen) continue;
        auto const add = [&](auto const& shard) {
          for (std::size_t i = part.at - first; i < part.at - first + part.size && i < shard.size(); ++i)
            sum += static_cast<double>(shard[i]) * static_cast<double>(shard[i]);
        };
        add(shards_[b].narrow);
        add(shards_[b].wide);
        if (auto const& there = shards_[b].there; there.size() > 0)
          sum += there.device().squares(there.data() + (part.at - first), part.size);
      }
    }
    return sum;
  }

  /// The pieces that this rank updates, as parameters of their own.
  std::vector<ParameterView> views(std::span<const ParameterView> parameters, std::size_t rank) {
    std::vector<ParameterView> views;
    for (std::size_t b = 0; b < layout_.buckets().size(); ++b) {
      auto const& bucket = layout_.buckets()[b];
      for (auto const& part : ShardLayout::owned(bucket, rank)) {
        auto view = parameters[part.parameter];
        auto const at = part.at - rank * bucket.piece;
        view.whole = view.size;
        view.size = part.size;
        view.shape = {};
        view.value = detail::value_of(view, part.offset);
        view.gradient = sum_of(shards_[b], bucket, at);
        views.push_back(view);
      }
    }
    return views;
  }

  /// Number `at` of this rank's piece, which is zero where nothing was added.
  static void* sum_of(Shard& shard, ShardLayout::Bucket const& bucket, std::size_t at) {
    if (bucket.device != nullptr) {
      if (shard.there.size() == 0) shard.there = DeviceArray<float>(*bucket.device, bucket.piece);
      return shard.there.data() + at;
    }
    if (bucket.dtype == Dtype::F64) {
      shard.wide.resize(bucket.piece);
      return shard.wide.data() + at;
    }
    shard.narrow.resize(bucket.piece);
    return shard.narrow.data() + at;
  }

  template <class C>
  void gather_gradients(std::span<const ParameterView> parameters, C& ranks) {
    for (std::size_t b = 0; b < shards_.size(); ++b) {
      auto const& bucket = layout_.buckets()[b];
      auto const gather = [&]<class T>(std::vector<T>& shard) {
        shard.resize(bucket.piece);
        std::vector<T> all(bucket.piece * ranks.size());
        all_gather(ranks, std::as_bytes(std::span(shard)), std::as_writable_bytes(std::span(all)));
        for (auto const& part : bucket.parts)
          std::memcpy(detail::gradient_of(parameters[part.parameter], part.offset), all.data() + part.at,
                      part.size * sizeof(T));
      };
      if (bucket.device != nullptr)
        gather_on_device(bucket, shards_[b], parameters, ranks);
      else if (bucket.dtype == Dtype::F64)
        gather(shards_[b].wide);
      else
        gather(shards_[b].narrow);
    }
  }

  template <class C>
  static void gather_on_device(ShardLayout::Bucket const& bucket, Shard& shard,
                               std::span<const ParameterView> parameters, C& ranks) {
    static_cast<void>(sum_of(shard, bucket, 0));
    DeviceArray<float> const all(*bucket.device, bucket.piece * ranks.size());
    all_gather(ranks, shard.there, all);
    for (auto const& part : bucket.parts)
      bucket.device->copy(all.data() + part.at, detail::gradient_of(parameters[part.parameter], part.offset),
                          part.size * sizeof(float));
  }

  template <class C>
  static void gather_values(ShardLayout::Bucket const& bucket, std::span<const ParameterView> parameters, C& ranks) {
    auto const element = value_bytes(bucket.dtype);
    auto const gather = [&](auto const& mine, auto const& all, auto const& copy) {
      for (auto const& part : ShardLayout::owned(bucket, ranks.rank()))
        copy(detail::value_of(parameters[part.parameter], part.offset),
             mine.data() + (part.at - ranks.rank() * bucket.piece) * element, part.size * element);
      all_gather(ranks, mine, all);
      for (auto const& part : bucket.parts)
        copy(all.data() + part.at * element, detail::value_of(parameters[part.parameter], part.offset),
             part.size * element);
    };
    auto const piece = bucket.piece * element;
    if (auto const* const device = bucket.device) {
      gather(DeviceArray<std::byte>(*device, piece), DeviceArray<std::byte>(*device, piece * ranks.size()),
             [&](auto const* from, auto* to, std::size_t bytes) { device->copy(from, to, bytes); });
    } else {
      std::vector<std::byte> mine(piece), all(piece * ranks.size());
      gather(std::span(mine), std::span(all),
             [](auto const* from, auto* to, std::size_t bytes) { std::memcpy(to, from, bytes); });
    }
  }

  AdamW adamw_;
  Sharding sharding_;
  ShardLayout layout_{};
  std::vector<Shard> shards_{};  // one a bucket
  std::vector<std::size_t> behind_{};
  std::size_t rounds_ = 0;  // micro-batches that some rank has still to come
  static constexpr std::size_t at_once = 2;
  std::deque<UnderWay> under_way_{};  // at most so many, each of which holds twice its bucket's size
  std::size_t to_begin_ = 0;          // buckets of this micro-batch that have not begun: the first ones
};

/// What the passes of one update tell of their gradients, which go to the ranks that own them.
template <class Optimizer, class C>
struct Reduction {
  Optimizer& optimizer;
  std::span<const ParameterView> parameters;
  C& ranks;

  void complete(std::size_t first) { optimizer.complete(parameters, ranks, first); }
  void reduce() { optimizer.reduce(parameters, ranks); }
};

/// The optimizer of a trainer whose ranks are a C.
template <class C>
using OptimizerOver = std::conditional_t<std::is_same_v<C, Solo>, LocalAdamW, ShardedAdamW>;

}  // namespace grove
