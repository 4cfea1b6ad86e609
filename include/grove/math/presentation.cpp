// SPDX-License-Identifier: Apache-2.0
#include "grove/math/presentation.hpp"

#include <algorithm>
#include <iterator>

#include "grove/math/ascii.hpp"
#include "grove/math/boxes.hpp"

namespace grove::math::detail {
namespace {

constexpr std::size_t none = std::string_view::npos;

template <std::size_t Size>
bool among(std::string_view word, std::string_view const (&known)[Size]) {
  return std::find(std::begin(known), std::end(known), word) != std::end(known);
}

/// Say how large, how bold, numbered or not.
constexpr std::string_view declarations[] = {
    "tiny",        "scriptsize", "footnotesize", "small",       "normalsize",
    "large",       "Large",      "LARGE",        "huge",        "Huge",
    "bfseries",    "itshape",    "boldmath",     "normalfont",  "scriptscriptstyle",
    "scriptstyle", "notag",      "nonumber",     "noindent",    "mathop",
    "mathord",     "mathinner",  "checkmark",    "blacksquare", "qedhere"};
/// With an argument that is not shown, or is no part of the answer.
constexpr std::string_view unseen[] = {"color", "hspace", "vspace", "phantom", "hphantom", "vphantom", "label", "tag"};
/// With an argument of their own in front of what they show.
constexpr std::string_view coloured[] = {"textcolor", "colorbox"};
/// Of the whole text: shown otherwise, meant the same.
constexpr std::string_view around[] = {"underline", "uline", "mathbf", "boldsymbol", "bm", "pmb", "mathbin", "mathrel"};
/// What an answer may begin with.
constexpr std::string_view leads[] = {"therefore", "implies", "Rightarrow", "Longrightarrow", "iff"};
/// The words of "The final answer is".
constexpr std::string_view announcing[] = {"the",   "final",    "answer", "is",        "ans",    "result",
                                           "value", "solution", "so",     "thus",      "hence",  "we",
                                           "get",   "have",     "total",  "therefore", "correct"};

std::size_t letters_end(std::string_view text, std::size_t at) {
  while (at < text.size() && is_letter(text[at])) ++at;
  return at;
}

/// The name of the command at a backslash.
std::string_view command_at(std::string_view text, std::size_t at) {
  return text.substr(at + 1, letters_end(text, at + 1) - at - 1);
}

/// Where `{..}` behind a position ends, or npos; `open` is where it begins.
std::size_t argument_end(std::string_view text, std::size_t at, std::size_t& open) {
  open = skip_space(text, at);
  if (!starts_with(text, open, "{")) return none;
  std::size_t const close = closing_brace(text, open, text.size());
  return close == none ? none : close + 1;
}

/// Does a `\text{..}` say no more than that the answer follows?
bool announces(std::string_view words) {
  bool any = false;
  for (std::size_t at = 0; at < words.size();) {
    if (!is_letter(words[at])) {
      if (!is_space(words[at]) && words[at] != ':' && words[at] != ',' && words[at] != '=') return false;
      ++at;
      continue;
    }
    std::size_t const end = letters_end(words, at);
    std::string word(words.substr(at, end - at));
    std::transform(word.begin(), word.end(), word.begin(), lower);
    if (!among(word, announcing)) return false;
    any = any || word == "answer" || word == "ans" || word == "result" || word == "value" || word == "solution" ||
          word == "total" || word == "therefore" || word == "thus" || word == "hence" || word == "so";
    at = end;
  }
  return any;
}

/// What stands in front of an answer and belongs to the sentence; its length, or 0.
std::size_t lead_length(std::string_view text) {
  if (text.starts_with('=') && !text.starts_with("==")) return 1;
  if (text.starts_with("\\\\")) return 2;
  if (!text.starts_with('\\')) return 0;
  std::string_view const name = command_at(text, 0);
  if (among(name, leads)) return name.size() + 1;
  if (name != "text" && name != "textbf" && name != "mbox") return 0;
  std::size_t open = 0;
  std::size_t const end = argument_end(text, name.size() + 1, open);
  return end != none && end < text.size() && announces(text.substr(open + 1, end - open - 2)) ? end : 0;
}

/// The inside of quotation marks, stars or a font around the whole text; the text itself if there are none.
std::string_view inside(std::string_view text) {
  constexpr std::string_view pairs[][2] = {{"$$", "$$"}, {"$", "$"}, {"**", "**"},         {"\"", "\""},
                                           {"``", "''"}, {"'", "'"}, {"\u201c", "\u201d"}, {"\u2018", "\u2019"}};
  for (auto const& [begin, end] : pairs) {
    if (text.size() <= begin.size() + end.size() || !text.starts_with(begin) || !text.ends_with(end)) continue;
    std::string_view const content = text.substr(begin.size(), text.size() - begin.size() - end.size());
    if (content.find(begin) == none && content.find(end) == none) return content;
  }
  if (!text.starts_with('\\') || !text.ends_with('}')) return text;
  std::string_view const name = command_at(text, 0);
  if (!among(name, around)) return text;
  std::size_t open = 0;
  if (argument_end(text, name.size() + 1, open) != text.size()) return text;
  std::string_view const content = text.substr(open + 1, text.size() - open - 2);
  // A vector's name and words keep their font: it says that they are one.
  bool const plain = name == "underline" || name == "uline";
  return plain || content.find('\\') != none ? content : text;
}

std::string_view trimmed(std::string_view text) {
  for (;;) {
    text = trim(text);
    std::string_view const before = text;
    text.remove_prefix(lead_length(text));
    if (text.ends_with("\\\\")) text.remove_suffix(2);
    text = inside(text);
    if (text.size() == before.size()) return text;
  }
}

/// A character of full width, a mark without width or a sign of another script at a position as ASCII; its length in
/// bytes, or 0.
std::size_t wide_character(std::string_view text, std::size_t at, std::string& out) {
  auto const byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : static_cast<unsigned char>(0);
  };
  if (byte(0) == 0xef && (byte(1) == 0xbc || byte(1) == 0xbd) && byte(2) >= 0x80 && byte(2) <= 0xbf) {
    unsigned const code = (byte(1) - 0xbcU) * 64U + byte(2) - 0x80U;  // from U+FF00
    if (code < 1 || code > 0x5e) return 0;
    out += static_cast<char>(code + 0x20);
    return 3;
  }
  if (starts_with(text, at, "\u3000")) return out += ' ', 3;
  if (starts_with(text, at, "\u3001")) return out += ',', 3;
  if (starts_with(text, at, "\u3002")) return out += '.', 3;
  for (std::string_view const mark : {"\u200b", "\u200c", "\u200d", "\u2060", "\ufeff"})
    if (starts_with(text, at, mark)) return 3;
  return 0;
}

/// Rows of one line: their alignment means nothing.
bool aligned_line(std::string_view text) {
  if (text.find('&') == none || text.find("\\\\") != none) return false;
  for (std::string_view const name : {"matrix}", "{array", "{cases"})
    if (text.find(name) != none) return false;
  return true;
}

}  // namespace

std::string_view without_presentation(std::string_view text, std::string& out) {
  text = trimmed(text);
  bool const wide = std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (!wide && text.find_first_of("\\&") == none && text.find("{.}") == none) return text;
  bool const line = aligned_line(text);
  bool changed = false;
  bool closed = true;  // no brace was found open yet: each would be looked for to the end
  out.clear();
  for (std::size_t i = 0; i < text.size();) {
    char const c = text[i];
    std::size_t end = i;
    if (c == '\\' && i + 1 < text.size() && is_letter(text[i + 1])) {
      std::string_view const name = command_at(text, i);
      std::size_t const behind = i + 1 + name.size();
      std::size_t open = 0;
      if (among(name, declarations)) {
        end = behind;
      } else if (bool const hidden = among(name, unseen); closed && (hidden || among(name, coloured))) {
        std::size_t const argument = argument_end(text, starts_with(text, behind, "*") ? behind + 1 : behind, open);
        closed = argument != none;
        if (closed && (hidden || starts_with(text, skip_space(text, argument), "{"))) end = argument;
      }
      if (end == i) {
        out.append(text.substr(i, behind - i));
        i = behind;
        continue;
      }
      out += ' ';
    } else if (c == '\\') {
      out.append(text.substr(i, 2));
      i += 2;
      continue;
    } else if (c == '&' && line) {
      end = i + 1;
    } else if (c == '{' && i > 0 && is_digit(text[i - 1]) && starts_with(text, i, "{.}")) {
      out += '.';
      end = i + 3;
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      end = i + wide_character(text, i, out);
    }
    changed = changed || end != i;
    if (end == i) {
      out += c;
      ++end;
    }
    i = end;
  }
  return changed ? trimmed(out) : text;
}

}  // namespace grove::math::detail
