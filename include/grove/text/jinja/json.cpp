// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "grove/text/jinja/number.hpp"
#include "grove/text/jinja/operators.hpp"
#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

void append_code_unit(std::string& result, unsigned unit) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "\\u%04x", unit);
  result += buffer;
}

void append_ascii_escape(std::string& result, char32_t c) {
  if (c < 0x10000) return append_code_unit(result, static_cast<unsigned>(c));
  append_code_unit(result, 0xd800 + static_cast<unsigned>((c - 0x10000) >> 10));
  append_code_unit(result, 0xdc00 + static_cast<unsigned>((c - 0x10000) & 0x3ff));
}

void append_quoted(std::string& result, std::string_view text, bool ensure_ascii) {
  constexpr std::string_view escaped = "\"\\\b\f\n\r\t";
  constexpr std::string_view letters = "\"\\bfnrt";
  result += '"';
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const start = at;
    char32_t const c = next_character(text, at);
    std::size_t const known = c < 0x80 ? escaped.find(static_cast<char>(c)) : escaped.npos;
    if (known != escaped.npos) {
      result += '\\';
      result += letters[known];
    } else if (c < 0x20 || (ensure_ascii && c > 0x7f)) {
      append_ascii_escape(result, c);
    } else {
      result += text.substr(start, at - start);
    }
  }
  result += '"';
}

std::string real_to_json(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return real_to_string(value);
}

class Dumper {
 public:
  Dumper(Runtime& runtime, DumpOptions const& options) : runtime_(runtime), options_(options) {}

  std::string run(Value const& value) {
    dump(value);
    return std::move(result_);
  }

 private:
  void dump(Value const& value) {
    Runtime::Level const level(runtime_);
    runtime_.charge(1);
    switch (value.kind()) {
      case Kind::none:
        result_ += "null";
        return;
      case Kind::boolean:
        result_ += value.as_integer() != 0 ? "true" : "false";
        return;
      case Kind::integer:
        result_ += std::to_string(value.as_integer());
        return;
      case Kind::real:
        result_ += real_to_json(value.as_real());
        return;
      case Kind::text:
        runtime_.charge_bytes(value.as<Text>()->bytes.size());
        append_quoted(result_, value.as<Text>()->bytes, options_.ensure_ascii);
        return;
      case Kind::list:
        dump_items(value.as<List>()->items);
        return;
      case Kind::tuple:
        dump_items(value.as<Tuple>()->items);
        return;
      case Kind::dict:
        dump_dict(*value.as<Dict>());
        return;
      default:
        runtime_.fail("Object of type " + type_name(value) + " is not JSON serializable");
    }
  }

  void dump_items(std::vector<Value> const& items) {
    open('[', items.empty());
    for (std::size_t i = 0; i < items.size(); ++i) {
      separate(i);
      dump(items[i]);
    }
    close(']', items.empty());
  }

  void dump_dict(Dict const& dict) {
    std::vector<Dict::Entry const*> entries;
    runtime_.charge(dict.entries().size());
    for (auto const& entry : dict.entries()) entries.push_back(&entry);
    if (options_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(),
                       [this](auto const* a, auto const* b) { return less(runtime_, a->first, b->first); });
    }
    open('{', entries.empty());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      separate(i);
      dump_key(entries[i]->first);
      result_ += options_.key_separator;
      dump(entries[i]->second);
    }
    close('}', entries.empty());
  }

  void dump_key(Value const& key) {
    if (key.kind() == Kind::text) return dump(key);
    if (!key.is_number() && !key.is_none()) {
      runtime_.fail("keys must be str, int, float, bool or None, not " + type_name(key));
    }
    result_ += '"';
    dump(key);
    result_ += '"';
  }

  void open(char bracket, bool empty) {
    result_ += bracket;
    if (empty) return;
    ++nesting_;
    break_line();
  }

  void separate(std::size_t index) {
    if (index == 0) return;
    result_ += options_.item_separator;
    break_line();
  }

  void close(char bracket, bool empty) {
    if (!empty) {
      --nesting_;
      break_line();
    }
    result_ += bracket;
  }

  void break_line() {
    if (!options_.indent) return;
    runtime_.charge_bytes(nesting_ * options_.indent->size());
    result_ += '\n';
    for (std::size_t i = 0; i < nesting_; ++i) result_ += *options_.indent;
  }

  Runtime& runtime_;
  DumpOptions const& options_;
  std::string result_;
  std::size_t nesting_ = 0;
};

Value from_json_object(Runtime& runtime, nlohmann::ordered_json const& json) {
  std::vector<Dict::Entry> entries;
  entries.reserve(json.size());
  for (auto const& [key, value] : json.items()) {
    entries.emplace_back(Value(std::make_shared<Text>(key)), from_json(runtime, value));
  }
  return make_dict(runtime, std::move(entries));
}

}  // namespace

Value from_json(Runtime& runtime, nlohmann::ordered_json const& json) {
  Runtime::Level const level(runtime);
  switch (json.type()) {
    case nlohmann::json::value_t::null:
      return Value();
    case nlohmann::json::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case nlohmann::json::value_t::number_integer:
      return Value::integer(json.get<std::int64_t>());
    case nlohmann::json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        runtime.fail("a variable holds an integer beyond 64 bits: " + json.dump(), "integers from -2**63 to 2**63 - 1");
      }
      return Value::integer(json.get<std::int64_t>());
    case nlohmann::json::value_t::number_float:
      return Value::real(json.get<double>());
    case nlohmann::json::value_t::string:
      return Value(std::make_shared<Text>(json.get_ref<std::string const&>()));
    case nlohmann::json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (auto const& item : json) items.push_back(from_json(runtime, item));
      return make_list(runtime, std::move(items));
    }
    case nlohmann::json::value_t::object:
      return from_json_object(runtime, json);
    default:
      runtime.fail("a variable holds a value that is not JSON");
  }
}

std::string to_json(Runtime& runtime, Value const& value, DumpOptions const& options) {
  return Dumper(runtime, options).run(value);
}

}  // namespace grove::text::jinja
