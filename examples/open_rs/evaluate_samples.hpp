// SPDX-License-Identifier: Apache-2.0
// open_rs evaluate: completions of test problems, judged.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/data/evaluation_set.hpp"
#include "grove/eval/evaluation.hpp"

namespace open_rs {

/// A completion of a test problem and what the verifiers say of it.
struct Sample {
  std::string completion{};
  std::optional<double> tokens{};
  std::optional<bool> truncated{};
  grove::eval::Vote chosen{}, strict{};  ///< by the chosen verifier, and by strict
};

struct JudgedSet {
  std::string name{};  ///< short, and of no other set of the run
  grove::data::EvaluationSet set{};
  std::vector<std::vector<Sample>> samples{};  ///< of each problem, in order of their numbers
};

/// A short name of each file: without folders and ending where no other has it, else with as many folders in front of
/// it as tell them apart. Throws grove::Error for a file that is there twice.
std::vector<std::string> short_names(std::vector<std::string> const& files);

/// Reads lines {"id", "completion"} (several an id; optional "file", "index", "tokens", "finish", "truncated") and
/// deals them to the sets' problems, by their own ids, else by unique_id, else by line numbers: the first of these that
/// fits every line. Returns which of the last two it was, or nothing. Throws grove::Error for an unknown field, an id
/// that no set has, or one that several have where the line names no file.
std::string_view deal_completions(std::filesystem::path const& file, std::span<JudgedSet> sets);

/// A set's problem with the fewest completions: how many these are, and its id.
std::pair<std::size_t, std::string> fewest_completions(JudgedSet const& set);

/// Throws for a problem without completions; with `allow_missing` it is left out instead and counted.
std::size_t require_all(std::vector<JudgedSet>& sets, std::size_t n, bool allow_missing);

/// Judges every completion, by `verifier` (lighteval, strict, compatible, compatible-open-rs, qwen
/// or answer-tag) and by strict.
void judge(std::vector<JudgedSet>& sets, std::string const& verifier, std::size_t threads);

/// Whether lengths are in tokens: where each completion says how many it has. Else they are in characters.
bool counts_tokens(JudgedSet const& set);

/// The statistics of one set by the chosen verifier, or by strict.
grove::eval::Evaluation summary(JudgedSet const& set, std::vector<std::size_t> const& ks, std::uint64_t seed,
                                bool strict);

}  // namespace open_rs
