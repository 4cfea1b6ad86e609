// SPDX-License-Identifier: Apache-2.0
// A batch of columns and the objective's answer to it, cut into micro-batches and chunks as one likes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "grove/objective/aggregate.hpp"
#include "grove/objective/terms.hpp"
#include "grove/random.hpp"

namespace test {

using Split = std::vector<std::vector<std::uint32_t>>;

/// A token of which only the advantage matters.
template <class T>
constexpr grove::Token<T> advantage(T value) {
  return {.advantage = value};
}

/// Packed columns; `advantage` is one number a token. A column that a test does not fill stays empty.
template <class T>
struct Columns {
  std::vector<std::size_t> lengths{};
  std::vector<std::uint8_t> counts{};
  std::vector<T> log_p{}, log_p_old{}, log_p_ref{}, entropy{}, advantage{}, log_p_rollout{}, value{}, value_old{},
      return_{}, reward{}, selected{};

  static constexpr auto all =
      std::to_array({&Columns::log_p, &Columns::log_p_old, &Columns::log_p_ref, &Columns::entropy, &Columns::advantage,
                     &Columns::log_p_rollout, &Columns::value, &Columns::value_old, &Columns::return_, &Columns::reward,
                     &Columns::selected});

  std::vector<std::size_t> starts() const {
    std::vector<std::size_t> at{0};
    for (auto n : lengths) at.push_back(at.back() + n);
    return at;
  }

  Split whole() const {
    Split one(1, std::vector<std::uint32_t>(lengths.size()));
    std::iota(one[0].begin(), one[0].end(), 0u);
    return one;
  }
};

template <class To, class From>
Columns<To> cast(Columns<From> const& from) {
  Columns<To> to{.lengths = from.lengths, .counts = from.counts};
  for (std::size_t i = 0; i < Columns<To>::all.size(); ++i) {
    auto const& column = from.*Columns<From>::all[i];
    (to.*Columns<To>::all[i]).assign(column.begin(), column.end());
  }
  return to;
}

/// Ragged sequences with an empty one, tokens that do not count, and one sequence without any that does.
inline Columns<double> some_columns(std::uint64_t seed) {
  Columns<double> c{.lengths = {5, 9, 0, 1, 7, 12, 3, 6, 30, 2}};
  grove::RandomStream const random({.seed = seed});
  for (std::uint32_t s = 0; s < c.lengths.size(); ++s) {
    double const advantage = grove::normal(random, {.index = 9, .sample = s});
    for (std::uint32_t t = 0; t < c.lengths[s]; ++t) {
      auto const draw = [&](std::uint32_t i) { return grove::normal(random, {.index = i, .sample = s, .token = t}); };
      c.counts.push_back(s != 6 && draw(0) < 1.2);
      c.log_p.push_back(-0.1 - std::abs(draw(1)));
      c.log_p_old.push_back(c.log_p.back() + 0.3 * draw(2));
      c.log_p_ref.push_back(c.log_p.back() + 0.3 * draw(3));
      c.entropy.push_back(std::abs(draw(4)));
      c.advantage.push_back(advantage);
    }
  }
  return c;
}

/// What one optimizer step gets, in the order of the columns.
template <class T>
struct Answer {
  double loss = 0;
  std::vector<T> d_log_p{}, d_entropy{}, d_value{};
  grove::Metrics metrics{};
};

/// The sums of one micro-batch, gathered in its order.
template <class T>
struct Gathered {
  std::vector<std::size_t> cu_seqlens{0}, tokens{};
  std::vector<std::uint32_t> lengths{};
  Columns<T> columns{};

  Gathered(Columns<T> const& all, std::vector<std::uint32_t> const& sequences) {
    auto const starts = all.starts();
    for (auto s : sequences) {
      std::uint32_t counted = 0;
      for (auto i = starts[s]; i < starts[s + 1]; ++i) {
        tokens.push_back(i);
        counted += all.counts[i];
        columns.counts.push_back(all.counts[i]);
        for (auto column : Columns<T>::all)
          if (!(all.*column).empty()) (columns.*column).push_back((all.*column)[i]);
      }
      cu_seqlens.push_back(tokens.size());
      lengths.push_back(counted);
    }
  }

  grove::Rows<T> rows(std::size_t first, std::size_t n) const {
    grove::Rows<T> const all{.cu_seqlens = cu_seqlens,
                             .lengths = lengths,
                             .counts = columns.counts,
                             .log_p = columns.log_p,
                             .log_p_old = columns.log_p_old,
                             .log_p_rollout = columns.log_p_rollout,
                             .log_p_ref = columns.log_p_ref,
                             .entropy = columns.entropy,
                             .advantage = columns.advantage,
                             .value = columns.value,
                             .value_old = columns.value_old,
                             .return_ = columns.return_,
                             .reward = columns.reward,
                             .selected = columns.selected};
    return all.part(first, first + n);
  }
};

/// Evaluates on one rank: each inner list is a micro-batch of sequences, fed in pieces of `chunk` tokens (0: all).
template <class T, class O>
Answer<T> evaluate(O const& objective, Columns<T> const& columns, Split const& split, std::size_t chunk = 0) {
  std::vector<T> const zeros(columns.log_p.size());
  Answer<T> answer{.d_log_p = zeros, .d_entropy = zeros, .d_value = zeros};
  using Counted = typename O::counts_type;
  auto const count = [&](Gathered<T> const& micro_batch) {
    Counted counts{};
    objective.count(micro_batch.rows(0, micro_batch.tokens.size()), counts);
    return counts;
  };
  Counted window{};
  for (auto const& sequences : split) {
    auto const counts = count(Gathered<T>(columns, sequences));
    for (std::size_t i = 0; i < counts.size(); ++i) window[i] += counts[i];
  }
  typename O::tally_type tally;
  for (auto const& sequences : split) {
    Gathered<T> const micro_batch(columns, sequences);
    auto const n = micro_batch.tokens.size(), step = chunk ? chunk : std::max<std::size_t>(n, 1);
    std::vector<T> d_log_p(n), d_entropy(n), d_value(n);
    auto const local = count(micro_batch);
    tally.sequences += static_cast<double>(sequences.size());
    typename O::denominators_type denominators;
    for (std::size_t i = 0; i < local.size(); ++i)
      denominators[i] = {.micro_batch = local[i],
                         .data_parallel = local[i],
                         .window = window[i],
                         .micro_batches = static_cast<double>(split.size())};
    for (std::size_t first = 0; first < n; first += step) {
      auto const m = std::min(step, n - first);
      grove::TokenGradients<T> const gradients{.log_prob = d_log_p, .entropy = d_entropy, .value = d_value};
      objective.evaluate(micro_batch.rows(first, m), denominators, gradients.part(first, first + m), tally);
    }
    for (std::size_t i = 0; i < n; ++i) {
      answer.d_log_p[micro_batch.tokens[i]] = d_log_p[i];
      answer.d_entropy[micro_batch.tokens[i]] = d_entropy[i];
      answer.d_value[micro_batch.tokens[i]] = d_value[i];
    }
  }
  answer.loss = tally.loss();
  objective.report(tally, answer.metrics);
  return answer;
}

/// Largest difference of two vectors, relative to the largest element of the second.
template <class A, class B>
double relative_difference(std::vector<A> const& got, std::vector<B> const& want) {
  if (got.size() != want.size()) return HUGE_VAL;
  double difference = 0, scale = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    difference = std::max(difference, std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i])));
    scale = std::max(scale, std::abs(static_cast<double>(want[i])));
  }
  return scale > 0 ? difference / scale : difference;
}

/// The sequences in a random order, cut at random places.
inline Split random_split(std::size_t sequences, std::uint64_t seed) {
  grove::RandomSequence random(grove::RandomStream({.seed = seed, .purpose = grove::Purpose::Shuffle}));
  std::vector<std::uint32_t> order(sequences);
  std::iota(order.begin(), order.end(), 0u);
  grove::shuffle(std::span(order), random);
  Split split(1);
  for (auto s : order) {
    if (!split.back().empty() && random.below(3) == 0) split.emplace_back();
    split.back().push_back(s);
  }
  return split;
}

}  // namespace test
