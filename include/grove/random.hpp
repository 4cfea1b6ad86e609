// SPDX-License-Identifier: Apache-2.0
// Counter-based randomness: every number is a pure function of what it is for, so nothing depends on order or threads.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <utility>

namespace grove {

/// 128 random bits as four words.
using RandomBits = std::array<std::uint32_t, 4>;

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a bijection of the 128-bit
/// counter for each 64-bit key. constexpr, integers only, so it gives the same words on every host and device.
constexpr RandomBits philox4x32(RandomBits counter, std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < 10; ++round) {
    std::uint64_t const a = std::uint64_t{0xD2511F53} * counter[0];
    std::uint64_t const b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

/// What a random number is for. The values are part of the repeatability contract: add at the end, never renumber.
enum class Purpose : std::uint32_t {
  Sampling = 1,        ///< tokens of a rollout
  Evaluation = 2,      ///< tokens of an evaluation, so that evaluating never shifts a rollout
  Shuffle = 3,         ///< order of minibatches
  Data = 4,            ///< order and generation of problems
  Initialization = 5,  ///< initial weights
  Environment = 6,     ///< resets and dynamics of an environment
  Action = 7,          ///< actions of a control policy
  Dropout = 8,
  Bootstrap = 9,   ///< confidence intervals
  Selection = 10,  ///< tokens that an objective draws out of a minibatch
};

/// Whose random numbers and what they are for.
struct RandomKey {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::Sampling;
};

/// Which number of a RandomStream: draw index, sample of the group, token of the sample. Distinct draws of one stream
/// never share a Philox counter.
struct Draw {
  std::uint64_t index = 0;   ///< the sampler's position in its fixed order
  std::uint32_t sample = 0;  ///< number within the group
  std::uint32_t token = 0;   ///< position within the completion
};

/// The numbers of one (seed, purpose, collection, attempt). Purpose, collection and attempt are mixed into the key by
/// one more Philox evaluation, which leaves the whole counter to the draw.
class RandomStream {
 public:
  constexpr explicit RandomStream(RandomKey key, std::uint64_t collection = 0, std::uint32_t attempt = 0) noexcept {
    RandomBits const mixed =
        philox4x32({static_cast<std::uint32_t>(key.purpose), attempt, static_cast<std::uint32_t>(collection),
                    static_cast<std::uint32_t>(collection >> 32)},
                   {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)});
    key_ = {mixed[0], mixed[1]};
  }

  constexpr RandomBits bits(Draw const& draw) const noexcept {
    return philox4x32(
        {draw.token, draw.sample, static_cast<std::uint32_t>(draw.index), static_cast<std::uint32_t>(draw.index >> 32)},
        key_);
  }

 private:
  std::array<std::uint32_t, 2> key_{};
};

/// Two words as one, the first word low.
constexpr std::uint64_t join(std::uint32_t low, std::uint32_t high) noexcept { return std::uint64_t{high} << 32 | low; }

/// 53 bits as a number in [0, 1).
constexpr double to_uniform(std::uint64_t bits) noexcept { return static_cast<double>(bits >> 11) * 0x1p-53; }

/// The draw's uniform number in [0, 1).
constexpr double uniform(RandomStream const& stream, Draw const& draw) noexcept {
  RandomBits const words = stream.bits(draw);
  return to_uniform(join(words[0], words[1]));
}

/// Two independent standard normal numbers from 128 bits (Box-Muller).
inline std::array<double, 2> to_normals(RandomBits const& words) noexcept {
  double const u = 1.0 - to_uniform(join(words[0], words[1]));  // in (0, 1]: the logarithm stays finite
  double const angle = 2.0 * std::numbers::pi * to_uniform(join(words[2], words[3]));
  double const radius = std::sqrt(-2.0 * std::log(u));
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

/// The draw's standard normal number.
inline double normal(RandomStream const& stream, Draw const& draw) noexcept { return to_normals(stream.bits(draw))[0]; }

/// The numbers of one (stream, index, sample) one after the other, token = 0, 1, 2, ...: a
/// std::uniform_random_bit_generator whose state is its key and a position.
class RandomSequence {
 public:
  using result_type = std::uint64_t;
  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

  constexpr explicit RandomSequence(RandomStream stream, std::uint64_t index = 0, std::uint32_t sample = 0) noexcept
      : stream_(stream), draw_{index, sample, 0} {}

  constexpr result_type operator()() noexcept {
    if (second_ready_) {
      second_ready_ = false;
      return join(words_[2], words_[3]);
    }
    words_ = stream_.bits(draw_);
    ++draw_.token;
    second_ready_ = true;
    return join(words_[0], words_[1]);
  }

  constexpr double uniform() noexcept { return to_uniform((*this)()); }

  /// Standard normal.
  double normal() noexcept {
    std::uint64_t const a = (*this)();
    std::uint64_t const b = (*this)();
    return to_normals({static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(a >> 32),
                       static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(b >> 32)})[0];
  }

  /// Unbiased integer in [0, n), n >= 1 (0 gives 0): the high half of a product, the few values that would favour some
  /// results thrown away (Lemire, "Fast random integer generation in an interval", 2019), on 32-bit halves so that it
  /// stays constexpr and portable.
  constexpr std::uint32_t below(std::uint32_t n) noexcept {
    std::uint64_t product = (*this)() >> 32;
    product *= n;
    if (static_cast<std::uint32_t>(product) < n) {
      std::uint32_t const threshold = n == 0 ? 0 : (0u - n) % n;
      while (static_cast<std::uint32_t>(product) < threshold) product = ((*this)() >> 32) * n;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

 private:
  RandomStream stream_;
  Draw draw_;
  RandomBits words_{};
  bool second_ready_ = false;
};

/// Puts `values` (fewer than 2^32) into a uniformly drawn order (Fisher-Yates).
template <class T>
constexpr void shuffle(std::span<T> values, RandomSequence& random) noexcept {
  for (std::size_t left = values.size(); left > 1; --left) {
    std::size_t const pick = random.below(static_cast<std::uint32_t>(left));
    if (pick != left - 1) std::swap(values[pick], values[left - 1]);
  }
}

}  // namespace grove
