// SPDX-License-Identifier: Apache-2.0
#include "grove/io/json.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <system_error>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "grove/error.hpp"

namespace grove::io {
namespace {

/// Builds the document from the parser's events. It exists for what the library's own builder lacks: a bound on the
/// depth, keys given twice refused, and appending without the linear search of ordered_json (quadratic on big objects).
class Builder {
 public:
  explicit Builder(std::size_t max_depth) : max_depth_(max_depth) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, std::string const&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t&) { return false; }

  bool start_object(std::size_t) { return open(Json::object()) && (keys_.emplace_back(), true); }
  bool end_object() {
    keys_.pop_back();
    return close();
  }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    if (!keys_.back().insert(name).second)
      return stop("the key " + excerpt(Json(name)) + " stands twice in one object");
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, std::string const&, nlohmann::detail::exception const& error) {
    position_ = position;
    return stop(reason_of(error.what()));
  }

  Json& document() { return document_; }
  std::string const& problem() const { return problem_; }
  std::optional<std::size_t> position() const { return position_; }

  /// Where the next value would stand: "rewards[2][0]".
  std::string path() const {
    std::string text;
    for (std::size_t i = 0; i < open_.size(); ++i) {
      bool const innermost = i + 1 == open_.size();
      Json const& parent = *open_[i];
      if (parent.is_array()) {
        text.append("[").append(std::to_string(innermost ? parent.size() : parent.size() - 1)).append("]");
        continue;
      }
      auto const& members = parent.get_ref<Json::object_t const&>();
      auto const name = excerpt(Json(innermost ? key_ : members.back().first));  // in quotes, on one line
      if (name.size() > 2) text.append(text.empty() ? "" : ".").append(name, 1, name.size() - 2);
    }
    return text.size() > 200 ? text.substr(0, 197) + "..." : text;
  }

 private:
  bool add(Json value) { return place(std::move(value)) != nullptr; }

  Json* place(Json value) {
    if (open_.empty()) {
      document_ = std::move(value);
      return &document_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.get_ref<Json::array_t&>().push_back(std::move(value));
      return &parent.get_ref<Json::array_t&>().back();
    }
    Json::object_t::Container& members = parent.get_ref<Json::object_t&>();
    members.emplace_back(std::move(key_), std::move(value));
    key_.clear();
    return &members.back().second;
  }

  bool open(Json value) {
    if (open_.size() >= max_depth_) return stop("nested deeper than " + std::to_string(max_depth_) + " levels");
    open_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  bool stop(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  /// The library's message without its own number and position: "syntax error while parsing value - ...".
  static std::string reason_of(std::string message) {
    if (auto const end = message.find("] "); end != std::string::npos) message.erase(0, end + 2);
    if (message.starts_with("parse error"))
      if (auto const end = message.find(": "); end != std::string::npos) message.erase(0, end + 2);
    std::replace_if(
        message.begin(), message.end(), [](unsigned char c) { return c < 0x20; }, ' ');
    if (message.size() > 300) message = message.substr(0, 140) + " ... " + message.substr(message.size() - 140);
    return message;
  }

  std::size_t max_depth_;
  Json document_;
  std::vector<Json*> open_;
  std::vector<std::unordered_set<std::string>> keys_;  // of each open object
  std::string key_;
  std::string problem_;
  std::optional<std::size_t> position_;
};

/// Where the parser reads: counts the bytes, since not every event carries a position.
struct CountingIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = char const*;
  using reference = char const&;

  char const* at;
  char const** furthest;

  reference operator*() const { return *at; }
  CountingIterator& operator++() {
    *furthest = ++at;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(CountingIterator const& other) const { return at == other.at; }
  bool operator!=(CountingIterator const& other) const { return at != other.at; }
};

struct Failure {
  std::string problem;
  std::size_t offset;  // of the last byte read
  std::string expected{};
};

/// The word around a byte, up to the next mark of JSON or white space.
std::string_view word_at(std::string_view text, std::size_t at) {
  constexpr std::string_view marks = ",:[]{}\" \t\r\n";
  if (at >= text.size() || marks.find(text[at]) != marks.npos) return {};
  auto const before = text.substr(0, at).find_last_of(marks);
  auto const begin = before == text.npos ? 0 : before + 1;
  return text.substr(begin, text.find_first_of(marks, at) - begin);
}

/// What many programs write for numbers that JSON does not have, and a number beyond the greatest.
bool is_not_finite(std::string_view word, std::string const& problem) {
  if (problem.starts_with("number overflow")) return true;
  if (problem.find("invalid literal") == problem.npos && problem.find("invalid number") == problem.npos) return false;
  if (word.starts_with('-') || word.starts_with('+')) word.remove_prefix(1);
  constexpr std::string_view names[] = {"NaN", "nan", "NAN", "Infinity", "infinity", "Inf", "inf", "INF"};
  return std::ranges::find(names, word) != std::end(names);
}

std::optional<Failure> parse(std::string_view text, JsonLimits limits, Json& document) {
  if (text.size() > limits.bytes)
    return Failure{
        std::to_string(text.size()) + " bytes of JSON, more than the limit of " + std::to_string(limits.bytes), 0};
  Builder builder(limits.depth);
  char const* furthest = text.data();
  char const* const end = text.data() + text.size();
  bool const good =
      Json::sax_parse(CountingIterator{text.data(), &furthest}, CountingIterator{end, &furthest}, &builder);
  // The library takes a byte of value 0 for the end of the text.
  auto const zero = good ? text.find('\0') : text.npos;
  if (zero != text.npos) return Failure{"there is a byte of value 0", zero + 1};
  if (good) {
    document = std::move(builder.document());
    return std::nullopt;
  }
  auto const read = static_cast<std::size_t>(furthest - text.data());
  Failure failure{builder.problem(), std::min(builder.position().value_or(read), text.size())};
  auto word = word_at(text, failure.offset > 0 ? failure.offset - 1 : 0);
  if (word.empty() && failure.offset > 1) word = word_at(text, failure.offset - 2);
  if (is_not_finite(word, failure.problem)) {
    auto const path = builder.path();
    failure.problem = (path.empty() ? "" : path + " is ") + std::string(word.substr(0, 40));
    failure.expected = "a finite number";
  }
  return failure;
}

}  // namespace

Json parse_json(std::string_view text, std::string const& source, JsonLimits limits) {
  Json document;
  if (auto const failure = parse(text, limits, document)) {
    std::string_view const read = text.substr(0, failure->offset > 0 ? failure->offset - 1 : 0);
    auto const line = 1 + std::count(read.begin(), read.end(), '\n');
    auto const newline = read.rfind('\n');
    auto const column = newline == read.npos ? read.size() + 1 : read.size() - newline;
    throw Error(source + ":" + std::to_string(line) + ":" + std::to_string(column), failure->problem,
                failure->expected);
  }
  return document;
}

Json parse_json_line(std::string_view line, std::string const& source, JsonLimits limits) {
  Json document;
  if (auto const failure = parse(line, limits, document))
    throw Error(source, "column " + std::to_string(std::max<std::size_t>(failure->offset, 1)) + ": " + failure->problem,
                failure->expected);
  return document;
}

Json read_json_file(std::string const& path, JsonLimits limits) {
  return parse_json(read_text_file(path, limits.bytes), path, limits);
}

std::string read_text_file(std::string const& path, std::size_t max_bytes) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(path, "cannot be opened: " + std::generic_category().message(errno), "a readable file");
  std::string text;
  char buffer[1 << 16];
  while (file.read(buffer, sizeof buffer) || file.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(file.gcount()));
    if (text.size() > max_bytes)
      throw Error(path, "is larger than " + std::to_string(max_bytes) + " bytes", "a smaller file");
  }
  if (file.bad()) throw Error(path, "cannot be read: " + std::generic_category().message(errno), "a readable file");
  return text;
}

std::string excerpt(Json const& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

JsonFields::JsonFields(Json const& object, std::string where) : object_(&object), where_(std::move(where)) {
  if (!object.is_object()) throw Error(where_, "is " + excerpt(object), "a JSON object");
}

Json const* JsonFields::find(std::string_view key) const {
  for (auto const& [name, value] : object_->get_ref<Json::object_t const&>())
    if (name == key) return value.is_null() ? nullptr : &value;
  return nullptr;
}

void JsonFields::refuse(std::string_view key, std::string const& expected) const {
  Json const* const value = find(key);
  std::string const name = "key " + excerpt(Json(key)) + " ";
  throw Error(where_, name + (value == nullptr ? "is missing" : "is " + excerpt(*value)), expected);
}

namespace {

template <typename T>
constexpr char const* description = nullptr;
template <>
constexpr char const* description<bool> = "true or false";
template <>
constexpr char const* description<double> = "a number";
template <>
constexpr char const* description<std::int64_t> = "an integer";
template <>
constexpr char const* description<std::size_t> = "an integer >= 0";
template <>
constexpr char const* description<std::string> = "a string";

template <typename T>
std::optional<T> as(Json const& value) {
  if constexpr (std::is_same_v<T, bool>) {
    if (value.is_boolean()) return value.get<bool>();
  } else if constexpr (std::is_same_v<T, double>) {
    if (value.is_number()) return value.get<double>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (value.is_string()) return value.get<std::string>();
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    bool const fits = !value.is_number_unsigned() ||
                      value.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    if (value.is_number_integer() && fits) return value.get<std::int64_t>();
  } else {
    if (value.is_number_unsigned()) return value.get<std::size_t>();
  }
  return std::nullopt;
}

}  // namespace

template <typename T>
std::optional<T> JsonFields::optional(std::string_view key) const {
  Json const* const value = find(key);
  if (value == nullptr) return std::nullopt;
  std::optional<T> result = as<T>(*value);
  if (!result) refuse(key, description<T>);
  return result;
}

template <typename T>
T JsonFields::required(std::string_view key) const {
  std::optional<T> result = optional<T>(key);
  if (!result) refuse(key, description<T>);
  return *std::move(result);
}

template std::optional<bool> JsonFields::optional(std::string_view) const;
template std::optional<double> JsonFields::optional(std::string_view) const;
template std::optional<std::int64_t> JsonFields::optional(std::string_view) const;
template std::optional<std::size_t> JsonFields::optional(std::string_view) const;
template std::optional<std::string> JsonFields::optional(std::string_view) const;
template bool JsonFields::required(std::string_view) const;
template double JsonFields::required(std::string_view) const;
template std::int64_t JsonFields::required(std::string_view) const;
template std::size_t JsonFields::required(std::string_view) const;
template std::string JsonFields::required(std::string_view) const;

}  // namespace grove::io
