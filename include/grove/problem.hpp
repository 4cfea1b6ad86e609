// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grove/message.hpp"

namespace grove {

/// One task for the policy, as the data set gives it. Exactly one of `prompt` and `messages` is used: messages go
/// through the model's chat template, a prompt is taken as it is.
struct Problem {
  std::uint64_t id = 0;
  std::string prompt{};
  std::vector<Message> messages{};
  std::string gold;                                            ///< the answer that rule-based rewards compare with
  std::vector<std::pair<std::string, std::string>> columns{};  ///< every other column; what is not text is JSON

  /// A column of the data set by name.
  std::optional<std::string_view> column(std::string_view name) const {
    auto at = std::ranges::find(columns, name, [](auto const& entry) -> std::string_view { return entry.first; });
    return at == columns.end() ? std::nullopt : std::optional<std::string_view>(at->second);
  }
};

}  // namespace grove
