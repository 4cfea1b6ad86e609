// SPDX-License-Identifier: Apache-2.0
#include "grove/data/json_array.hpp"

#include <charconv>
#include <utility>

#include "grove/error.hpp"

namespace grove::data {
namespace {

/// A place in a text, both from 1.
struct Place {
  std::size_t line = 1, column = 1;

  std::string in(std::string const& name) const {
    return name + ":" + std::to_string(line) + ":" + std::to_string(column);
  }
};

/// "LINE:COLUMN" at the end of where an error is.
Place place_at_end(std::string const& where) {
  Place place;
  auto const second = where.rfind(':'), first = where.rfind(':', second - 1);
  std::from_chars(where.data() + first + 1, where.data() + second, place.line);
  std::from_chars(where.data() + second + 1, where.data() + where.size(), place.column);
  return place;
}

/// Cuts the text of an array into those of its elements by its quotes and brackets. Whether an element is JSON is for
/// its parser to say: of one that is not, the text ends no sooner than what is wrong with it.
class ElementTexts {
 public:
  ElementTexts(std::istream& in, std::string const& name, std::size_t most_bytes)
      : in_(in.rdbuf()), name_(name), most_bytes_(most_bytes) {
    if (peek() == 0xef)  // of a byte order mark
      for (int const byte : {0xef, 0xbb, 0xbf})
        if (in_->sbumpc() != byte) throw Error(name_, "is not valid UTF-8", "text in UTF-8");
    skip_blanks();
    if (peek() != '[') throw Error(place_.in(name_), "is no array", "an array of objects");
    take();
    skip_blanks();
    if (peek() == ']') closed_ = take() == ']';
  }

  /// The next element's text; false behind the last.
  bool next() {
    if (closed_) return end();
    text_.clear();
    skip_blanks();
    begin_ = place_;
    if (!cut()) return unfinished_ = true;
    if (text_.empty()) throw Error(begin_.in(name_), "there is no row beside the comma", "an object");
    closed_ = take() == ']';
    return true;
  }

  std::string const& text() const { return text_; }
  /// Whether the file ends within or right behind the element.
  bool unfinished() const { return unfinished_; }

  /// The place in the file of one in the element's text.
  Place place_of(Place in_text) const {
    return {begin_.line + in_text.line - 1, in_text.line == 1 ? begin_.column + in_text.column - 1 : in_text.column};
  }
  [[noreturn]] void refuse_end() const {
    throw Error(place_.in(name_), "the array has no end", "']' behind its last element");
  }

 private:
  static constexpr int no_letter = std::char_traits<char>::eof();

  int peek() { return in_->sgetc(); }

  char take() {
    char const letter = static_cast<char>(in_->sbumpc());
    if (letter == '\n') {
      ++place_.line;
      place_.column = 1;
    } else {
      ++place_.column;
    }
    return letter;
  }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') take();
  }

  /// Reads up to the comma or bracket behind an element; false where the file ends before it.
  bool cut() {
    std::size_t open = 0;
    bool quoted = false, escaped = false;
    for (int letter = 0; (letter = peek()) != no_letter;) {
      if (quoted) {
        quoted = escaped || letter != '"';
        escaped = !escaped && letter == '\\';
      } else if (open == 0 && (letter == ',' || letter == ']')) {
        return true;
      } else if (letter == '"') {
        quoted = true;
      } else if (letter == '{' || letter == '[') {
        ++open;
      } else if ((letter == '}' || letter == ']') && open > 0) {
        --open;
      }
      if (text_.size() == most_bytes_)
        throw Error(begin_.in(name_), "a row is longer than " + std::to_string(most_bytes_) + " bytes", "shorter rows");
      text_ += take();
    }
    return false;
  }

  /// Nothing may stand behind the array.
  bool end() {
    skip_blanks();
    if (peek() != no_letter) throw Error(place_.in(name_), "there is text behind the array", "one array");
    return false;
  }

  std::streambuf* in_;
  std::string const& name_;
  std::size_t most_bytes_;
  Place place_{}, begin_{};
  std::string text_;
  bool closed_ = false, unfinished_ = false;
};

}  // namespace

void for_each_element(std::istream& in, std::string const& name,
                      std::function<void(std::string&& where, io::Json&&)> const& take, ElementLimits limits) {
  ElementTexts elements(in, name, limits.bytes);
  for (std::size_t number = 0; elements.next(); ++number) {
    io::Json row;
    try {
      row = io::parse_json(elements.text(), "", {.depth = limits.depth, .bytes = limits.bytes});
    } catch (Error const& error) {
      throw Error(elements.place_of(place_at_end(error.where)).in(name), error.problem, error.expected);
    }
    if (elements.unfinished()) elements.refuse_end();
    std::string where = name + ":row " + std::to_string(number);
    if (!row.is_object()) throw Error(where, "is " + io::excerpt(row), "an object");
    take(std::move(where), std::move(row));
  }
}

}  // namespace grove::data
