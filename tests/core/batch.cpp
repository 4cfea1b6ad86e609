// SPDX-License-Identifier: Apache-2.0
#include "grove/batch.hpp"

#include <cstdint>
#include <vector>

#include "bandit/bandit.hpp"
#include "support/catch.hpp"

namespace {

using Columns = grove::MicroBatchColumns<SoftmaxBandit>;

/// Three sequences of 2, 0 and 3 tokens; columns hold the token's number, with a decimal for the column.
grove::Batch<SoftmaxBandit> batch() {
  grove::Batch<SoftmaxBandit> b;
  for (std::size_t const n : {2, 0, 3}) b.trajectories.episodes.add(n, 0, false);
  for (int i = 0; i < 5; ++i) {
    b.trajectories.log_probs.push_back(i + 0.1);
    b.old_log_prob.push_back(i + 0.2);
    b.advantage.push_back(i + 0.3);
  }
  b.counts = {1, 0, 1, 1, 0};
  return b;
}

std::vector<double> list(std::span<const double> values) { return {values.begin(), values.end()}; }

}  // namespace

TEST_CASE("a micro-batch's columns are packed in its own order") {
  auto const b = batch();
  std::vector<std::uint32_t> const sequences{2, 1, 0};
  Columns const columns(b, sequences);
  CHECK(columns.cu_seqlens == std::vector<std::size_t>{0, 3, 3, 5});
  CHECK(columns.counts == std::vector<std::uint8_t>{1, 1, 0, 1, 0});
  CHECK(columns.lengths == std::vector<std::uint32_t>{2, 0, 1});
  CHECK(columns.lengths.size() == 3);
  std::vector<double> log_p{-1, -2, -3, -4, -5};
  auto const rows = columns.rows(0, {.log_prob = log_p});
  CHECK(list(rows.log_p) == log_p);
  CHECK(list(rows.log_p_rollout) == std::vector<double>{2.1, 3.1, 4.1, 0.1, 1.1});
  CHECK(list(rows.log_p_old) == std::vector<double>{2.2, 3.2, 4.2, 0.2, 1.2});
  CHECK(list(rows.advantage) == std::vector<double>{2.3, 3.3, 4.3, 0.3, 1.3});
  CHECK(rows.log_p_ref.empty());
  CHECK(rows.entropy.empty());
  CHECK(rows.first == 0);
}

TEST_CASE("outputs that come in pieces meet their own rows") {
  auto const b = batch();
  std::vector<std::uint32_t> const sequences{2, 0};
  Columns const columns(b, sequences);
  std::vector<double> log_p{-3, -4}, entropy{0.5, 0.6};
  auto const rows = columns.rows(2, {.log_prob = log_p, .entropy = entropy});
  CHECK(rows.first == 2);
  CHECK(list(rows.log_p_rollout) == std::vector<double>{4.1, 0.1});
  CHECK(list(rows.entropy) == entropy);
  CHECK(std::vector<std::uint8_t>(rows.counts.begin(), rows.counts.end()) == std::vector<std::uint8_t>{0, 1});
}

TEST_CASE("without old log-probs the policy's own stand for them: the ratio is one") {
  auto b = batch();
  b.old_log_prob.clear();
  std::vector<std::uint32_t> const sequences{0};
  Columns const columns(b, sequences);
  std::vector<double> log_p{-1, -2};
  auto const rows = columns.rows(0, {.log_prob = log_p});
  CHECK(list(rows.log_p_old) == log_p);
  CHECK(columns.lengths.size() == 1);
}

TEST_CASE("an empty micro-batch has no columns") {
  auto const b = batch();
  Columns const columns(b, {});
  CHECK(columns.lengths.size() == 0);
  CHECK(columns.cu_seqlens == std::vector<std::size_t>{0});
}
