// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "grove/completion.hpp"
#include "grove/error.hpp"
#include "grove/problem.hpp"
#include "grove/reward/unicode.hpp"

namespace grove {

/// (1 - different n-grams / n-grams) * penalty, 0 for texts of fewer than n units (arXiv 2502.03373, appendix). Units
/// are words between white space without regard to the case of ASCII letters, as in open-r1 and open-rs; or tokens, as
/// in TRL. Throws Error where the penalty is positive or n is 0.
struct RepetitionPenalty {
  enum class Unit : std::uint8_t { Word, Token };

  std::size_t n = 3;
  double penalty = -1.0;  ///< of a text that repeats itself for ever
  Unit unit = Unit::Word;

  static constexpr std::string_view name = "repetition_penalty";

  double operator()(Problem const&, Completion const& completion) const {
    if (!(penalty <= 0)) throw Error("RepetitionPenalty", "penalty is " + std::to_string(penalty), "0 or less");
    if (n == 0) throw Error("RepetitionPenalty", "n is 0", "at least 1");
    auto const units = unit == Unit::Word
                           ? words_of(completion.text)
                           : std::vector<std::uint32_t>(completion.tokens.begin(), completion.tokens.end());
    if (units.size() < n) return 0.0;
    auto const total = units.size() - n + 1;
    return (1.0 - static_cast<double>(different(units, total)) / static_cast<double>(total)) * penalty;
  }

 private:
  /// A number for each word, equal for equal words.
  static std::vector<std::uint32_t> words_of(std::string_view text) {
    std::unordered_map<std::string, std::uint32_t> numbers;
    std::vector<std::uint32_t> words;
    std::string word;
    auto const end_word = [&] {
      if (!word.empty())
        words.push_back(numbers.try_emplace(word, static_cast<std::uint32_t>(numbers.size())).first->second);
      word.clear();
    };
    while (!text.empty()) {
      auto const before = text;
      auto const point = next_code_point(text);
      if (is_space(point))
        end_word();
      else if (point >= 'A' && point <= 'Z')
        word += static_cast<char>(point - 'A' + 'a');
      else
        word += before.substr(0, before.size() - text.size());
    }
    end_word();
    return words;
  }

  std::size_t different(std::span<const std::uint32_t> units, std::size_t total) const {
    std::vector<std::size_t> starts(total);
    std::iota(starts.begin(), starts.end(), std::size_t{0});
    auto const gram = [&](std::size_t start) { return units.subspan(start, n); };
    std::ranges::sort(
        starts, [&](std::size_t a, std::size_t b) { return std::ranges::lexicographical_compare(gram(a), gram(b)); });
    auto const last = std::unique(starts.begin(), starts.end(),
                                  [&](std::size_t a, std::size_t b) { return std::ranges::equal(gram(a), gram(b)); });
    return static_cast<std::size_t>(last - starts.begin());
  }
};

}  // namespace grove
