// SPDX-License-Identifier: Apache-2.0
#include "grove/text/json_reader.hpp"

#include <fstream>
#include <system_error>

#include "grove/error.hpp"
#include "grove/text/unicode.hpp"

namespace grove::text::detail {
namespace {

using nlohmann::json;

constexpr std::size_t max_depth = 64;
constexpr std::uintmax_t max_file_size = std::uintmax_t{1} << 30;
constexpr std::uint64_t max_id = std::uint64_t{1} << 24;

/// Receives nlohmann's parse events. Everything goes into a tree except `model.vocab` and `model.merges`.
class Builder {
 public:
  Builder(JsonFile& file, std::string const& name) : file_(file), name_(name) {}

  bool null() { return value(nullptr); }
  bool boolean(bool v) { return value(v); }
  bool number_integer(json::number_integer_t v) { return value(v); }
  bool number_float(json::number_float_t v, json::string_t const&) { return value(v); }
  bool binary(json::binary_t&) { return true; }

  bool number_unsigned(json::number_unsigned_t v) {
    if (part_ != Part::vocabulary) return value(v);
    if (v >= max_id) fail("model.vocab", quoted(key_) + " has id " + std::to_string(v), "less than 16777216");
    file_.vocabulary.emplace_back(std::move(key_), static_cast<TokenId>(v));
    return true;
  }

  bool string(json::string_t& v) {
    if (part_ == Part::merges && !in_pair_) return merge_line(v);
    if (part_ == Part::merges) return merge_part(v);
    return value(std::move(v));
  }

  bool start_object(std::size_t) {
    if (part_ != Part::tree) return wrong_part();
    if (in_model() && key_ == "vocab") {
      file_.has_vocabulary = true;
      part_ = Part::vocabulary;
      return true;
    }
    return open(json::object());
  }
  bool key(json::string_t& k) {
    key_ = std::move(k);
    return true;
  }
  bool end_object() { return close(); }

  bool start_array(std::size_t) {
    if (part_ == Part::merges && !in_pair_) {
      in_pair_ = true;
      pair_size_ = 0;
      return true;
    }
    if (part_ != Part::tree) return wrong_part();
    if (in_model() && key_ == "merges") {
      file_.has_merges = true;
      part_ = Part::merges;
      return true;
    }
    return open(json::array());
  }
  bool end_array() {
    if (!in_pair_) return close();
    if (pair_size_ != 2) wrong_part();
    in_pair_ = false;
    return true;
  }

  bool parse_error(std::size_t, std::string const&, nlohmann::detail::exception const& error) {
    std::string_view text = error.what();
    if (auto const prefix = text.find("] "); prefix != text.npos) text.remove_prefix(prefix + 2);
    std::string line(text.substr(0, 160));
    if (line.size() < text.size()) line += "...";
    for (char& c : line) {
      if (static_cast<unsigned char>(c) < ' ') c = ' ';
    }
    throw Error(name_, "not valid JSON: " + replace_invalid_utf8(line), {}, "the file may be cut off or damaged");
  }

 private:
  enum class Part { tree, vocabulary, merges };

  [[noreturn]] void fail(std::string const& key, std::string const& what, std::string const& expected) const {
    throw Error(name_ + ": " + key, what, expected);
  }

  static std::string quoted(std::string const& text) {
    return '"' + (text.size() <= 40 ? text : replace_invalid_utf8(text.substr(0, 40)) + "...") + '"';
  }

  bool in_model() const { return open_.size() == 2 && model_ == open_.back() && open_.back()->is_object(); }

  json* place(json v) {
    if (open_.empty()) {
      file_.tree = std::move(v);
      return &file_.tree;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(v));
      return &parent.back();
    }
    return &(parent[key_] = std::move(v));
  }

  bool value(json v) {
    if (part_ != Part::tree) return wrong_part();
    place(std::move(v));
    return true;
  }

  bool open(json container) {
    if (open_.size() >= max_depth) throw Error(name_, "nested too deeply", "at most 64 levels");
    bool const is_model = open_.size() == 1 && open_.back()->is_object() && key_ == "model";
    open_.push_back(place(std::move(container)));
    if (is_model) model_ = open_.back();
    return true;
  }

  bool close() {
    if (part_ != Part::tree) {
      part_ = Part::tree;
    } else {
      open_.pop_back();
    }
    return true;
  }

  bool merge_part(std::string& v) {
    if (pair_size_ == 0) {
      file_.merges.emplace_back(std::move(v), std::string());
    } else if (pair_size_ == 1) {
      file_.merges.back().second = std::move(v);
    }
    ++pair_size_;
    return true;
  }

  bool merge_line(std::string const& line) {
    if (line.rfind("#version", 0) == 0) return true;
    std::size_t const space = line.find(' ');
    if (space == line.npos || line.find(' ', space + 1) != line.npos) wrong_part();
    file_.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
    return true;
  }

  bool wrong_part() const {
    if (part_ == Part::vocabulary)
      fail("model.vocab", "the value of " + quoted(key_) + " is not an id", "0, 1, 2, ...");
    fail("model.merges", "entry " + std::to_string(file_.merges.size()) + " is not a pair of tokens",
         "\"a b\" or [\"a\", \"b\"]");
  }

  JsonFile& file_;
  std::string const& name_;
  std::vector<json*> open_;  ///< stays valid: only the innermost container grows
  json* model_ = nullptr;
  std::string key_;
  Part part_ = Part::tree;
  bool in_pair_ = false;
  int pair_size_ = 0;
};

}  // namespace

JsonFile parse_json(std::string_view text, std::string const& name) {
  JsonFile file;
  Builder builder(file, name);
  json::sax_parse(text.data(), text.data() + text.size(), &builder);
  return file;
}

std::string read_text_file(std::filesystem::path const& file) {
  std::error_code failed;
  std::uintmax_t const size = std::filesystem::file_size(file, failed);
  if (failed) throw Error(file.string(), "cannot be read: " + failed.message());
  if (size > max_file_size) throw Error(file.string(), "has " + std::to_string(size) + " bytes", "at most 1 GiB");
  std::string text(size, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(size));
  if (static_cast<std::uintmax_t>(in.gcount()) != size) throw Error(file.string(), "cannot be read");
  return text;
}

}  // namespace grove::text::detail
