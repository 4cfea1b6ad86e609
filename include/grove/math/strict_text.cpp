// SPDX-License-Identifier: Apache-2.0
#include "grove/math/strict_text.hpp"

#include <algorithm>

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
  if (wrapped.text) return (digit && letters == 0) || trim(wrapped.content) == "i";
  return digit || letters == 1;
}

struct Character {
  std::string_view text;
  std::string_view latex;
};
constexpr Character fractions[] = {{"\u00bd", "\\frac{1}{2}"}, {"\u00bc", "\\frac{1}{4}"}, {"\u00be", "\\frac{3}{4}"},
                                   {"\u2153", "\\frac{1}{3}"}, {"\u2154", "\\frac{2}{3}"}, {"\u2155", "\\frac{1}{5}"},
                                   {"\u2156", "\\frac{2}{5}"}, {"\u2157", "\\frac{3}{5}"}, {"\u2158", "\\frac{4}{5}"},
                                   {"\u2159", "\\frac{1}{6}"}, {"\u215a", "\\frac{5}{6}"}, {"\u215b", "\\frac{1}{8}"},
                                   {"\u215c", "\\frac{3}{8}"}, {"\u215d", "\\frac{5}{8}"}, {"\u215e", "\\frac{7}{8}"}};
constexpr Character raised[] = {{"\u2070", "0"}, {"\u00b9", "1"}, {"\u00b2", "2"}, {"\u00b3", "3"}, {"\u2074", "4"},
                                {"\u2075", "5"}, {"\u2076", "6"}, {"\u2077", "7"}, {"\u2078", "8"}, {"\u2079", "9"},
                                {"\u207a", "+"}, {"\u207b", "-"}, {"\u207f", "n"}};
constexpr Character lowered[] = {{"\u2080", "0"}, {"\u2081", "1"}, {"\u2082", "2"}, {"\u2083", "3"}, {"\u2084", "4"},
                                 {"\u2085", "5"}, {"\u2086", "6"}, {"\u2087", "7"}, {"\u2088", "8"}, {"\u2089", "9"}};
constexpr Character currencies[] = {{"\u00a3", ""}, {"\u20ac", ""}, {"\u00a5", ""}, {"\u20b9", ""}};

template <std::size_t Size>
Character const* character_at(std::string_view text, std::size_t at, Character const (&known)[Size]) {
  auto const* const found = std::find_if(std::begin(known), std::end(known),
                                         [&](auto const& one) { return starts_with(text, at, one.text); });
  return found == std::end(known) ? nullptr : found;
}

/// Characters of one script in a row as LaTeX: `^{-1}`. Where they end; `at` if there are none.
template <std::size_t Size>
std::size_t script_at(std::string_view text, std::size_t at, Character const (&known)[Size], char sign,
                      std::string& out) {
  Character const* one = character_at(text, at, known);
  if (one == nullptr) return at;
  out.append(1, sign).append("{");
  for (; one != nullptr; one = character_at(text, at, known)) {
    out.append(one->latex);
    at += one->text.size();
  }
  out.append("}");
  return at;
}

/// Fractions, scripts and signs of currencies that are one character, as LaTeX; where they end, or `at`.
std::size_t wide_at(std::string_view text, std::size_t at, std::string& out) {
  if (Character const* one = character_at(text, at, fractions)) {
    out.append(one->latex);
    return at + one->text.size();
  }
  if (Character const* one = character_at(text, at, currencies)) {
    out += ' ';
    return at + one->text.size();
  }
  std::size_t const end = script_at(text, at, raised, '^', out);
  return end != at ? end : script_at(text, at, lowered, '_', out);
}

/// Is a letter in roman type behind these characters a unit: 5\,\mathrm{m}?
bool is_unit_letter(std::string_view before, std::string_view content) {
  content = trim(content);
  if (!content.empty() && content.front() == '~') content.remove_prefix(1);
  constexpr std::string_view units = "msghlLNJWVK";
  if (content.size() != 1 || units.find(content[0]) == none) return false;
  while (!before.empty()) {
    if (is_space(before.back()) || before.back() == '~') {
      before.remove_suffix(1);
    } else if (before.size() > 1 && before[before.size() - 2] == '\\' &&
               std::string_view(",;: ").find(before.back()) != none) {
      before.remove_suffix(2);
    } else {
      break;
    }
  }
  return !before.empty() && is_digit(before.back());
}

std::size_t digits_from(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

std::string without_zeros(std::string_view digits) {
  std::size_t const first = std::min(digits.find_first_not_of('0'), digits.size());
  return first == digits.size() ? std::string("0") : std::string(digits.substr(first));
}

/// The digits that the words of a text begin with: 12 of `\text{12 cm}`; npos if there are none or no words behind
/// them.
std::size_t counted_end(Wrapped const& wrapped) {
  if (!wrapped.text || wrapped.content.find_first_of("\\{}$") != none) return none;
  std::size_t const number = skip_space(wrapped.content, 0);
  std::size_t end = digits_from(wrapped.content, number);
  if (end == number) return none;
  if (starts_with(wrapped.content, end, ".") && digits_from(wrapped.content, end + 1) != end + 1)
    end = digits_from(wrapped.content, end + 1);
  std::size_t const word = skip_space(wrapped.content, end);
  return word < wrapped.content.size() && is_letter(wrapped.content[word]) ? end : none;
}

/// 0.1\overline{6} at a digit, as a fraction: (\frac{16-1}{90}). Where it ends, or npos if there is none.
std::size_t repeating_decimal(std::string_view text, std::size_t at, std::string& out) {
  constexpr std::size_t most_digits = 30;
  std::size_t const point = digits_from(text, at);
  if (!starts_with(text, point, ".")) return none;
  std::size_t const bar = digits_from(text, point + 1);
  std::size_t open = none;
  for (std::string_view const command : {"\\overline", "\\bar", "\\dot"}) {
    if (starts_with(text, skip_space(text, bar), command))
      open = skip_space(text, skip_space(text, bar) + command.size());
  }
  if (open == none || open >= text.size()) return none;
  bool const braced = text[open] == '{';
  std::size_t const begin = braced ? skip_space(text, open + 1) : open;
  std::size_t const end = braced ? digits_from(text, begin) : std::min(digits_from(text, begin), begin + 1);
  std::size_t const close = braced ? skip_space(text, end) : end;
  if (end == begin || (braced && !starts_with(text, close, "}")) || end - at > most_digits) return none;
  std::string once(text.substr(at, point - at));
  once.append(text.substr(point + 1, bar - point - 1));
  std::string all = once;
  all.append(text.substr(begin, end - begin));
  out.append("(\\frac{").append(without_zeros(all)).append("-").append(without_zeros(once)).append("}{");
  out.append(end - begin, '9').append(bar - point - 1, '0').append("})");
  return braced ? close + 1 : end;
}

/// 3 1/2 and nothing else: (3+1/2). Empty if it is anything else.
std::string mixed_number(std::string_view text) {
  bool const negative = text.starts_with('-');
  std::size_t const begin = negative ? 1 : 0;
  std::size_t const whole = digits_from(text, begin);
  std::size_t const top = skip_space(text, whole);
  std::size_t const slash = digits_from(text, top);
  if (whole == begin || top == whole || slash == top || !starts_with(text, slash, "/")) return {};
  std::size_t const end = digits_from(text, slash + 1);
  if (end == slash + 1 || end != text.size() || text.size() > 40) return {};
  std::string const above = without_zeros(text.substr(top, slash - top));
  std::string const below = without_zeros(text.substr(slash + 1));
  if (above.size() > below.size() || (above.size() == below.size() && above >= below)) return {};
  std::string out(negative ? "-(" : "(");
  return out.append(text.substr(begin, whole - begin)).append("+").append(text.substr(top)).append(")");
}

/// `\mathbb R` and `\mathbb { R }` without their spaces; where they end, or `at`.
std::size_t blackboard(std::string_view text, std::size_t at, std::string& out) {
  constexpr std::string_view command = "\\mathbb";
  if (!starts_with(text, at, command)) return at;
  std::size_t const open = skip_space(text, at + command.size());
  bool const braced = starts_with(text, open, "{");
  std::size_t const letter = braced ? skip_space(text, open + 1) : open;
  if (letter >= text.size() || !is_letter(text[letter])) return at;
  std::size_t const close = braced ? skip_space(text, letter + 1) : letter;
  if (braced && !starts_with(text, close, "}")) return at;
  out.append(command).append("{").append(1, text[letter]).append("}");
  return close + 1;
}

/// Is a roman word a function's name: \mathrm{ln}?
bool names_function(std::string_view word) {
  constexpr std::string_view functions[] = {"ln",  "log", "lg",  "exp", "sin",    "cos",    "tan",
                                            "cot", "sec", "csc", "arg", "arcsin", "arccos", "arctan"};
  return std::find(std::begin(functions), std::end(functions), word) != std::end(functions);
}

}  // namespace

std::string strict_text(std::string_view text) {
  // A sentence may end behind the answer.
  while (!text.empty() && (text.back() == '.' || text.back() == ',' || text.back() == ';' || is_space(text.back()))) {
    if (text.size() > 1 && text[text.size() - 2] == '\\') break;
    if (text.ends_with("..")) break;  // what goes on is left out
    text.remove_suffix(1);
  }
  if (std::string mixed = mixed_number(text); !mixed.empty()) return mixed;
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    char const c = text[i];
    if (c == '$') {
      out += ' ';
      ++i;
      continue;
    }
    if (is_digit(c) && (i == 0 || (!is_digit(text[i - 1]) && text[i - 1] != '.'))) {
      if (std::size_t const end = repeating_decimal(text, i, out); end != none) {
        i = end;
        continue;
      }
    }
    if (std::size_t const end = blackboard(text, i, out); end != i) {
      i = end;
      continue;
    }
    if (c == '{' && (i == 0 || text[i - 1] != '\\')) {
      // An empty group that carries an exponent: 60{}^{\circ}.
      std::size_t const close = skip_space(text, i + 1);
      if (starts_with(text, close, "}") && starts_with(text, skip_space(text, close + 1), "^")) {
        i = close + 1;
        continue;
      }
    }
    if (static_cast<unsigned char>(c) >= 0x80) {
      if (std::size_t const end = wide_at(text, i, out); end != i) {
        i = end;
        continue;
      }
    }
    if (c != '\\') {
      out += c;
      ++i;
      continue;
    }
    if (starts_with(text, i, "\\$")) {
      out += ' ';
      i += 2;
      continue;
    }
    Wrapped wrapped;
    if (wrapped_at(text, i, wrapped)) {
      bool const based = starts_with(text, wrapped.end, "_{1") && wrapped.content.find_first_of("0123456789") != none;
      bool const open = (is_mathematics(wrapped) || based) && !is_unit_letter(text.substr(0, i), wrapped.content);
      bool const blank = trim(wrapped.content).empty() || trim(wrapped.content) == "\\$";
      if (open) out.append(wrapped.content);
      if (!open && names_function(trim(wrapped.content))) {
        out.append("\\").append(trim(wrapped.content)).append(" ");
        i = wrapped.end;
        continue;
      }
      if (std::size_t const counted = open ? none : counted_end(wrapped); counted != none) {
        out.append(wrapped.content.substr(0, counted))
            .append("\\text{")
            .append(wrapped.content.substr(counted))
            .append("}");
      } else if (!open && !blank)
        out.append(text.substr(i, wrapped.end - i));
      i = wrapped.end;
      continue;
    }
    std::size_t const next = i + 1 < text.size() ? i + 2 : i + 1;
    out.append(text.substr(i, next - i));
    i = next;
  }
  return out;
}

bool begins_with_script(std::string_view text) {
  return character_at(text, 0, fractions) != nullptr || character_at(text, 0, raised) != nullptr ||
         character_at(text, 0, lowered) != nullptr;
}

}  // namespace grove::math::detail
