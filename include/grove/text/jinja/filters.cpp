// SPDX-License-Identifier: Apache-2.0
// The table of filters, and those that map, select and reject.
#include "grove/text/jinja/filters.hpp"

#include <algorithm>

#include "grove/text/jinja/attributes.hpp"
#include "grove/text/jinja/number.hpp"
#include "grove/text/jinja/operators.hpp"
#include "grove/text/jinja/tests.hpp"

namespace grove::text::jinja {
namespace {

constexpr std::string_view missing_filters[] = {"filesizeformat", "pprint", "random",   "striptags",
                                                "urlencode",      "urlize", "wordwrap", "xmlattr"};

int depth_of(Runtime& runtime, Value const& source, Bound const& arguments) {
  runtime.charge_object();
  runtime.charge(4 * (arguments.rest.size() + arguments.keywords.size()));
  int depth = depth_around(runtime, source);
  for (auto const& value : arguments.rest) depth = std::max(depth, depth_around(runtime, value));
  for (auto const& [key, value] : arguments.keywords) depth = std::max(depth, depth_around(runtime, value));
  return depth;
}

Builtin const& filter_named(Runtime& runtime, Value const& name) {
  auto const* text = name.as<Text>();
  auto const* found = text ? find_filter(text->bytes) : nullptr;
  if (found) return *found;
  require_defined(runtime, name);
  fail_unknown(runtime, to_string(runtime, name), true);
}

Builtin const& test_named(Runtime& runtime, Value const& name) {
  auto const* text = name.as<Text>();
  auto const* found = text ? find_builtin(tests(), text->bytes) : nullptr;
  if (found) return *found;
  require_defined(runtime, name);
  fail_unknown(runtime, to_string(runtime, name), false);
}

/// map(): the arguments are looked at when the first item is asked for, as in jinja2.
class MapIterator final : public Iterator {
 public:
  MapIterator(Runtime& runtime, Value source, Bound const& arguments)
      : Iterator("generator", depth_of(runtime, source, arguments)),
        source_(std::move(source)),
        arguments_{arguments.rest, arguments.keywords} {}

  std::optional<Value> next(Runtime& runtime) override {
    Runtime::Level const level(runtime);
    if (!items_) {
      if (!truth(source_)) return std::nullopt;
      items_ = iterate(runtime, source_);
      prepare(runtime);
    }
    auto const item = items_->next(runtime);
    if (!item) return std::nullopt;
    return filter_ ? run(runtime, *filter_, *item, arguments_) : (*getter_)(runtime, *item);
  }

 private:
  std::optional<Value> taken(std::string_view name) {
    auto& keyword = arguments_.keyword;
    auto const found =
        std::find_if(keyword.begin(), keyword.end(), [name](auto const& entry) { return entry.first == name; });
    if (found == keyword.end()) return std::nullopt;
    Value value = found->second;
    keyword.erase(found);
    return value;
  }

  void prepare(Runtime& runtime) {
    if (arguments_.positional.empty()) {
      auto const attribute = taken("attribute");
      if (!attribute) runtime.fail("map requires a filter argument");
      auto const otherwise = taken("default");
      if (!arguments_.keyword.empty()) {
        runtime.fail("Unexpected keyword argument '" + arguments_.keyword.front().first + "'");
      }
      getter_.emplace(runtime, *attribute, otherwise ? *otherwise : Value());
      return;
    }
    filter_ = &filter_named(runtime, arguments_.positional.front());
    arguments_.positional.erase(arguments_.positional.begin());
  }

  Value source_;
  Arguments arguments_;
  std::shared_ptr<Iterator> items_;
  std::optional<AttributeGetter> getter_;
  Builtin const* filter_ = nullptr;
};

/// select(), reject(), selectattr() and rejectattr().
class SelectIterator final : public Iterator {
 public:
  SelectIterator(Runtime& runtime, Value source, Bound const& arguments, bool wanted, bool by_attribute)
      : Iterator("generator", depth_of(runtime, source, arguments)),
        source_(std::move(source)),
        arguments_{arguments.rest, arguments.keywords},
        wanted_(wanted),
        by_attribute_(by_attribute) {}

  std::optional<Value> next(Runtime& runtime) override {
    Runtime::Level const level(runtime);
    if (!items_) {
      if (!truth(source_)) return std::nullopt;
      items_ = iterate(runtime, source_);
      prepare(runtime);
    }
    while (auto item = items_->next(runtime)) {
      Value const tested = getter_ ? (*getter_)(runtime, *item) : *item;
      if (truth(test_ ? run(runtime, *test_, tested, arguments_) : tested) == wanted_) return item;
    }
    return std::nullopt;
  }

 private:
  void prepare(Runtime& runtime) {
    auto& positional = arguments_.positional;
    if (by_attribute_) {
      if (positional.empty()) runtime.fail("Missing parameter for attribute name");
      getter_.emplace(runtime, positional.front());
      positional.erase(positional.begin());
    }
    if (positional.empty()) return;
    test_ = &test_named(runtime, positional.front());
    positional.erase(positional.begin());
  }

  Value source_;
  Arguments arguments_;
  bool wanted_;
  bool by_attribute_;
  std::shared_ptr<Iterator> items_;
  std::optional<AttributeGetter> getter_;
  Builtin const* test_ = nullptr;
};

Value map(Runtime& runtime, Value const& self, Bound const& arguments) {
  return Value(std::make_shared<MapIterator>(runtime, self, arguments));
}

template <bool wanted, bool by_attribute>
Value select(Runtime& runtime, Value const& self, Bound const& arguments) {
  return Value(std::make_shared<SelectIterator>(runtime, self, arguments, wanted, by_attribute));
}

constexpr Builtin selections[] = {
    {"map", "* **", map},
    {"reject", "* **", select<false, false>},
    {"rejectattr", "* **", select<false, true>},
    {"select", "* **", select<true, false>},
    {"selectattr", "* **", select<true, true>},
};

bool is_index(std::string_view text) {
  return !text.empty() && text.size() < 18 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

AttributeGetter::AttributeGetter(Runtime& runtime, Value const& attribute, Value otherwise)
    : otherwise_(std::move(otherwise)) {
  if (attribute.is_none()) return;
  auto const* text = attribute.as<Text>();
  if (!text) {
    parts_.push_back(attribute);
    return;
  }
  std::string_view rest = text->bytes;
  while (true) {
    std::size_t const end = std::min(rest.find('.'), rest.size());
    std::string_view const part = rest.substr(0, end);
    parts_.push_back(is_index(part) ? Value::integer(*parse_integer(part)) : make_text(runtime, std::string(part)));
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
}

Value AttributeGetter::operator()(Runtime& runtime, Value const& item) const {
  Value found = item;
  for (auto const& part : parts_) {
    found = get_item(runtime, found, part);
    if (found.is_undefined() && !otherwise_.is_none()) found = otherwise_;
  }
  return found;
}

void fail_unknown(Runtime& runtime, std::string_view name, bool is_filter) {
  std::string const what = is_filter ? "filter" : "test";
  if (is_filter && is_missing_filter(name)) runtime.fail("the filter '" + std::string(name) + "' is not supported");
  runtime.fail("no " + what + " is named '" + std::string(name) + "'");
}

std::span<Builtin const> selection_filters() { return selections; }

Builtin const* find_filter(std::string_view name) {
  for (auto const table : {value_filters(), sequence_filters(), selection_filters()}) {
    if (auto const* found = find_builtin(table, name)) return found;
  }
  return nullptr;
}

bool is_missing_filter(std::string_view name) {
  return std::find(std::begin(missing_filters), std::end(missing_filters), name) != std::end(missing_filters);
}

}  // namespace grove::text::jinja
