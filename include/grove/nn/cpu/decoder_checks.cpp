// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/decoder_checks.hpp"

#include <cmath>
#include <string>

#include "grove/error.hpp"

namespace grove::nn::cpu::detail {

void check_tokens(char const* where, std::span<TokenId const> tokens, std::size_t vocab) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || static_cast<std::size_t>(tokens[i]) >= vocab) {
      throw Error(where, "token id " + std::to_string(tokens[i]) + " at " + std::to_string(i),
                  "0 to " + std::to_string(vocab - 1));
    }
  }
}

void check_batch(char const* where, PackedBatch const& batch, std::size_t vocab) {
  auto const& starts = batch.cu_seqlens;
  if (starts.empty() || starts.front() != 0 || starts.back() != batch.tokens.size()) {
    throw Error(where, "sequence lengths do not add up to the number of tokens",
                "cu_seqlens from 0 to " + std::to_string(batch.tokens.size()));
  }
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
    if (starts[s + 1] <= starts[s])
      throw Error(where, "sequence " + std::to_string(s) + " is empty", "at least 1 token");
  }
  check_tokens(where, batch.tokens, vocab);
}

void check_rows(char const* where, HeadRows const& rows, std::size_t tokens, std::size_t vocab) {
  if (rows.targets.size() != rows.rows.size()) {
    throw Error(where, std::to_string(rows.targets.size()) + " targets",
                std::to_string(rows.rows.size()) + ", one for each row");
  }
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    if (rows.rows[i] >= tokens || (i > 0 && rows.rows[i] <= rows.rows[i - 1])) {
      throw Error(where, "row " + std::to_string(rows.rows[i]) + " at " + std::to_string(i),
                  "ascending rows below " + std::to_string(tokens));
    }
  }
  check_tokens(where, rows.targets, vocab);
  if (!(rows.temperature > 0) || !std::isfinite(rows.temperature)) {
    throw Error(where, "temperature " + std::to_string(rows.temperature), "a positive, finite number");
  }
}

void check_outputs(char const* where, HeadOutputs const& outputs, std::size_t rows, std::size_t hidden) {
  auto const check = [&](std::span<float> column, std::size_t places, char const* name) {
    if (column.empty() || column.size() == places) return;
    throw Error(where, std::to_string(column.size()) + " places for " + name, std::to_string(places) + " or none");
  };
  check(outputs.log_prob, rows, "log_prob");
  check(outputs.entropy, rows, "entropy");
  check(outputs.sum_squares, rows, "sum_squares");
  check(outputs.hidden, rows * hidden, "hidden");
}

}  // namespace grove::nn::cpu::detail
