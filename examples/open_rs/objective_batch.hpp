// SPDX-License-Identifier: Apache-2.0
// One line of `open_rs objective`: a batch of columns, and an algorithm's answer to it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "grove/any_algorithm.hpp"
#include "grove/episodes.hpp"
#include "grove/metrics.hpp"
#include "grove/reward_matrix.hpp"
#include "open_rs/lines.hpp"

namespace open_rs {

/// What holds for every line.
struct ObjectiveOptions {
  std::vector<double> reward_weights{};  ///< empty: all 1
  bool mask_truncated_completions = false;
  std::uint64_t seed = 0;
};

/// A batch as packed columns; a column that the line does not give is empty. Numbers are finite.
struct ObjectiveBatch {
  std::string where{};
  grove::Episodes episodes{};
  grove::RewardMatrix rewards{};
  bool has_groups = false, has_truncated = false;
  std::vector<std::uint8_t> counts{};
  std::vector<double> log_probs{}, old_log_probs{}, ref_log_probs{}, sampled_log_probs{}, entropies{}, values{},
      old_values{}, sum_squares{};       ///< [tokens]
  std::vector<double> greedy_rewards{};  ///< [sequences]
};

/// Reads a line. Throws Error that names the column, the sequence and what was expected.
ObjectiveBatch read_batch(Line const& line, ObjectiveOptions const& options);

struct ObjectiveAnswer {
  std::vector<double> advantages{}, d_log_prob{}, d_entropy{}, d_value{};  ///< [tokens]
  double loss = 0;
  grove::Metrics metrics{};
};

/// Advantages, loss and derivatives of one batch, which is a whole optimizer step on one rank. Throws Error that names
/// a column the algorithm needs and the line does not have.
ObjectiveAnswer evaluate(grove::AnyAlgorithm const& algorithm, ObjectiveBatch const& batch,
                         ObjectiveOptions const& options);

/// The answer as one JSON line; token columns as one list a sequence.
std::string to_json(ObjectiveAnswer const& answer, grove::Episodes const& episodes);

}  // namespace open_rs
