// SPDX-License-Identifier: Apache-2.0
#include "grove/math/policy_qwen.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <vector>

#include "grove/math/ascii.hpp"
#include "grove/math/boxes.hpp"
#include "grove/math/qwen_text.hpp"
#include "grove/math/zero_test.hpp"

namespace grove::math {
namespace {

using detail::is_digit;
using detail::trim;

constexpr std::size_t none = std::string_view::npos;

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), detail::lower);
  return out;
}

/// What Python's float() takes for a number, commas ignored.
std::optional<double> as_number(std::string_view text) {
  std::string digits;
  for (char const c : trim(text)) {
    if (c != ',') digits += c;
  }
  bool digit = false;
  for (char const c : digits) {
    if (!is_digit(c) && std::string_view("+-.eE").find(c) == none) return std::nullopt;
    digit = digit || is_digit(c);
  }
  if (!digit || digits.size() > 400 || (!is_digit(digits[0]) && std::string_view("+-.").find(digits[0]) == none)) {
    return std::nullopt;
  }
  char* end = nullptr;
  double const value = std::strtod(digits.c_str(), &end);
  if (end != digits.c_str() + digits.size()) return std::nullopt;
  return value;
}

std::size_t count(std::string_view text, char c) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), c));
}

/// (\(|\[).+(\)|\]) from the beginning on.
bool is_list(std::string_view text) {
  return text.size() >= 3 && (text[0] == '(' || text[0] == '[') && text.find_first_of(")]", 2) != none;
}

bool is_matrix(std::string_view text) {
  return text.starts_with("\\begin{pmatrix}") && text.ends_with("\\end{pmatrix}");
}

std::vector<std::string_view> split(std::string_view text, std::string_view by) {
  std::vector<std::string_view> parts;
  for (;;) {
    std::size_t const at = text.find(by);
    parts.push_back(text.substr(0, at));
    if (at == none) return parts;
    text.remove_prefix(at + by.size());
  }
}

class Grader {
 public:
  Grader(QwenGrader const& policy, Workspace& workspace)
      : policy_(policy), workspace_(workspace), fuel_(policy.fuel), zero_({.ignore_degrees = true}) {}

  bool equal(std::string_view answer, std::string_view gold) {
    if (++calls_ > 400) return false;
    if (lowered(trim(answer)) == lowered(trim(gold))) return true;
    if (gold.size() == 1 && gold[0] >= 'A' && gold[0] <= 'E' && last_choice(answer) == gold[0]) return true;
    if (numbers(answer, gold)) return true;
    if (answer.empty()) return false;
    answer = trim(answer);
    gold = trim(gold);
    if (bare(answer, gold)) return true;
    if (is_list(answer) && is_list(gold)) return lists(answer, gold);
    if (is_matrix(answer) && is_matrix(gold)) return matrices(answer, gold);
    std::size_t const a = count(answer, '=');
    std::size_t const g = count(gold, '=');
    if (a == 1 && g == 1) return equations(answer, gold);
    if (a == 1 && g == 0 && trim(answer.substr(0, answer.find('='))).size() <= 2) {
      return equal(answer.substr(answer.find('=') + 1), gold);
    }
    if (g == 1 && a == 0 && trim(gold.substr(0, gold.find('='))).size() <= 2) {
      return equal(answer, gold.substr(gold.find('=') + 1));
    }
    return symbolic(answer, gold);
  }

 private:
  /// The last single letter from A to E that is a word.
  static char last_choice(std::string_view text) {
    char found = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      char const c = detail::lower(text[i]);
      bool const before = i == 0 || !detail::is_word(text[i - 1]);
      bool const behind = i + 1 == text.size() || !detail::is_word(text[i + 1]);
      if (c >= 'a' && c <= 'e' && before && behind) found = static_cast<char>(c - 32);
    }
    return found;
  }

  [[nodiscard]] bool close(double a, double b) const {
    return a == b || std::abs(a - b) <= policy_.relative_tolerance * std::max(std::abs(a), std::abs(b));
  }

  [[nodiscard]] bool numbers(std::string_view answer, std::string_view gold) const {
    auto const a = as_number(answer);
    auto const g = a ? as_number(gold) : std::nullopt;
    if (!g) return false;
    return close(*a, *g) || (policy_.percent_variants && (close(*a, *g / 100) || close(*a, *g * 100)));
  }

  /// The same without braces and parentheses; brackets at the ends count only against others.
  static bool bare(std::string_view answer, std::string_view gold) {
    auto const has = [](std::string_view text, char open, char end) {
      return text.size() > 1 && text.front() == open && text.back() == end;
    };
    std::string_view a = answer;
    std::string_view g = gold;
    if ((has(a, '[', ']') && !has(g, '(', ')')) || (has(a, '(', ')') && !has(g, '[', ']'))) {
      auto const strip = [](std::string_view text) {
        std::size_t const first = text.find_first_not_of("[]()");
        return first == none ? std::string_view{} : text.substr(first, text.find_last_not_of("[]()") + 1 - first);
      };
      a = strip(a);
      g = strip(g);
    }
    auto const open = [](std::string_view text) {
      std::string out;
      for (char const c : text) {
        if (std::string_view("{}()").find(c) == none) out += detail::lower(c);
      }
      return out;
    };
    return open(a) == open(g);
  }

  bool lists(std::string_view answer, std::string_view gold) {
    auto const a = split(answer.substr(1, answer.size() - 2), ",");
    auto const g = split(gold.substr(1, gold.size() - 2), ",");
    if (a.size() != g.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!equal(a[i], g[i])) return false;
    }
    return true;
  }

  bool matrices(std::string_view answer, std::string_view gold) {
    auto const rows = [](std::string_view text) {
      std::vector<std::string_view> out;
      for (auto const row : split(text.substr(15, text.size() - 15 - 13), "\\\\")) {
        if (!trim(row).empty()) out.push_back(trim(row));
      }
      return out;
    };
    auto const a = rows(answer);
    auto const g = rows(gold);
    if (a.size() != g.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      auto const p = split(a[i], "&");
      auto const q = split(g[i], "&");
      if (p.size() != q.size()) return false;
      for (std::size_t k = 0; k < p.size(); ++k) {
        if (!equal(p[k], q[k])) return false;
      }
    }
    return true;
  }

  bool equations(std::string_view answer, std::string_view gold) {
    auto const difference = [](std::string_view text) {
      std::size_t const at = text.find('=');
      return std::string(trim(text.substr(0, at))) + " - (" + std::string(trim(text.substr(at + 1))) + ")";
    };
    std::string const a = difference(answer);
    std::string const g = difference(gold);
    return symbolic(a, g) || symbolic("-(" + a + ")", g);
  }

  /// What the grader's LaTeX parsers stumble over in the part that they read.
  static bool stumbles(std::string_view text) {
    std::string_view const read = text.substr(0, text.find(','));
    if (std::any_of(read.begin(), read.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
      return true;
    if (text.find("{,}") != none) return true;
    for (std::string_view const command : {"\\displaystyle", "\\boxed", "\\mathrm", "\\text", "\\approx", "~"}) {
      if (read.find(command) != none) return true;
    }
    return false;
  }

  bool symbolic(std::string_view answer, std::string_view gold) {
    if (stumbles(answer) || stumbles(gold)) return false;
    Arena& arena = workspace_.arena;
    Expr const a = workspace_.parser.leading(arena, answer).value;
    Expr const g = workspace_.parser.leading(arena, gold).value;
    if (!a || !g) return false;
    workspace_.answer.value = a;
    workspace_.gold.value = g;
    bool const relation = arena.is(a, Kind::Relation);
    if (relation != arena.is(g, Kind::Relation)) return false;
    if (relation) {
      // Which relation it is does not matter to it, nor the sign of the sides' difference.
      Expr const x = arena.subtract(arena.child(a, 0), arena.child(a, 1));
      Expr const y = arena.subtract(arena.child(g, 0), arena.child(g, 1));
      return same(x, y) || same(x, arena.negate(y));
    }
    return same(a, g);
  }

  [[nodiscard]] bool holds_pi(Expr e) const {  // NOLINT(misc-no-recursion): depth is bounded by the arena
    Arena const& arena = workspace_.arena;
    if (arena.is(e, Constant::Pi)) return true;
    auto const children = arena.children(e);
    return std::any_of(children.begin(), children.end(), [&](Expr child) { return holds_pi(child); });
  }

  bool same(Expr a, Expr b) {
    if (!a || !b) return false;
    Arena& arena = workspace_.arena;
    if (same_structure(arena, a, b)) return true;
    if (zero_.equal(arena, a, b, fuel_).equal()) return true;
    // Its pi is a symbol.
    if (holds_pi(a) || holds_pi(b)) return false;
    auto const x = zero_.approximate(arena, a, fuel_);
    auto const y = x ? zero_.approximate(arena, b, fuel_) : std::nullopt;
    return y && close(*x, *y);
  }

  QwenGrader const& policy_;
  Workspace& workspace_;
  Fuel fuel_;
  ZeroTest zero_;
  int calls_ = 0;
};

}  // namespace

Outcome QwenGrader::judge(Workspace& workspace, std::string_view gold_text, std::string_view answer_text) const {
  workspace.reset();
  workspace.gold = {};
  workspace.answer = {};
  gold_text = detail::searched_part(gold_text);
  answer_text = detail::searched_part(answer_text);
  bool const boxed = detail::box_contents(gold_text, BoxMode::Last, workspace.scratch);
  std::string_view wanted = trim(boxed ? std::string_view(workspace.scratch) : gold_text);
  bool const dollars = wanted.size() > 2 && wanted.front() == '$' && wanted.find('$', 1) == wanted.size() - 1;
  if (dollars) wanted = wanted.substr(1, wanted.size() - 2);
  std::string const gold = detail::qwen_strip(wanted);
  std::string const answer = detail::qwen_answer(answer_text);
  workspace.gold.text = gold;
  workspace.answer.text = answer;
  if (gold.empty()) return {Verdict::Unparsed, "the gold answer cannot be read", false};
  if (answer.empty()) return {Verdict::Unparsed, "the text has no answer"};
  return Grader(*this, workspace).equal(answer, gold) ? Outcome{Verdict::Equal, "the grader's rules accept it"}
                                                      : Outcome{Verdict::Different, "no rule of the grader accepts it"};
}

}  // namespace grove::math
