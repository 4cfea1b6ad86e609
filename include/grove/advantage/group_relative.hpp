// SPDX-License-Identifier: Apache-2.0
// GRPO's advantage: a completion's reward against those of the other answers to the same problem,
//   A_i = (R_i - mean_group(R)) / (std(R) + eps)   (arXiv 2402.03300, section 4.1.2)
// repeated on each token of completion i. Which rewards the standard deviation is taken over is part of the type.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "grove/advantage/estimate.hpp"
#include "grove/columns.hpp"

namespace grove {

/// Mean and standard deviation of numbers that arrive one by one (Welford).
class RunningMoments {
 public:
  void add(double x) {
    ++count_;
    double const delta = x - mean_;
    mean_ += delta / static_cast<double>(count_);
    squares_ += delta * (x - mean_);
  }
  std::size_t count() const { return count_; }
  double mean() const { return mean_; }
  /// Square root of sum (x - mean)^2 / (n - ddof); 0 for n <= ddof.
  double deviation(std::size_t ddof) const {
    return count_ > ddof ? std::sqrt(squares_ / static_cast<double>(count_ - ddof)) : 0.0;
  }

 private:
  std::size_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

struct OverGroup {
  static constexpr std::string_view name = "OverGroup";
};
struct OverBatch {
  static constexpr std::string_view name = "OverBatch";
};
/// No division (Dr. GRPO, arXiv 2503.20783).
struct Unscaled {
  static constexpr std::string_view name = "Unscaled";
};

template <class Scale = OverGroup>
struct GroupRelative {
  std::size_t ddof = 1;  ///< 1 as in TRL and verl; 0 divides by n
  double eps = 1e-4;     ///< TRL's; verl has 1e-6, OpenRLHF 1e-9

  static constexpr ColumnSet needs = {};
  static constexpr bool needs_groups = true;
  static std::string describe() { return "GroupRelative<" + std::string(Scale::name) + ">"; }

  template <std::floating_point T>
  void operator()(EstimatorInput<T> const& in, EstimatorOutput<T> out) const {
    auto const& episodes = in.episodes;
    std::map<std::uint32_t, RunningMoments> groups;
    RunningMoments batch;
    for (std::size_t s = 0; s < episodes.sequences(); ++s) {
      if (!in.valid[s]) continue;
      groups[episodes.group[s]].add(in.reward[s]);
      batch.add(in.reward[s]);
    }
    std::size_t without_signal = 0, counted = 0;
    for (std::size_t s = 0; s < episodes.sequences(); ++s) {
      if (!in.valid[s]) continue;
      auto const& group = groups[episodes.group[s]];
      double const scale = scale_of(group, batch);
      double const difference = static_cast<double>(in.reward[s]) - group.mean();
      double const advantage = scale != 0 ? difference / scale : 0.0;  // NaN is passed on
      for (auto t = episodes.cu_seqlens[s]; t < episodes.cu_seqlens[s + 1]; ++t)
        out.advantage[t] = static_cast<T>(advantage);
      ++counted;
      without_signal += group.deviation(0) == 0;
    }
    out.metrics.set("reward_std", batch.deviation(1));  // over all samples, as in TRL 1.16
    out.metrics.set("frac_reward_zero_std",
                    counted ? static_cast<double>(without_signal) / static_cast<double>(counted) : 0.0);
  }

 private:
  double scale_of(RunningMoments const& group, RunningMoments const& batch) const {
    if constexpr (std::same_as<Scale, OverGroup>) return group.deviation(ddof) + eps;
    if constexpr (std::same_as<Scale, OverBatch>) return batch.deviation(ddof) + eps;
    return 1.0;
  }
};

}  // namespace grove
