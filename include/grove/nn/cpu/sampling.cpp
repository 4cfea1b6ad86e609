// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "grove/error.hpp"
#include "grove/nn/cpu/sampling_kernels.hpp"
#include "grove/nn/cpu/vocab.hpp"

namespace grove::nn::cpu {
namespace {

constexpr std::size_t block = detail::SamplingKernels::block;
constexpr double coldest = 1e-5;

std::size_t block_count(std::size_t vocabulary) { return (vocabulary + block - 1) / block; }

double sum_of(std::span<float const> numbers) {
  double sum = 0;
  for (float const x : numbers) sum += x;
  return sum;
}

struct Passing {
  std::size_t index = 0;
  double rest = 0;  // of the target, beyond the weights before the index
};

// The first whose cumulative sum passes the target. Rounding may keep the sum from getting there: then the last that
// has any weight.
Passing find_passing(std::span<float const> weights, double target) {
  Passing place;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] > 0)) continue;
    place = {i, target};
    if (target < weights[i]) break;
    target -= weights[i];
  }
  return place;
}

[[noreturn]] void refuse(std::string const& what) {
  throw Error("sampling", what, "finite logits or -inf, at least one finite");
}

void check(bool valid, char const* field, double value, char const* expected) {
  if (!valid) throw Error(field, "is " + std::to_string(value), expected);
}

}  // namespace

void validate(SamplingOptions const& options) {
  check(options.temperature == 0 || (options.temperature >= coldest && std::isfinite(options.temperature)),
        "temperature", options.temperature, "0 (greedy) or a finite number of at least 0.00001");
  check(options.top_p > 0 && options.top_p <= 1, "top_p", options.top_p, "more than 0 and at most 1 (1: off)");
  check(options.min_p >= 0 && options.min_p <= 1, "min_p", options.min_p, "a number from 0 (off) to 1");
}

TokenSampler::TokenSampler(SamplingOptions const& options) : options_(options) {
  validate(options);
  if (options.temperature > 0) scale_ = static_cast<float>(1 / options.temperature);
}

SampledToken TokenSampler::operator()(std::span<float const> logits, double uniform) {
  if (logits.empty()) refuse("no logits");
  auto const& kernels = detail::best_sampling_kernels();
  block_maxima_.resize(block_count(logits.size()));
  block_sums_.resize(block_maxima_.size());
  kernels.block_maxima(logits.data(), logits.size(), block_maxima_.data());
  float const top = std::ranges::max(block_maxima_);
  if (!std::isfinite(top)) refuse(top > 0 ? "a logit is infinite" : "no logit is finite");
  kernels.block_sums(logits.data(), logits.size(), scale_, top, block_sums_.data());
  double const total = sum_of(block_sums_);
  if (std::isnan(total)) refuse("a logit is NaN");

  std::size_t token = 0;
  double mass = total;
  if (options_.temperature == 0) {
    token = static_cast<std::size_t>(std::ranges::find(logits, top) - logits.begin());
  } else if (!truncates(logits.size())) {
    token = pick_from_all(logits, top, uniform * total);
  } else {
    truncate(logits, top, total);
    mass = sum_of(weights_);
    token = static_cast<std::size_t>(candidates_[find_passing(weights_, uniform * mass).index].id);
  }
  Softmax const untruncated = softmax(logits, options_.temperature > 0 ? static_cast<float>(options_.temperature) : 1);
  float const log_prob = untruncated.log_prob(logits[token]);
  if (!std::isfinite(log_prob)) refuse("a logit is too large for the temperature");
  return {static_cast<TokenId>(token), log_prob, static_cast<float>(std::min(1.0, mass / total))};
}

bool TokenSampler::limits_count(std::size_t vocabulary) const noexcept {
  return options_.top_k > 0 && options_.top_k < vocabulary;
}

bool TokenSampler::truncates(std::size_t vocabulary) const noexcept {
  return limits_count(vocabulary) || options_.top_p < 1 || options_.min_p > 0;
}

std::size_t TokenSampler::pick_from_all(std::span<float const> logits, float top, double target) {
  Passing const place = find_passing(block_sums_, target);
  std::size_t const begin = place.index * block;
  auto const inside = logits.subspan(begin, std::min(block, logits.size() - begin));
  weights_.resize(inside.size());
  detail::best_sampling_kernels().weigh(inside.data(), inside.size(), scale_, top, weights_.data());
  return begin + find_passing(weights_, place.rest).index;
}

// Leaves the kept tokens in candidates_ and what they weigh in weights_.
void TokenSampler::truncate(std::span<float const> logits, float top, double total) {
  collect(logits, lower_bound(logits.size(), top, total));
  if (limits_count(logits.size())) keep_top_k();
  weigh_candidates(top);
  // Top-p shares out what top-k has left; without top-k that is everything, not only the candidates.
  if (options_.top_p < 1) keep_top_p(limits_count(logits.size()) ? sum_of(weights_) : total);
  std::erase_if(candidates_, [this](Candidate const& c) { return c.weight < options_.min_p; });
  weights_.resize(candidates_.size());
  std::ranges::transform(candidates_, weights_.begin(), &Candidate::weight);
}

// A logit below which nothing is kept, so that a peaked row leaves few candidates.
float TokenSampler::lower_bound(std::size_t vocabulary, float top, double total) {
  constexpr float none = -std::numeric_limits<float>::infinity();
  if (limits_count(vocabulary)) {
    // The blocks' maxima are logits, so the k-th greatest of them is at most the k-th greatest of all.
    if (options_.top_k > block_maxima_.size()) return none;
    scratch_ = block_maxima_;
    auto const kth = scratch_.begin() + (options_.top_k - 1);
    std::ranges::nth_element(scratch_, kth, std::ranges::greater());
    return *kth;
  }
  // All tokens lighter than (1 - top_p) / vocabulary together do not weigh the 1 - top_p that top-p drops.
  constexpr double slack = 0.999;  // this side and the exact one round differently
  double const light = (1 - options_.top_p) * total / static_cast<double>(vocabulary);
  double const least = slack * std::max(options_.min_p, light);
  return least > 0 ? top + static_cast<float>(std::log(least) / scale_) : none;
}

void TokenSampler::collect(std::span<float const> logits, float bound) {
  std::size_t count = 0;
  for (std::size_t b = 0; b < block_maxima_.size(); ++b) {
    if (block_maxima_[b] < bound) continue;
    std::size_t const end = std::min(logits.size(), (b + 1) * block);
    candidates_.resize(std::max(candidates_.size(), count + block));
    for (std::size_t i = b * block; i < end; ++i) {
      candidates_[count] = {logits[i], 0, static_cast<TokenId>(i)};
      count += logits[i] >= bound ? 1 : 0;
    }
  }
  candidates_.resize(count);
}

void TokenSampler::keep_top_k() {
  if (options_.top_k >= candidates_.size()) return;
  order_ = candidates_;
  auto const kth = order_.begin() + (options_.top_k - 1);
  std::ranges::nth_element(order_, kth, std::ranges::greater(), &Candidate::logit);
  std::erase_if(candidates_, [least = kth->logit](Candidate const& c) { return c.logit < least; });
}

void TokenSampler::weigh_candidates(float top) {
  scratch_.resize(candidates_.size());
  weights_.resize(candidates_.size());
  std::ranges::transform(candidates_, scratch_.begin(), &Candidate::logit);
  detail::best_sampling_kernels().weigh(scratch_.data(), scratch_.size(), scale_, top, weights_.data());
  for (std::size_t i = 0; i < weights_.size(); ++i) candidates_[i].weight = weights_[i];
}

// Keeps a token if those before it do not reach the share yet. Of equal logits the lower id goes first, as greedy
// sampling has it (transformers leaves this to an unstable sort). Halving by nth_element finds the last one kept in
// linear time.
void TokenSampler::keep_top_p(double total) {
  auto const before = [](Candidate const& a, Candidate const& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  };
  order_ = candidates_;
  auto begin = order_.begin();
  auto end = order_.end();
  double missing = options_.top_p * total;
  while (end - begin > 1) {
    auto const middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end, before);
    double upper = 0;
    for (auto it = begin; it != middle; ++it) upper += it->weight;
    if (upper < missing) {
      missing -= upper;
      begin = middle;
    } else {
      end = middle;
    }
  }
  std::erase_if(candidates_, [&](Candidate const& c) { return before(*begin, c); });
}

}  // namespace grove::nn::cpu
