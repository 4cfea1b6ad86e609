// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/lexer.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "grove/text/jinja/string_literal.hpp"
#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

// One kind of line break, and none at the end.
std::string normalized(std::string_view source) {
  std::string result;
  result.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      result += source[i];
    } else {
      result += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
  }
  if (!result.empty() && result.back() == '\n') result.pop_back();
  return result;
}

int line_breaks(std::string_view text) { return static_cast<int>(std::count(text.begin(), text.end(), '\n')); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_character(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

class Lexer {
 public:
  Lexer(Runtime& runtime, std::string_view source) : runtime_(runtime), source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) lex_data();
    runtime_.line = line_;
    add(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  // What a tag starts with: {{, {% or {#, whether it opens a raw block, and its sign.
  struct Opening {
    std::size_t start;
    char kind;  ///< '{', '%', '#', or 'r' for raw
    char sign;  ///< '-', '+' or 0
    std::size_t end;
  };

  [[noreturn]] void fail(std::string what) {
    runtime_.line = line_;
    runtime_.fail(std::move(what));
  }

  void add(TokenKind kind, std::string value) {
    runtime_.charge_bytes(sizeof(Token) + value.size());
    tokens_.push_back({kind, line_, std::move(value)});
  }

  bool starts_with(std::string_view text, std::size_t at) const { return source_.substr(at, text.size()) == text; }

  void skip_spaces(std::size_t& at) const {
    while (at < source_.size()) {
      std::size_t next = at;
      if (!is_space(next_character(source_, next))) return;
      at = next;
    }
  }

  // Moves behind text that ends at `end`, counting lines.
  void move_to(std::size_t end) {
    line_ += line_breaks(source_.substr(at_, end - at_));
    line_starting_ = end > at_ && source_[end - 1] == '\n';
    at_ = end;
  }

  char sign_at(std::size_t at) const {
    return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
  }

  std::optional<Opening> find_opening(std::size_t from) const {
    for (std::size_t at = source_.find('{', from); at != std::string_view::npos; at = source_.find('{', at + 1)) {
      char const kind = at + 1 < source_.size() ? source_[at + 1] : '\0';
      if (kind != '{' && kind != '%' && kind != '#') continue;
      char const sign = sign_at(at + 2);
      std::size_t const end = at + 2 + (sign != 0 ? 1 : 0);
      if (kind == '%') {
        if (auto const raw_end = end_of_raw_opening(end)) return Opening{at, 'r', sign, *raw_end};
      }
      return Opening{at, kind, sign, end};
    }
    return std::nullopt;
  }

  // Behind "raw %}" or "raw -%}" and the white space that the latter strips; none if it is another tag.
  std::optional<std::size_t> end_of_raw_opening(std::size_t at) const {
    skip_spaces(at);
    if (!starts_with("raw", at)) return std::nullopt;
    at += 3;
    skip_spaces(at);
    if (starts_with("%}", at)) return at + 2;
    if (!starts_with("-%}", at)) return std::nullopt;
    at += 3;
    skip_spaces(at);
    return at;
  }

  // The text before a tag, stripped as the tag's sign and lstrip_blocks say.
  std::string_view before_tag(std::string_view text, char sign, bool is_variable) const {
    if (sign == '-') return strip_right(text);
    if (sign == '+' || is_variable) return text;
    std::size_t const line_start = text.rfind('\n') + 1;
    bool const at_line_start = line_start > 0 || line_starting_;
    return at_line_start && strip_left(text.substr(line_start)).empty() ? text.substr(0, line_start) : text;
  }

  void add_data(std::string_view text) {
    if (!text.empty()) add(TokenKind::data, std::string(text));
  }

  void lex_data() {
    auto const opening = find_opening(at_);
    if (!opening) {
      add_data(source_.substr(at_));
      move_to(source_.size());
      return;
    }
    add_data(before_tag(source_.substr(at_, opening->start - at_), opening->sign, opening->kind == '{'));
    move_to(opening->start);
    switch (opening->kind) {
      case '#':
        move_to(opening->end);
        return lex_comment();
      case 'r':
        move_to(opening->end);
        return lex_raw();
      default:
        add(opening->kind == '{' ? TokenKind::variable_begin : TokenKind::block_begin, "");
        move_to(opening->end);
        return lex_tag(opening->kind == '{');
    }
  }

  // Behind what closes a comment or block at `at` (`close` with its sign), none if nothing does.
  std::optional<std::size_t> end_of_closing(std::string_view close, std::size_t at) const {
    char const sign = sign_at(at);
    if (!starts_with(close, at + (sign != 0 ? 1 : 0))) return std::nullopt;
    at += close.size() + (sign != 0 ? 1 : 0);
    if (sign == '-') skip_spaces(at);
    if (sign == 0 && at < source_.size() && source_[at] == '\n') ++at;  // trim_blocks
    return at;
  }

  void lex_comment() {
    if (at_ >= source_.size()) return;
    for (std::size_t at = at_; at < source_.size(); ++at) {
      if (source_[at] != '#' && sign_at(at) == 0) continue;
      if (auto const end = end_of_closing("#}", at)) return move_to(*end);
    }
    fail("Missing end of comment tag");
  }

  void lex_raw() {
    if (at_ >= source_.size()) return;
    for (std::size_t at = source_.find("{%", at_); at != std::string_view::npos; at = source_.find("{%", at + 1)) {
      char const sign = sign_at(at + 2);
      std::size_t end = at + 2 + (sign != 0 ? 1 : 0);
      skip_spaces(end);
      if (!starts_with("endraw", end)) continue;
      end += 6;
      skip_spaces(end);
      auto const closed = end_of_closing("%}", end);
      if (!closed) continue;
      add_data(before_tag(source_.substr(at_, at - at_), sign, false));
      return move_to(*closed);
    }
    fail("Missing end of raw directive");
  }

  // Behind what ends this tag here, none if nothing does.
  std::optional<std::size_t> end_of_tag(bool is_variable) const {
    if (!open_.empty()) return std::nullopt;
    if (!is_variable) return end_of_closing("%}", at_);
    if (starts_with("}}", at_)) return at_ + 2;
    if (!starts_with("-}}", at_)) return std::nullopt;
    std::size_t end = at_ + 3;
    skip_spaces(end);
    return end;
  }

  void lex_tag(bool is_variable) {
    while (at_ < source_.size()) {
      if (auto const end = end_of_tag(is_variable)) {
        add(is_variable ? TokenKind::variable_end : TokenKind::block_end, "");
        return move_to(*end);
      }
      std::size_t spaces = at_;
      skip_spaces(spaces);
      if (spaces > at_) {
        move_to(spaces);
      } else {
        lex_token();
      }
    }
  }

  void lex_token() {
    char const c = source_[at_];
    if (is_digit(c)) {
      lex_number();
    } else if (is_name_character(c)) {
      std::size_t end = at_;
      while (end < source_.size() && is_name_character(source_[end])) ++end;
      add(TokenKind::name, std::string(source_.substr(at_, end - at_)));
      at_ = end;
    } else if (c == '\'' || c == '"') {
      lex_text(c);
    } else {
      lex_symbol();
    }
  }

  // Behind digits that may be grouped by underscores.
  std::size_t skip_digits(std::size_t at, std::string_view digits) const {
    auto const is_one = [&](std::size_t i) {
      return i < source_.size() && digits.find(source_[i]) != std::string_view::npos;
    };
    while (is_one(at) || (at < source_.size() && source_[at] == '_' && is_one(at + 1))) ++at;
    return at;
  }

  // Behind a number with a fraction or an exponent; none if there is only an integer.
  std::optional<std::size_t> end_of_real() const {
    constexpr std::string_view digits = "0123456789";
    if (at_ > 0 && source_[at_ - 1] == '.') return std::nullopt;
    std::size_t const whole = skip_digits(at_, digits);
    std::size_t end = whole;
    if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1]))
      end = skip_digits(end + 1, digits);
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      std::size_t const exponent = end + (sign_at(end + 1) != 0 ? 2 : 1);
      if (exponent < source_.size() && is_digit(source_[exponent])) end = skip_digits(exponent, digits);
    }
    return end == whole ? std::nullopt : std::optional(end);
  }

  std::size_t end_of_integer() const {
    if (source_[at_] != '0') return skip_digits(at_, "0123456789");
    char const prefix = at_ + 1 < source_.size() ? static_cast<char>(source_[at_ + 1] | 0x20) : '\0';
    std::string_view const digits = prefix == 'x'   ? "0123456789abcdefABCDEF"
                                    : prefix == 'o' ? "01234567"
                                    : prefix == 'b' ? "01"
                                                    : "";
    std::size_t const prefixed = skip_digits(at_ + 2, digits);
    return !digits.empty() && prefixed > at_ + 2 ? prefixed : skip_digits(at_, "0");
  }

  void lex_number() {
    auto const real = end_of_real();
    std::size_t const end = real ? *real : end_of_integer();
    std::string digits(source_.substr(at_, end - at_));
    add(real ? TokenKind::real : TokenKind::integer, std::move(digits));
    at_ = end;
  }

  void lex_text(char quote) {
    std::size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) fail("a text that starts with " + std::string(1, quote) + " does not end");
    runtime_.line = line_;
    add(TokenKind::text, unescape(runtime_, source_.substr(at_ + 1, end - at_ - 1)));
    move_to(end + 1);
  }

  void lex_symbol() {
    constexpr std::array<std::string_view, 26> symbols = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                          "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                          ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    auto const found = std::find_if(symbols.begin(), symbols.end(),
                                    [this](std::string_view symbol) { return starts_with(symbol, at_); });
    if (found == symbols.end()) {
      fail("unexpected character '" + std::string(source_.substr(at_, character_size(source_, at_))) + "'");
    }
    balance(found->front());
    add(TokenKind::symbol, std::string(*found));
    at_ += found->size();
  }

  // Inside brackets, }} and %} are no ends of the tag.
  void balance(char symbol) {
    if (symbol == '(') open_.push_back(')');
    if (symbol == '[') open_.push_back(']');
    if (symbol == '{') open_.push_back('}');
    if (symbol != ')' && symbol != ']' && symbol != '}') return;
    if (open_.empty()) fail("unexpected '" + std::string(1, symbol) + "'");
    if (open_.back() != symbol) {
      fail("unexpected '" + std::string(1, symbol) + "', expected '" + std::string(1, open_.back()) + "'");
    }
    open_.pop_back();
  }

  Runtime& runtime_;
  std::string_view source_;
  std::vector<Token> tokens_;
  std::string open_;  ///< the closing brackets still due
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
};

}  // namespace

std::vector<Token> tokenize(Runtime& runtime, std::string_view source) {
  std::string const text = normalized(source);
  return Lexer(runtime, text).run();
}

}  // namespace grove::text::jinja
