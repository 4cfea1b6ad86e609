// SPDX-License-Identifier: Apache-2.0
// The arithmetic of an objective: all its terms over one block of rows, one vector of rows after the other, so that rows
// are read and derivatives written once. The inner loops, one a term, have a constant number of turns and write to arrays
// of their own, so that the compiler sees that nothing overlaps and makes vector instructions of them.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>

#include "grove/columns.hpp"
#include "grove/objective/block.hpp"
#include "grove/objective/token.hpp"
#include "grove/objective/vector_units.hpp"

namespace grove::detail {

/// All ones where a row counts for a term, else zero. What does not count is masked out, not multiplied by zero,
/// because it may be no number; and by its bits, since a choice between two results is a branch to a compiler that
/// minds floating-point traps.
template <std::floating_point T>
using Mask = std::array<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>, Block<T>::size>;

template <std::floating_point T, class Bits>
constexpr T masked(T x, Bits mask) {
  return std::bit_cast<T>(static_cast<Bits>(std::bit_cast<Bits>(x) & mask));
}

/// One number a row of a vector, and the same as one value.
template <std::floating_point T>
using Lane = std::array<T, lanes<T>>;
template <std::floating_point T>
using Vector [[gnu::vector_size(sizeof(Lane<T>))]] = T;

template <std::floating_point T>
[[gnu::always_inline]] inline Vector<T> vector(Lane<T> const& lane) {
  Vector<T> x;
  std::memcpy(&x, lane.data(), sizeof x);
  return x;
}

/// Adds a lane to the first `rows` numbers at `to`.
template <std::floating_point T>
[[gnu::always_inline]] inline void add_lane(Lane<T> const& from, T* to, std::size_t rows) {
  if (rows < lanes<T>) {
    for (std::size_t j = 0; j < rows; ++j) to[j] += from[j];
    return;
  }
  Vector<T> sum;
  std::memcpy(&sum, to, sizeof sum);
  sum += vector(from);
  std::memcpy(to, &sum, sizeof sum);
}

/// Sums over blocks, eight side by side, so that none waits for the one before it.
using LaneSums = std::array<double, 8>;

/// A sum over the rows of a block, a lane each.
template <std::floating_point T>
class BlockSum {
 public:
  [[gnu::always_inline]] void add(Lane<T> const& lane) { sum_ += vector(lane); }
  /// Adds `weight` times the sum.
  [[gnu::always_inline]] void add_to(LaneSums& sums, T weight) const {
    Lane<T> lane;
    std::memcpy(lane.data(), &sum_, sizeof sum_);
    for (std::size_t part = 0; part < lanes<T>; part += sums.size())
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(weight * lane[part + i]);
  }

 private:
  Vector<T> sum_ = {};
};

/// Where derivatives of a block's rows are added; null where nobody asks.
template <std::floating_point T>
struct BlockGradients {
  T *log_p, *entropy, *value;
};

/// One term's sums over blocks.
template <std::size_t Metrics>
struct TermSums {
  LaneSums loss{};
  LaneSums d_stat{};  ///< derivatives with respect to the sequence's statistic
  std::array<LaneSums, Metrics> metrics{};
};

/// Sets the mask of all rows that count; returns how many do.
template <std::floating_point T>
std::size_t mask_counted(Block<T> const& block, Mask<T>& mask) {
  using Bits = typename Mask<T>::value_type;
  std::size_t counted = 0;
  on_vector_units([&]() __attribute__((always_inline)) {
    auto const* const counts = block.counts;
    auto const rows = block.count, end = whole_vectors<T>(rows);
    Bits sum = 0;
    for (std::size_t i = 0; i < end; ++i) {
      mask[i] = counts[i] != 0 ? ~Bits{0} : Bits{0};
      sum += mask[i] & 1;
    }
    for (std::size_t i = rows; i < end; ++i) {
      sum -= mask[i] & 1;
      mask[i] = 0;
    }
    counted = sum;
  });
  return counted;
}

/// Derivatives of a block's rows with respect to one output, a vector at a time: in place, but for the last rows where
/// they fill no vector, and for those that nobody asks for.
template <std::floating_point T>
class GradientColumn {
 public:
  [[gnu::always_inline]] GradientColumn(T* to, std::size_t rows)
      : to_(to), whole_(to ? rows / lanes<T> * lanes<T> : 0), rest_(to ? rows - whole_ : 0) {
    for (std::size_t j = 0; j < rest_; ++j) last_[j] = to_[whole_ + j];
  }
  [[gnu::always_inline]] Vector<T> load(std::size_t begin) {
    Vector<T> x;
    std::memcpy(&x, at(begin), sizeof x);
    return x;
  }
  [[gnu::always_inline]] void store(std::size_t begin, Vector<T> const& x) { std::memcpy(at(begin), &x, sizeof x); }
  [[gnu::always_inline]] void finish() {
    for (std::size_t j = 0; j < rest_; ++j) to_[whole_ + j] = last_[j];
  }

 private:
  [[gnu::always_inline]] T* at(std::size_t begin) { return begin < whole_ ? to_ + begin : last_.data(); }

  T* to_;
  std::size_t whole_, rest_;
  alignas(64) Lane<T> last_{};
};

/// Derivatives of one vector of rows.
template <std::floating_point T>
struct Derivatives {
  Vector<T> log_p{}, entropy{}, value{};
};

/// A term and what it needs for a block. `statistic` is the sequence's for a term with Scope::Sequence.
template <class Term, std::floating_point T, class Statistic>
struct TermInput {
  using term_type = Term;
  using statistic_type = Statistic;

  bool on;  ///< false: it answers nothing
  Term const& term;
  Statistic const& statistic;
  T weight;
  Mask<T> const& masks;
  TermSums<Term::metric_names.size()>& sums;
};

/// A term on its way over a block: what stays the same and the sums of its answers, in registers.
template <class Term, std::floating_point T, class Statistic>
class TermOnBlock {
 public:
  [[gnu::always_inline]] TermOnBlock(TermInput<Term, T, Statistic> const& in, T length)
      : on_(in.on),
        term_(in.term),
        statistic_(in.statistic),
        weight_(in.weight),
        share_(per_sequence<Term> && length > 0 ? T(1) / length : T(1)),
        masks_(in.masks.data()) {}

  /// Adds the answers for the vector of rows at `begin`.
  [[gnu::always_inline]] void add(Block<T> const& block, std::size_t begin, Derivatives<T>& d) {
    if (!on_) return;
    alignas(64) Lane<T> loss, d_log_p, d_entropy, d_value, d_stat;
    alignas(64) std::array<Lane<T>, metrics> metric;
    for (std::size_t j = 0; j < lanes<T>; ++j) {
      auto const value = answer(block.token(begin + j));
      auto const mask = masks_[begin + j];
      loss[j] = masked(value.loss, mask);
      d_log_p[j] = masked(weight_ * value.d_log_p, mask);
      if constexpr (has_entropy) d_entropy[j] = masked(weight_ * value.d_entropy, mask);
      if constexpr (has_value) d_value[j] = masked(weight_ * value.d_value, mask);
      if constexpr (SequenceTerm<Term>) d_stat[j] = masked(value.d_stat, mask);
      for (std::size_t m = 0; m < metrics; ++m) metric[m][j] = masked(value.metrics[m], mask);
    }
    d.log_p += vector(d_log_p);
    if constexpr (has_entropy) d.entropy += vector(d_entropy);
    if constexpr (has_value) d.value += vector(d_value);
    loss_.add(loss);
    if constexpr (SequenceTerm<Term>) d_stat_.add(d_stat);
    for (std::size_t m = 0; m < metrics; ++m) metrics_[m].add(metric[m]);
  }

  [[gnu::always_inline]] void add_to(TermSums<Term::metric_names.size()>& sums) const {
    if (!on_) return;
    loss_.add_to(sums.loss, weight_);
    if constexpr (SequenceTerm<Term>) d_stat_.add_to(sums.d_stat, weight_);
    // A sequence-level term reports one number a sequence: its tokens share it.
    for (std::size_t m = 0; m < metrics; ++m) metrics_[m].add_to(sums.metrics[m], share_);
  }

 private:
  static constexpr std::size_t metrics = Term::metric_names.size();
  static constexpr bool has_entropy = Term::needs.contains(Column::Entropy);
  static constexpr bool has_value = Term::needs.contains(Column::Value);

  [[gnu::always_inline]] auto answer(Token<T> const& token) const {
    if constexpr (SequenceTerm<Term>)
      return term_(token, statistic_);
    else
      return term_(token);
  }

  bool on_;
  Term term_;
  Statistic statistic_;
  T weight_, share_;
  typename Mask<T>::value_type const* masks_;
  BlockSum<T> loss_, d_stat_;
  std::array<BlockSum<T>, metrics> metrics_;
};

/// Adds the weighted answers of all terms.
template <std::floating_point T, class... Inputs>
void answer_block(Block<T> const& given_block, BlockGradients<T> const& to, Inputs const&... inputs) {
  on_vector_units([&]() __attribute__((always_inline)) {
    constexpr ColumnSet needs = (Inputs::term_type::needs | ...);
    constexpr bool has_entropy = needs.contains(Column::Entropy), has_value = needs.contains(Column::Value);
    Block<T> const block = given_block;
    std::tuple<TermOnBlock<typename Inputs::term_type, T, typename Inputs::statistic_type>...> terms(
        {inputs, block.length}...);
    GradientColumn<T> log_p(to.log_p, block.count), entropy(has_entropy ? to.entropy : nullptr, block.count),
        value(has_value ? to.value : nullptr, block.count);
    for (std::size_t begin = 0; begin < block.count; begin += lanes<T>) {
      Derivatives<T> d{.log_p = log_p.load(begin)};
      if constexpr (has_entropy) d.entropy = entropy.load(begin);
      if constexpr (has_value) d.value = value.load(begin);
      std::apply([&](auto&... term) __attribute__((always_inline)) { (term.add(block, begin, d), ...); }, terms);
      log_p.store(begin, d.log_p);
      if constexpr (has_entropy) entropy.store(begin, d.entropy);
      if constexpr (has_value) value.store(begin, d.value);
    }
    log_p.finish();
    entropy.finish();
    value.finish();
    std::apply([&](auto const&... term) __attribute__((always_inline)) { (term.add_to(inputs.sums), ...); }, terms);
  });
}

/// Adds a block's part to the statistic of its sequence, a lane each.
template <class Term, std::floating_point T, class Statistic>
void prepare_block(Term const& given, Block<T> const& given_block, Mask<T> const& masks,
                   std::array<Statistic, lanes<T>>& given_sums) {
  on_vector_units([&]() __attribute__((always_inline)) {
    Term const term = given;
    Block<T> const block = given_block;
    auto sums = given_sums;
    for (std::size_t begin = 0; begin < block.count; begin += lanes<T>) {
      auto all = masks[begin];
      for (std::size_t j = 1; j < lanes<T>; ++j) all &= masks[begin + j];
      if (all != 0) {
        for (std::size_t j = 0; j < lanes<T>; ++j)
          sums[j] = Term::combine(sums[j], term.prepare(block.token(begin + j)));
      } else {
        for (std::size_t j = 0; j < lanes<T>; ++j)
          if (masks[begin + j] != 0) sums[j] = Term::combine(sums[j], term.prepare(block.token(begin + j)));
      }
    }
    given_sums = sums;
  });
}

/// Adds d loss / d statistic * d statistic / d log p of each row.
template <class Term, std::floating_point T>
void add_through_statistic(Term const& given, Block<T> const& given_block, Mask<T> const& masks, T d_stat, T* to) {
  on_vector_units([&]() __attribute__((always_inline)) {
    Term const term = given;
    Block<T> const block = given_block;
    for (std::size_t begin = 0; begin < block.count; begin += lanes<T>) {
      alignas(64) Lane<T> d_log_p;
      for (std::size_t j = 0; j < lanes<T>; ++j)
        d_log_p[j] = masked(d_stat * term.d_prepare(block.token(begin + j)), masks[begin + j]);
      add_lane<T>(d_log_p, to + begin, block.count - begin);
    }
  });
}

}  // namespace grove::detail
