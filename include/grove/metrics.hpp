// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grove {

/// Named numbers of one step, in the order they were first set. Names are TRL's where it has one.
class Metrics {
 public:
  void set(std::string_view name, double value) {
    auto at = std::ranges::find(entries_, name, &Entry::first);
    if (at == entries_.end())
      entries_.emplace_back(name, value);
    else
      at->second = value;
  }

  std::optional<double> find(std::string_view name) const {
    auto at = std::ranges::find(entries_, name, &Entry::first);
    return at == entries_.end() ? std::nullopt : std::optional(at->second);
  }

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  std::size_t size() const { return entries_.size(); }

 private:
  using Entry = std::pair<std::string, double>;
  std::vector<Entry> entries_;
};

}  // namespace grove
