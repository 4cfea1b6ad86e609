// SPDX-License-Identifier: Apache-2.0
// From rows of logits on a device to tokens: what nn::cpu::TokenSampler does, with the same random numbers, a block a
// row. Probabilities are added up as integers, so that no order of threads changes a result; a token differs from the
// CPU's only where its random number falls on the border of two tokens but for rounding.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "grove/cuda/team.hpp"
#include "grove/host_device.hpp"
#include "grove/random.hpp"
#include "grove/scalar.hpp"

struct CUstream_st;  // of a cudaStream_t

namespace grove::cuda {

/// The fields of nn::cpu::SamplingOptions, which has their meaning and checks them.
struct SamplingRule {
  double temperature = 1;
  std::uint32_t top_k = 0;
  double top_p = 1;
  double min_p = 0;
};

/// What a row of logits may be.
enum class RowFault : std::uint32_t { None, Infinite, NotANumber, NothingFinite, TooLarge };

struct DrawnToken {
  std::int32_t token = 0;
  float log_prob = 0;   ///< under the untruncated softmax of logits / temperature
  float kept_mass = 1;  ///< probability of all tokens that truncation kept
  RowFault fault = RowFault::None;
};

/// All pointers are the device's.
struct Sampling {
  float const* logits = nullptr;  ///< [rows, vocabulary]
  unsigned rows = 0, vocabulary = 0;
  SamplingRule rule{};
  RandomStream random{RandomKey{}};
  Draw const* draws = nullptr;  ///< [rows] the place of each row's random number
  DrawnToken* drawn = nullptr;  ///< [rows]
};

inline constexpr unsigned sampling_segment = 512;         ///< logits that are added up together
inline constexpr unsigned most_sampling_segments = 1024;  ///< of a vocabulary

/// Queues the kernel. Throws Error where CUDA refuses, and for more than 524,288 tokens.
void sample(Sampling const& sampling, CUstream_st* stream);

/// Memory that the threads of a block share.
struct SamplingShared {
  using Mass = unsigned long long;  // what atomicAdd takes

  float maxima[most_sampling_segments];
  Mass sums[most_sampling_segments];
  Mass inside[sampling_segment];  // of one segment; a histogram of 256 digits
  Mass masses[32];
  float tops[32];
  unsigned counts[32];
  Mass found_mass;
  unsigned found;
};

namespace detail {

/// A row of logits under one rule, as a team looks at it.
template <class Team>
class RowSampler {
 public:
  using Mass = SamplingShared::Mass;

  GROVE_HOST_DEVICE RowSampler(Team const& team, Sampling const& in, unsigned row, SamplingShared& shared)
      : team_(team),
        rule_(in.rule),
        logits_(in.logits + std::size_t{row} * in.vocabulary),
        n_(in.vocabulary),
        segments_((in.vocabulary + sampling_segment - 1) / sampling_segment),
        shared_(shared),
        scale_(in.rule.temperature > 0 ? static_cast<float>(1 / in.rule.temperature) : 1.0F) {
    unsigned bits = 0;  // as many as hold the vocabulary's size
    while (n_ >> bits != 0) ++bits;
    shift_ = 62 - bits;
  }

  GROVE_HOST_DEVICE DrawnToken operator()(double uniform) {
    DrawnToken result;
    result.fault = find_top();
    if (result.fault != RowFault::None) return result;
    Mass const total = mass_of_kept();
    Mass kept = total;
    unsigned token = 0;
    if (rule_.temperature == 0) {
      token = first_of(top_);
    } else {
      if (truncates()) kept = truncate(total);
      token = find(uniform, kept);
    }
    double const sum = static_cast<double>(total) / static_cast<double>(Mass{1} << shift_);
    result.token = static_cast<std::int32_t>(token);
    result.log_prob = fmaf(logits_[token], scale_, -(top_ * scale_)) - static_cast<float>(log(sum));
    result.kept_mass = static_cast<float>(static_cast<double>(kept) / static_cast<double>(total));
    if (!(result.log_prob > -INFINITY && result.log_prob < INFINITY)) result.fault = RowFault::TooLarge;
    return result;
  }

 private:
  // ---- what a token is worth

  /// Larger for larger logits; -0 and 0 are the same.
  GROVE_HOST_DEVICE static std::uint32_t key(float logit) {
    auto const bits = std::bit_cast<std::uint32_t>(logit + 0.0F);
    return bits >> 31U != 0 ? ~bits : bits | 0x80000000U;
  }
  GROVE_HOST_DEVICE float weight(float logit) const { return exponential((logit - top_) * scale_); }
  /// A weight times 2^shift, cut to an integer.
  GROVE_HOST_DEVICE Mass mass(float logit) const {
    auto const bits = std::bit_cast<std::uint32_t>(weight(logit));
    Mass const digits = (bits & 0x7fffffU) | 0x800000U;
    int const left = static_cast<int>(bits >> 23U) - 150 + static_cast<int>(shift_);
    if (left >= 0) return digits << static_cast<unsigned>(left);
    return left > -24 ? digits >> static_cast<unsigned>(-left) : 0;
  }
  [[nodiscard]] GROVE_HOST_DEVICE bool keeps(unsigned i) const {
    std::uint32_t const k = key(logits_[i]);
    return k > least_ || (k == least_ && i <= last_);
  }
  [[nodiscard]] GROVE_HOST_DEVICE Mass kept_mass(unsigned i) const {
    if (!keeps(i)) return 0;
    return lightest_ > 0 && weight(logits_[i]) < lightest_ ? 0 : mass(logits_[i]);
  }

  [[nodiscard]] GROVE_HOST_DEVICE bool limits_count() const { return rule_.top_k > 0 && rule_.top_k < n_; }
  [[nodiscard]] GROVE_HOST_DEVICE bool truncates() const {
    return limits_count() || rule_.top_p < 1 || rule_.min_p > 0;
  }

  // ---- over the whole row

  /// f(segment, begin, end) for each segment, in the lanes that have it to do; all lanes of it call together.
  template <class F>
  GROVE_HOST_DEVICE void each_segment(F const& f) const {
    unsigned const lanes = Team::lanes(), step = team_.size() / lanes;
    for (unsigned base = 0; base < segments_; base += step) {  // as often in all threads
      unsigned const segment = base + team_.rank() / lanes;
      unsigned const begin = segment * sampling_segment, end = begin + sampling_segment;
      f(segment, begin < n_ ? begin : n_, end < n_ ? end : n_);
    }
  }

  GROVE_HOST_DEVICE RowFault find_top() {
    unsigned const lanes = Team::lanes(), lane = team_.rank() % lanes;
    float most = -INFINITY;
    unsigned missing = 0;
    each_segment([&](unsigned segment, unsigned begin, unsigned end) {
      float here = -INFINITY;
      for (unsigned i = begin + lane; i < end; i += lanes) {
        float const x = logits_[i];
        here = x > here ? x : here;
        missing |= x != x ? 1U : 0U;
      }
      here = over_lanes(team_, lanes, here, [](float a, float b) { return a > b ? a : b; });
      if (lane == 0 && segment < segments_) shared_.maxima[segment] = here;
      most = here > most ? here : most;
    });
    top_ = over_team(team_, most, shared_.tops, [](float a, float b) { return a > b ? a : b; });
    missing = over_team(team_, missing, shared_.counts, [](unsigned a, unsigned b) { return a | b; });
    team_.sync();
    if (top_ == INFINITY) return RowFault::Infinite;
    if (top_ == -INFINITY) return RowFault::NothingFinite;
    return missing != 0 ? RowFault::NotANumber : RowFault::None;
  }

  /// Leaves the segments' masses in `sums`.
  GROVE_HOST_DEVICE Mass mass_of_kept() {
    unsigned const lanes = Team::lanes(), lane = team_.rank() % lanes;
    Mass all = 0;
    team_.sync();
    each_segment([&](unsigned segment, unsigned begin, unsigned end) {
      Mass here = 0;
      for (unsigned i = begin + lane; i < end; i += lanes) here += kept_mass(i);
      here = sum_over_lanes(team_, lanes, here);
      if (lane == 0 && segment < segments_) shared_.sums[segment] = here;
      all += lane == 0 ? here : 0;
    });
    return sum_over_team(team_, all, shared_.masses);
  }

  GROVE_HOST_DEVICE unsigned first_of(float logit) {
    unsigned first = n_;
    for (unsigned i = team_.rank(); i < n_; i += team_.size())
      if (logits_[i] == logit && i < first) first = i;
    return over_team(team_, first, shared_.counts, [](unsigned a, unsigned b) { return a < b ? a : b; });
  }

  // ---- truncation

  /// Sets what is kept, and returns its mass.
  GROVE_HOST_DEVICE Mass truncate(Mass total) {
    if (limits_count()) {
      least_ = select(rule_.top_k, key_of_segments(), [](float) { return Mass{1}; }).key;
      if (rule_.top_p < 1) total = mass_of_kept();
    }
    if (rule_.top_p < 1) keep_share(total);
    lightest_ = rule_.min_p;
    return mass_of_kept();
  }

  GROVE_HOST_DEVICE void keep_share(Mass total) {
    double const wanted = ceil(rule_.top_p * static_cast<double>(total));
    Mass need = wanted < 1 ? 1 : static_cast<Mass>(wanted);
    if (need > total) need = total;
    std::uint32_t const bound = key_of_share(total);
    auto const place = select(need, bound > least_ ? bound : least_, [this](float logit) { return mass(logit); });
    least_ = place.key;
    last_ = n_;
    Mass const each = mass_of_key(place.key);
    if (each == 0) return;
    Mass const ties = (need - place.above + each - 1) / each;
    if (ties * each < place.mass) last_ = id_of_tie(ties);
  }

  /// A key below which top-p keeps nothing, so that a peaked row leaves few to look at. All tokens lighter than what is
  /// dropped by the vocabulary's size do not weigh together what is dropped; a half of that leaves room for rounding.
  [[nodiscard]] GROVE_HOST_DEVICE std::uint32_t key_of_share(Mass total) const {
    double const dropped = (1 - rule_.top_p) * static_cast<double>(total);
    if (dropped < 1e4 || fabsf(top_) * scale_ > 1e5F) return 0;
    double const light = 0.5 * dropped / static_cast<double>(Mass{1} << shift_) / static_cast<double>(n_);
    return key(top_ + static_cast<float>(log(light)) / scale_);
  }

  /// A logit's mass by its key: that of any token that has it.
  GROVE_HOST_DEVICE Mass mass_of_key(std::uint32_t k) const {
    return mass(std::bit_cast<float>(k >> 31U != 0 ? k & 0x7fffffffU : ~k));
  }

  /// A key below which none of the k first stand: the k-th of the segments' maxima, where there are so many.
  GROVE_HOST_DEVICE std::uint32_t key_of_segments() {
    if (rule_.top_k > segments_) return 0;
    team_.sync();
    for (unsigned s = team_.rank(); s < segments_; s += team_.size()) {
      unsigned before = 0;
      for (unsigned t = 0; t < segments_; ++t)
        before += stands_before(shared_.maxima[t], t, shared_.maxima[s], s) ? 1 : 0;
      if (before + 1 == rule_.top_k) shared_.found = s;
    }
    team_.sync();
    return key(shared_.maxima[shared_.found]);
  }

  GROVE_HOST_DEVICE static bool stands_before(float a, unsigned at, float b, unsigned bt) {
    return a > b || (a == b && at < bt);
  }

  struct Place {
    std::uint32_t key = 0;
    Mass above = 0;  ///< of all greater keys
    Mass mass = 0;   ///< of the tokens with this key
  };

  /// Where the sum of `value` from the greatest key down first reaches `need` (which it does), among keys of at least
  /// `bound`: digit by digit.
  template <class Value>
  GROVE_HOST_DEVICE Place select(Mass need, std::uint32_t bound, Value const& value) {
    constexpr unsigned digits = 256;
    Place place;
    for (unsigned down = 0; down < 32; down += 8) {
      unsigned const shift = 24 - down;
      team_.sync();
      for (unsigned d = team_.rank(); d < digits; d += team_.size()) shared_.inside[d] = 0;
      team_.sync();
      for (unsigned i = team_.rank(); i < n_; i += team_.size()) {
        std::uint32_t const k = key(logits_[i]);
        bool const among = down == 0 || (k ^ place.key) >> (32 - down) == 0;
        if (k >= bound && among) team_.add(shared_.inside[(k >> shift) % digits], value(logits_[i]));
      }
      team_.sync();
      for (unsigned d = team_.rank(); d < digits; d += team_.size()) {
        Mass above = place.above;
        for (unsigned e = d + 1; e < digits; ++e) above += shared_.inside[e];
        if (above < need && above + shared_.inside[d] >= need) {
          shared_.found = d;
          shared_.found_mass = above;
        }
      }
      team_.sync();
      place.key |= shared_.found << shift;
      place.above = shared_.found_mass;
      place.mass = shared_.inside[shared_.found];
    }
    team_.sync();
    return place;
  }

  /// The id of the count-th token with the least key.
  GROVE_HOST_DEVICE unsigned id_of_tie(Mass count) {
    if (team_.rank() == 0) {
      unsigned i = 0;
      for (Mass seen = 0; i < n_; ++i)
        if (key(logits_[i]) == least_ && ++seen == count) break;
      shared_.found = i;
    }
    team_.sync();
    return shared_.found;
  }

  // ---- the draw

  /// The token at `uniform` of what is kept, in order of ids; `sums` are the segments'.
  GROVE_HOST_DEVICE unsigned find(double uniform, Mass kept) {
    auto target = static_cast<Mass>(uniform * static_cast<double>(kept));
    if (target >= kept) target = kept - 1;
    unsigned const segment = pass(shared_.sums, segments_, target);
    target -= shared_.found_mass;
    unsigned const begin = segment * sampling_segment;
    unsigned const count = n_ - begin < sampling_segment ? n_ - begin : sampling_segment;
    for (unsigned i = team_.rank(); i < count; i += team_.size()) shared_.inside[i] = kept_mass(begin + i);
    return begin + pass(shared_.inside, count, target);
  }

  /// The first whose cumulative sum is beyond the target; `found_mass` becomes the sum before it.
  GROVE_HOST_DEVICE unsigned pass(Mass const* masses, unsigned count, Mass target) {
    team_.sync();
    for (unsigned i = team_.rank(); i < count; i += team_.size()) {
      Mass before = 0;
      for (unsigned j = 0; j < i; ++j) before += masses[j];
      if (before <= target && target < before + masses[i]) {
        shared_.found = i;
        shared_.found_mass = before;
      }
    }
    team_.sync();
    return shared_.found;
  }

  Team const& team_;
  SamplingRule rule_;
  float const* logits_;
  unsigned n_, segments_;
  SamplingShared& shared_;
  float scale_;
  float top_ = 0;
  unsigned shift_ = 0;           // of masses
  std::uint32_t least_ = 0;      // key that is kept
  unsigned last_ = 0xffffffffU;  // id of that key that is kept
  double lightest_ = 0;          // weight that is kept
};

}  // namespace detail

/// One row, by a team.
template <class Team>
GROVE_HOST_DEVICE void sample_row(Team const& team, Sampling const& in, unsigned row, SamplingShared& shared) {
  auto const drawn = detail::RowSampler<Team>(team, in, row, shared)(uniform(in.random, in.draws[row]));
  if (team.rank() == 0) in.drawn[row] = drawn;
}

}  // namespace grove::cuda
