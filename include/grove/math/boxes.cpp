// SPDX-License-Identifier: Apache-2.0
#include "grove/math/boxes.hpp"

#include <algorithm>
#include <vector>

#include "grove/math/ascii.hpp"

namespace grove::math::detail {
namespace {

constexpr std::size_t none = std::string_view::npos;

/// The last place of a command that begins before `below`, cached while queries move backward.
class LastPlace {
 public:
  LastPlace(std::string_view text, std::string_view what) : text_(text), what_(what) {}

  std::size_t before(std::size_t below) {
    if (!asked_ || (place_ != none && place_ + what_.size() > below)) {
      place_ = below < what_.size() ? none : text_.rfind(what_, below - what_.size());
      asked_ = true;
    }
    return place_;
  }

 private:
  std::string_view text_;
  std::string_view what_;
  bool asked_ = false;
  std::size_t place_ = none;
};

bool has_separator(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',' || text[i] == ';') return true;
    if (i > 0 && is_word(text[i - 1])) continue;
    std::size_t const length = starts_with(text, i, "and") ? 3 : starts_with(text, i, "or") ? 2 : 0;
    if (length != 0 && (i + length == text.size() || !is_word(text[i + length]))) return true;
  }
  return false;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

bool belongs_to_next(std::string_view between, bool same_content) {
  if (between.size() > 70U * 4U) return false;
  std::size_t const length = characters(between);
  return length < 10 || (!same_content && length < 70 && has_separator(between));
}

}  // namespace

std::size_t closing_brace(std::string_view text, std::size_t open, std::size_t end) {
  std::size_t depth = 0;
  for (std::size_t i = open; i < end; ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
  return none;
}

bool box_contents(std::string_view text, BoxMode mode, std::string& out) {
  std::vector<std::string_view> found;
  LastPlace boxed(text, "\\boxed");
  LastPlace framed(text, "\\fbox");
  std::size_t below = text.size();  // boxes begin before it, and their contents end before it
  bool first = true;
  for (;;) {
    std::size_t const box = boxed.before(below);
    std::size_t const frame = framed.before(below);
    if (box == none && frame == none) break;
    bool const is_box = frame == none || (box != none && box > frame);
    std::size_t const begin = is_box ? box : frame;
    std::size_t open = begin + (is_box ? 6 : 5);
    while (open < below && is_space(text[open])) ++open;
    if (open >= below) break;
    std::size_t const close = text[open] == '{' ? closing_brace(text, open, below) : none;
    if (close == none) {
      // Never closed, or no brace: only as the last box, up to the text's end.
      if (found.empty()) found.push_back(text.substr(open));
      break;
    }
    std::string_view const content = trim(text.substr(open + 1, close - open - 1));
    bool const same = !found.empty() && found.back() == content;
    if (mode == BoxMode::Last && !first && !belongs_to_next(text.substr(close + 1, below - close - 1), same)) break;
    if (!same) found.push_back(content);
    first = false;
    below = begin;
  }
  if (found.empty()) return false;
  out.clear();
  for (auto piece = found.rbegin(); piece != found.rend(); ++piece) {
    if (piece != found.rbegin()) out += ',';
    out += *piece;
  }
  return true;
}

}  // namespace grove::math::detail
