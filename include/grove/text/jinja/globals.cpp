// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/globals.hpp"

#include <ctime>

#include "grove/text/jinja/builtin.hpp"
#include "grove/text/jinja/operators.hpp"

namespace grove::text::jinja {
namespace {

Value range(Runtime& runtime, Value const&, Bound const& arguments) {
  constexpr std::size_t largest = 100000;
  std::int64_t const first = arguments.integer(runtime, 0, 0);
  bool const has_stop = arguments.passed(1);
  std::int64_t const step = arguments.integer(runtime, 2, 1);
  runtime.charge_object();
  if (step == 0) runtime.fail("range() arg 3 must not be zero");
  auto made = std::make_shared<Range>(has_stop ? first : 0, has_stop ? arguments.integer(runtime, 1, 0) : first, step);
  if (made->size > largest) {
    runtime.fail("Range too big: " + std::to_string(made->size) + " items", "at most " + std::to_string(largest));
  }
  return Value(std::move(made));
}

// dict(mapping or pairs, **named)
std::vector<Dict::Entry> dict_entries(Runtime& runtime, Bound const& arguments) {
  std::vector<Dict::Entry> entries;
  if (arguments.passed(0)) {
    require_defined(runtime, arguments[0]);
    if (auto const* dict = arguments[0].as<Dict>()) {
      runtime.charge(8 * dict->entries().size());
      entries = dict->entries();
    } else {
      auto const pairs = iterate(runtime, arguments[0]);
      while (auto const pair = pairs->next(runtime)) {
        auto items = collect(runtime, *pair);
        if (items.size() != 2)
          runtime.fail("dict() takes pairs, not sequences of length " + std::to_string(items.size()));
        runtime.charge(8);
        entries.emplace_back(std::move(items[0]), std::move(items[1]));
      }
    }
  }
  for (auto const& [key, value] : arguments.keywords) entries.emplace_back(make_text(runtime, key), value);
  return entries;
}

Value dict(Runtime& runtime, Value const&, Bound const& arguments) {
  return make_dict(runtime, dict_entries(runtime, arguments));
}

Value name_space(Runtime& runtime, Value const&, Bound const& arguments) {
  auto const attributes = make_dict(runtime, dict_entries(runtime, arguments));
  auto made = std::make_shared<Namespace>();
  runtime.charge(16);
  runtime.own(made);
  for (auto const& [key, value] : attributes.as<Dict>()->entries()) {
    if (auto const* name = key.as<Text>()) made->set(runtime, name->bytes, value);
  }
  return Value(std::move(made));
}

Value raise_exception(Runtime& runtime, Value const&, Bound const& arguments) {
  runtime.fail(to_string(runtime, arguments[0]));
}

// What Python knows and C does not: microseconds, and that this time has no zone.
std::string python_directives(std::string_view format, std::int64_t microseconds) {
  std::string result;
  for (std::size_t i = 0; i < format.size(); ++i) {
    char const next = format[i] == '%' && i + 1 < format.size() ? format[i + 1] : '\0';
    if (next == 'f') {
      std::string const digits = std::to_string(microseconds);
      result += std::string(6 - digits.size(), '0') + digits;
    } else if (next != 'z' && next != 'Z') {
      result += format[i];
      if (next != '\0') result += next;
    }
    if (next != '\0') ++i;
  }
  return result;
}

Value strftime_now(Runtime& runtime, Value const&, Bound const& arguments) {
  using std::chrono::system_clock;
  auto const& format = arguments.text(runtime, 0);
  if (format.find('\0') != format.npos) runtime.fail("embedded null character in the format of strftime_now");
  auto const seconds = std::chrono::floor<std::chrono::seconds>(runtime.now);
  auto const microseconds = std::chrono::duration_cast<std::chrono::microseconds>(runtime.now - seconds).count();
  std::time_t const time = system_clock::to_time_t(system_clock::time_point(seconds));
  std::tm local{};
  ::localtime_r(&time, &local);
  // The mark tells an empty result from one that does not fit.
  std::string const directives = python_directives(format, microseconds) + "|";
  std::string buffer(4096 + 16 * format.size(), '\0');
  std::size_t const size = std::strftime(buffer.data(), buffer.size(), directives.c_str(), &local);
  if (size == 0) runtime.fail("the format of strftime_now gives too long a text: " + repr_of(format));
  return make_text(runtime, buffer.substr(0, size - 1));
}

/// cycler(a, b, ...): its values in turn.
class Cycler final : public Object, public std::enable_shared_from_this<Cycler> {
 public:
  static constexpr Kind tag = Kind::helper;
  Cycler(std::vector<Value> items, int depth) : Object(tag, depth), items_(std::move(items)) {}
  std::string type_name() const override { return "Cycler"; }
  std::optional<Value> attribute(Runtime& runtime, std::string_view name) override;

  Value next() {
    std::size_t const index = std::exchange(index_, (index_ + 1) % items_.size());
    return items_[index];
  }
  void reset() { index_ = 0; }

 private:
  std::vector<Value> items_;
  std::size_t index_ = 0;
};

Value cycler_next(Runtime&, Value const& self, Bound const&) { return self.as<Cycler>()->next(); }

Value cycler_reset(Runtime&, Value const& self, Bound const&) {
  self.as<Cycler>()->reset();
  return Value();
}

constexpr Builtin cycler_methods[] = {{"next", "/", cycler_next}, {"reset", "/", cycler_reset}};

/// joiner(separator): nothing at the first call, the separator at all others.
class Joiner final : public Object {
 public:
  explicit Joiner(Value separator) : Object(Kind::callable, 1), separator_(std::move(separator)) {}
  std::string type_name() const override { return "Joiner"; }
  Value call(Runtime& runtime, Arguments const& arguments) override {
    bind(runtime, {"joiner", "", nullptr}, arguments);
    return std::exchange(used_, true) ? separator_ : make_text(runtime, "");
  }

 private:
  Value separator_;
  bool used_ = false;
};

Value cycler(Runtime& runtime, Value const&, Bound const& arguments) {
  if (arguments.rest.empty()) runtime.fail("at least one item has to be provided to cycler()");
  auto const items = make_tuple(runtime, arguments.rest);
  return Value(std::make_shared<Cycler>(arguments.rest, items.depth()));
}

Value joiner(Runtime& runtime, Value const&, Bound const& arguments) {
  Value const separator = arguments.passed(0) ? arguments[0] : make_text(runtime, ", ");
  if (!separator.as<Text>()) runtime.fail("joiner() takes a text, not " + type_name(separator));
  return Value(std::make_shared<Joiner>(separator));
}

Value missing_lipsum(Runtime& runtime, Value const&, Bound const&) { runtime.fail("lipsum() is not supported"); }

constexpr Builtin globals[] = {
    {"cycler", "*", cycler},
    {"dict", "mapping? / **", dict},
    {"joiner", "sep?", joiner},
    {"lipsum", "* **", missing_lipsum},
    {"namespace", "mapping? / **", name_space},
    {"raise_exception", "message", raise_exception},
    {"range", "start stop? step? /", range},
    {"strftime_now", "format", strftime_now},
};

std::optional<Value> Cycler::attribute(Runtime& runtime, std::string_view name) {
  if (name == "current") return items_[index_];
  if (name == "pos") return Value::integer(static_cast<std::int64_t>(index_));
  if (name == "items") return make_tuple(runtime, items_);
  if (auto const* method = find_builtin(cycler_methods, name)) {
    return Value(std::make_shared<Method>(runtime, *method, Value(shared_from_this())));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Value> find_global(Runtime& runtime, std::string_view name) {
  auto const* found = find_builtin(globals, name);
  if (!found) return std::nullopt;
  return Value(std::make_shared<Method>(runtime, *found, Value()));
}

}  // namespace grove::text::jinja
