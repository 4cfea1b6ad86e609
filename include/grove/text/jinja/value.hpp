// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "grove/text/jinja/runtime.hpp"

/// Python's values as far as templates see them. All but iterators, namespaces and helpers are immutable: the sandbox
/// allows no method that changes a list or a dict.
namespace grove::text::jinja {

class Value;
struct Arguments;

enum class Kind : std::uint8_t {
  none,
  boolean,
  integer,
  real,
  text,
  list,
  tuple,
  dict,
  undefined,
  range,
  view,
  iterator,
  callable,
  name_space,
  loop,
  helper
};

/// Whatever does not fit into a word. `depth` counts the nesting of values, bounded so that recursion over them is.
class Object {
 public:
  Object(Kind kind, int depth) : kind(kind), depth(depth) {}
  Object(Object const&) = delete;
  Object& operator=(Object const&) = delete;
  virtual ~Object() = default;

  /// Python's name of the type.
  virtual std::string type_name() const = 0;
  /// A further attribute than those of the method tables (attributes.hpp); none if there is no such attribute.
  virtual std::optional<Value> attribute(Runtime& runtime, std::string_view name);
  virtual Value call(Runtime& runtime, Arguments const& arguments);
  virtual std::string repr(Runtime& runtime);

  Kind const kind;
  int const depth;
};

class Value {
 public:
  Value() = default;
  template <std::derived_from<Object> T>
  Value(std::shared_ptr<T> object) : kind_(object->kind), object_(std::move(object)) {}
  static Value boolean(bool value) { return Value(Kind::boolean, value ? 1 : 0); }
  static Value integer(std::int64_t value) { return Value(Kind::integer, value); }
  static Value real(double value) { return Value(Kind::real, std::bit_cast<std::int64_t>(value)); }

  Kind kind() const { return kind_; }
  bool is_none() const { return kind_ == Kind::none; }
  bool is_undefined() const { return kind_ == Kind::undefined; }
  bool is_number() const { return is_integer() || kind_ == Kind::real; }
  bool is_integer() const { return kind_ == Kind::integer || kind_ == Kind::boolean; }  ///< with booleans, as in Python
  /// Of an integer or boolean.
  std::int64_t as_integer() const { return bits_; }
  /// Of any number.
  double as_real() const { return kind_ == Kind::real ? std::bit_cast<double>(bits_) : static_cast<double>(bits_); }
  int depth() const { return object_ ? object_->depth : 0; }

  /// Null for none, booleans and numbers.
  Object* object() const { return object_.get(); }
  std::shared_ptr<Object> const& shared() const { return object_; }

  /// The object if it is a T, else null. T names its kind as T::tag.
  template <class T>
  T* as() const {
    return kind_ == T::tag ? static_cast<T*>(object_.get()) : nullptr;
  }
  template <class T>
  std::shared_ptr<T> shared_as() const {
    return std::static_pointer_cast<T>(object_);
  }

 private:
  Value(Kind kind, std::int64_t bits) : kind_(kind), bits_(bits) {}

  Kind kind_ = Kind::none;
  std::int64_t bits_ = 0;  ///< the integer, or the bits of the real
  std::shared_ptr<Object> object_;
};

/// str; `markup` marks what the filters `safe` and `escape` return.
class Text final : public Object {
 public:
  static constexpr Kind tag = Kind::text;
  explicit Text(std::string value, bool is_markup = false)
      : Object(tag, 0), bytes(std::move(value)), markup(is_markup) {}
  std::string type_name() const override { return markup ? "Markup" : "str"; }
  std::string const bytes;
  bool const markup;
};

class List final : public Object {
 public:
  static constexpr Kind tag = Kind::list;
  List(std::vector<Value> values, int depth) : Object(tag, depth), items(std::move(values)) {}
  std::string type_name() const override { return "list"; }
  std::vector<Value> const items;
};

/// `group` marks the pairs of the filter `groupby`, which have the attributes `grouper` and `list`.
class Tuple final : public Object {
 public:
  static constexpr Kind tag = Kind::tuple;
  Tuple(std::vector<Value> values, int depth, bool is_group = false)
      : Object(tag, depth), items(std::move(values)), group(is_group) {}
  std::string type_name() const override { return group ? "_GroupTuple" : "tuple"; }
  std::optional<Value> attribute(Runtime& runtime, std::string_view name) override;
  std::vector<Value> const items;
  bool const group;
};

/// dict in the order of insertion. Filled by its maker, then left alone.
class Dict final : public Object {
 public:
  static constexpr Kind tag = Kind::dict;
  using Entry = std::pair<Value, Value>;
  Dict(Runtime& runtime, std::vector<Entry> entries, int depth);
  std::string type_name() const override { return "dict"; }
  Value const* find(std::string_view key) const;
  /// Fails for a key that Python cannot hash.
  Value const* find(Runtime& runtime, Value const& key) const;
  std::vector<Entry> const& entries() const { return entries_; }

 private:
  std::optional<std::size_t> position(Runtime& runtime, Value const& key) const;

  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, std::size_t> texts_;  ///< text keys, viewing entries_
  std::vector<std::size_t> others_;                          ///< entries with other keys
};

/// What a missing variable, key or attribute gives: prints as nothing, and most uses of it fail with its message.
class Undefined final : public Object {
 public:
  static constexpr Kind tag = Kind::undefined;
  explicit Undefined(std::string text) : Object(tag, 0), message(std::move(text)) {}
  std::string type_name() const override { return "Undefined"; }
  std::string const message;
};

class Range final : public Object {
 public:
  static constexpr Kind tag = Kind::range;
  Range(std::int64_t first, std::int64_t end, std::int64_t stride);
  std::string type_name() const override { return "range"; }
  std::string repr(Runtime& runtime) override;
  std::int64_t at(std::size_t index) const { return start + static_cast<std::int64_t>(index) * step; }
  std::int64_t const start, stop, step;
  std::size_t size;
};

/// What keys(), values() and items() of a dict return.
class View final : public Object {
 public:
  static constexpr Kind tag = Kind::view;
  enum class Of { keys, values, items };
  View(std::shared_ptr<Dict> of, Of what) : Object(tag, of->depth + 1), dict(std::move(of)), part(what) {}
  std::string type_name() const override;
  std::string repr(Runtime& runtime) override;
  Value at(Runtime& runtime, std::size_t index) const;
  std::shared_ptr<Dict> const dict;
  Of const part;
};

/// Python's iterators and generators: each value once, made when asked for.
class Iterator : public Object {
 public:
  static constexpr Kind tag = Kind::iterator;
  Iterator(std::string type, int depth) : Object(tag, depth), type_(std::move(type)) {}
  std::string type_name() const override { return type_; }
  virtual std::optional<Value> next(Runtime& runtime) = 0;

 private:
  std::string type_;
};

/// namespace(): the one value whose attributes a template may set.
class Namespace final : public Object {
 public:
  static constexpr Kind tag = Kind::name_space;
  Namespace() : Object(tag, 1) {}
  std::string type_name() const override { return "Namespace"; }
  std::optional<Value> attribute(Runtime& runtime, std::string_view name) override;
  std::string repr(Runtime& runtime) override;
  void set(Runtime& runtime, std::string_view name, Value value);
  void clear() { attributes_.clear(); }

 private:
  std::vector<std::pair<std::string, Value>> attributes_;
};

/// Arguments of a call.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keyword;
};

/// Makers: they charge for what they make and check the nesting.
Value make_text(Runtime& runtime, std::string value, bool markup = false);
Value make_list(Runtime& runtime, std::vector<Value> items);
Value make_tuple(Runtime& runtime, std::vector<Value> items, bool group = false);
Value make_dict(Runtime& runtime, std::vector<Dict::Entry> entries);
Value make_undefined(std::string message);
/// The depth of an object that holds this value; fails beyond Depth::value.
int depth_around(Runtime const& runtime, Value const& value);

std::string type_name(Value const& value);
/// "dict object" or "None", as jinja2's messages call a value.
std::string described(Value const& value);
bool truth(Value const& value);
/// Python's str() and repr().
std::string to_string(Runtime& runtime, Value const& value);
std::string to_repr(Runtime& runtime, Value const& value);
std::string repr_of(std::string_view text);
/// str() without a copy where the value is a text.
std::string_view view_of(Runtime& runtime, Value const& value, std::string& buffer);

/// len(); none where Python has no length.
std::optional<std::size_t> length(Value const& value);
bool is_iterable(Value const& value);
/// iter(): fails with "'int' object is not iterable".
std::shared_ptr<Iterator> iterate(Runtime& runtime, Value const& value);
/// list(): all values of an iterable.
std::vector<Value> collect(Runtime& runtime, Value const& value);
bool is_hashable(Runtime& runtime, Value const& value);

}  // namespace grove::text::jinja
