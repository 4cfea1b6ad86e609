// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>

namespace grove::data {

/// Why a column cannot be that of the gold answers, as "each of the 30 gold answers is 'Hard'"; none where it can:
/// 20 rows or more share at most three words such as a source or level, or more than half are web addresses.
std::optional<std::string> why_labels(std::span<std::string const> golds);

/// The same where golds are mathematics: labels and addresses, or more than half are sentences.
std::optional<std::string> why_no_mathematics(std::span<std::string const> golds);

}  // namespace grove::data
