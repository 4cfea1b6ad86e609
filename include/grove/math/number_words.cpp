// SPDX-License-Identifier: Apache-2.0
#include "grove/math/number_words.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string>

#include "grove/math/ascii.hpp"
#include "grove/math/words.hpp"

namespace grove::math::detail {
namespace {

constexpr std::string_view below_twenty[] = {
    "zero", "one",    "two",    "three",    "four",     "five",    "six",     "seven",     "eight",    "nine",
    "ten",  "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::string_view tens[] = {"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};

struct Part {
  std::string_view word;
  std::int64_t of;
};
constexpr Part parts[] = {{"half", 2},  {"third", 3},   {"quarter", 4}, {"fourth", 4}, {"fifth", 5},
                          {"sixth", 6}, {"seventh", 7}, {"eighth", 8},  {"ninth", 9},  {"tenth", 10}};

template <std::size_t Size>
std::int64_t place(std::string_view word, std::string_view const (&words)[Size]) {
  auto const* const found = std::find(std::begin(words), std::end(words), word);
  return found == std::end(words) ? -1 : found - std::begin(words);
}

/// 3 for "third" and "thirds", 2 for "halves"; 0 for what is no part.
std::int64_t part_of(std::string_view word) {
  if (word == "halves") return 2;
  for (Part const& part : parts) {
    bool const plural = word.size() == part.word.size() + 1 && word.ends_with('s') && word.starts_with(part.word);
    if (word == part.word || plural) return part.of;
  }
  return 0;
}

/// Reads a number's words from the left to the right.
class Words {
 public:
  static constexpr std::size_t most = 12;

  /// False where there are too many words, or signs that stand in none.
  bool split(std::string_view text) {
    std::string& small = small_;
    small.assign(text);
    std::transform(small.begin(), small.end(), small.begin(), lower);
    for (std::size_t at = 0; at < small.size();) {
      if (is_space(small[at]) || small[at] == '-') {
        ++at;
        continue;
      }
      std::size_t const begin = at;
      while (at < small.size() && is_letter(small[at])) ++at;
      if (at == begin || size_ == most) return false;
      words_[size_++] = std::string_view(small).substr(begin, at - begin);
    }
    return size_ > 0;
  }

  std::optional<Rational> number() {
    bool const negative = accept("minus") || accept("negative");
    std::optional<std::int64_t> const whole = cardinal();
    Rational value(whole.value_or(1));
    if (std::int64_t const of = part_of(word());
        of != 0 && (whole || word() == "half")) {  // two thirds; third is a place
      ++at_;
      value = value / Rational(of);
    } else if (!whole) {
      return std::nullopt;
    } else if (accept("and")) {  // two and a half
      std::int64_t const above = cardinal().value_or(0);
      std::int64_t const below = part_of(word());
      ++at_;
      if (above < 1 || above >= below) return std::nullopt;
      value = value + Rational(above, below);
    }
    if (at_ != size_) return std::nullopt;
    return negative ? -value : value;
  }

 private:
  [[nodiscard]] std::string_view word(std::size_t ahead = 0) const {
    return at_ + ahead < size_ ? words_[at_ + ahead] : std::string_view();
  }
  bool accept(std::string_view wanted) {
    if (word() != wanted) return false;
    ++at_;
    return true;
  }

  /// Below a hundred; none where no number begins.
  std::optional<std::int64_t> below_hundred() {
    if (std::int64_t const ten = place(word(), tens); ten >= 0) {
      ++at_;
      std::int64_t const one = place(word(), below_twenty);
      if (one < 1 || one > 9) return 10 * (ten + 2);
      ++at_;
      return 10 * (ten + 2) + one;
    }
    std::int64_t const small = place(word(), below_twenty);
    if (small < 0) return std::nullopt;
    ++at_;
    return small;
  }

  std::optional<std::int64_t> below_thousand() {
    bool const article = word() == "a" && (magnitude(word(1)) != 0 || part_of(word(1)) != 0);
    if (article) ++at_;
    std::optional<std::int64_t> const first = article ? std::optional<std::int64_t>(1) : below_hundred();
    if (!first || *first > 99 || !accept("hundred")) return first;
    bool const joined =
        word() == "and" && (place(word(1), below_twenty) > 0 || place(word(1), tens) >= 0) && part_of(word(2)) == 0;
    if (joined) ++at_;
    return 100 * *first + below_hundred().value_or(0);
  }

  std::optional<std::int64_t> cardinal() {
    std::optional<std::int64_t> total;
    std::int64_t last = INT64_MAX;  // magnitudes become smaller
    for (;;) {
      std::optional<std::int64_t> const part = below_thousand();
      if (!part) return total;
      std::int64_t const by = magnitude(word());
      bool const group = by >= 1000 && by < last;
      total = total.value_or(0) + *part * (group ? by : 1);
      if (!group) return total;
      last = by;
      ++at_;
    }
  }

  std::string small_;
  std::array<std::string_view, most> words_;
  std::size_t size_ = 0;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<Rational> number_of_words(std::string_view words) {
  constexpr std::size_t longest = 100;
  if (words.size() > longest) return std::nullopt;
  Words reader;
  return reader.split(words) ? reader.number() : std::nullopt;
}

}  // namespace grove::math::detail
