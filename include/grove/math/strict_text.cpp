// SPDX-License-Identifier: Apache-2.0
#include "grove/math/strict_text.hpp"

#include "grove/math/ascii.hpp"
#include "grove/math/boxes.hpp"

namespace grove::math::detail {
namespace {

constexpr std::size_t none = std::string_view::npos;

struct Wrapped {
  std::string_view content;
  std::size_t end = 0;
  bool text = false;  ///< a text command, not a mathematical font
};

/// `\text..{..}` or `\math..{..}` at a position.
bool wrapped_at(std::string_view text, std::size_t at, Wrapped& out) {
  std::size_t name = at + 1;
  while (name < text.size() && is_letter(text[name])) ++name;
  std::string_view const command = text.substr(at + 1, name - at - 1);
  out.text = command.starts_with("text") || command == "mbox";
  bool const font = command == "mathrm" || command == "mathbf" || command == "mathit" || command == "mathsf" ||
                    command == "mathtt" || command == "mathnormal" || command == "boldsymbol" || command == "bm";
  if (!out.text && !font) return false;
  std::size_t const open = skip_space(text, name);
  if (!starts_with(text, open, "{")) return false;
  std::size_t const close = closing_brace(text, open, text.size());
  if (close == none) return false;
  out.content = text.substr(open + 1, close - open - 1);
  out.end = close + 1;
  return true;
}

/// Is there mathematics in it, or a single letter, and no word?
bool is_mathematics(Wrapped const& wrapped) {
  bool digit = false;
  std::size_t letters = 0;
  std::size_t run = 0;
  for (char const c : wrapped.content) {
    digit = digit || is_digit(c);
    run = is_letter(c) ? run + 1 : 0;
    letters += is_letter(c) ? 1 : 0;
    if (run > 1 || c == '\\') return false;
  }
  if (wrapped.text) return digit && letters == 0;
  return digit || letters == 1;
}

}  // namespace

std::string strict_text(std::string_view text) {
  // A sentence may end behind the answer.
  while (!text.empty() && (text.back() == '.' || text.back() == ',' || text.back() == ';' || is_space(text.back()))) {
    if (text.size() > 1 && text[text.size() - 2] == '\\') break;
    text.remove_suffix(1);
  }
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    char const c = text[i];
    if (c == '$') {
      ++i;
      continue;
    }
    if (c != '\\') {
      out += c;
      ++i;
      continue;
    }
    if (starts_with(text, i, "\\$")) {
      i += 2;
      continue;
    }
    Wrapped wrapped;
    if (wrapped_at(text, i, wrapped)) {
      bool const open = is_mathematics(wrapped);
      bool const blank = trim(wrapped.content).empty() || trim(wrapped.content) == "\\$";
      if (open) out.append(wrapped.content);
      if (!open && !blank) out.append(text.substr(i, wrapped.end - i));
      i = wrapped.end;
      continue;
    }
    std::size_t const next = i + 1 < text.size() ? i + 2 : i + 1;
    out.append(text.substr(i, next - i));
    i = next;
  }
  return out;
}

}  // namespace grove::math::detail
