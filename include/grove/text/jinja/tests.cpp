// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/tests.hpp"

#include "grove/text/jinja/attributes.hpp"
#include "grove/text/jinja/filters.hpp"
#include "grove/text/jinja/operators.hpp"
#include "grove/text/jinja/unicode.hpp"

namespace grove::text::jinja {
namespace {

bool remainder_is(Runtime& runtime, Value const& value, Value const& divisor, std::int64_t expected) {
  return equals(runtime, arithmetic(runtime, Arithmetic::modulo, value, divisor), Value::integer(expected));
}

Value odd(Runtime& runtime, Value const& self, Bound const&) {
  return Value::boolean(remainder_is(runtime, self, Value::integer(2), 1));
}
Value even(Runtime& runtime, Value const& self, Bound const&) {
  return Value::boolean(remainder_is(runtime, self, Value::integer(2), 0));
}
Value divisible_by(Runtime& runtime, Value const& self, Bound const& arguments) {
  return Value::boolean(remainder_is(runtime, self, arguments[0], 0));
}

template <Kind kind>
Value is_kind(Runtime&, Value const& self, Bound const&) {
  return Value::boolean(self.kind() == kind);
}

Value defined(Runtime&, Value const& self, Bound const&) { return Value::boolean(!self.is_undefined()); }
Value number(Runtime&, Value const& self, Bound const&) { return Value::boolean(self.is_number()); }
Value iterable(Runtime&, Value const& self, Bound const&) { return Value::boolean(is_iterable(self)); }
Value callable(Runtime&, Value const& self, Bound const&) { return Value::boolean(is_callable(self)); }

template <bool expected>
Value is_boolean(Runtime&, Value const& self, Bound const&) {
  return Value::boolean(self.kind() == Kind::boolean && truth(self) == expected);
}

// len() and [...], which an undefined value has too.
Value sequence(Runtime&, Value const& self, Bound const&) {
  return Value::boolean(length(self).has_value() && self.kind() != Kind::view);
}

Value has_method_result(Runtime& runtime, Value const& self, std::string_view method) {
  auto const text = make_text(runtime, to_string(runtime, self));
  return call(runtime, *find_attribute(runtime, text, method), {});
}
Value lower(Runtime& runtime, Value const& self, Bound const&) { return has_method_result(runtime, self, "islower"); }
Value upper(Runtime& runtime, Value const& self, Bound const&) { return has_method_result(runtime, self, "isupper"); }

Value escaped_test(Runtime&, Value const& self, Bound const&) {
  return Value::boolean(self.as<Text>() && self.as<Text>()->markup);
}

Value same_as(Runtime& runtime, Value const& self, Bound const& arguments) {
  auto const& other = arguments[0];
  if (self.kind() != other.kind()) return Value::boolean(false);
  if (self.object() && !self.as<Text>()) return Value::boolean(self.object() == other.object());
  return Value::boolean(equals(runtime, self, other));
}

template <Relation relation>
Value relates(Runtime& runtime, Value const& self, Bound const& arguments) {
  return Value::boolean(compare(runtime, relation, self, arguments[0]));
}

Value is_filter(Runtime& runtime, Value const& self, Bound const&) {
  if (!is_hashable(runtime, self)) runtime.fail("unhashable type: '" + type_name(self) + "'");
  auto const* name = self.as<Text>();
  return Value::boolean(name && (find_filter(name->bytes) || is_missing_filter(name->bytes)));
}

Value is_test(Runtime& runtime, Value const& self, Bound const&) {
  if (!is_hashable(runtime, self)) runtime.fail("unhashable type: '" + type_name(self) + "'");
  auto const* name = self.as<Text>();
  return Value::boolean(name && find_builtin(tests(), name->bytes));
}

constexpr Builtin table[] = {
    {"!=", "other", relates<Relation::not_equal>},
    {"<", "other", relates<Relation::less>},
    {"<=", "other", relates<Relation::less_equal>},
    {"==", "other", relates<Relation::equal>},
    {">", "other", relates<Relation::greater>},
    {">=", "other", relates<Relation::greater_equal>},
    {"boolean", "", is_kind<Kind::boolean>},
    {"callable", "", callable},
    {"defined", "", defined},
    {"divisibleby", "num", divisible_by},
    {"eq", "other", relates<Relation::equal>},
    {"equalto", "other", relates<Relation::equal>},
    {"escaped", "", escaped_test},
    {"even", "", even},
    {"false", "", is_boolean<false>},
    {"filter", "", is_filter},
    {"float", "", is_kind<Kind::real>},
    {"ge", "other", relates<Relation::greater_equal>},
    {"greaterthan", "other", relates<Relation::greater>},
    {"gt", "other", relates<Relation::greater>},
    {"in", "seq", relates<Relation::in>},
    {"integer", "", is_kind<Kind::integer>},
    {"iterable", "", iterable},
    {"le", "other", relates<Relation::less_equal>},
    {"lessthan", "other", relates<Relation::less>},
    {"lower", "", lower},
    {"lt", "other", relates<Relation::less>},
    {"mapping", "", is_kind<Kind::dict>},
    {"ne", "other", relates<Relation::not_equal>},
    {"none", "", is_kind<Kind::none>},
    {"number", "", number},
    {"odd", "", odd},
    {"sameas", "other", same_as},
    {"sequence", "", sequence},
    {"string", "", is_kind<Kind::text>},
    {"test", "", is_test},
    {"true", "", is_boolean<true>},
    {"undefined", "", is_kind<Kind::undefined>},
    {"upper", "", upper},
};

}  // namespace

std::span<Builtin const> tests() { return table; }

}  // namespace grove::text::jinja
