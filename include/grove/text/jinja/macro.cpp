// SPDX-License-Identifier: Apache-2.0
// Macros: what jinja2/runtime.py's Macro does with its arguments.
#include <algorithm>

#include "grove/text/jinja/interpreter_detail.hpp"
#include "grove/text/jinja/operators.hpp"

namespace grove::text::jinja::detail {

struct Macro::Parameters {
  std::vector<std::pair<NameId, std::optional<Value>>> values;  ///< those of the signature, then the special ones
};

std::optional<Value> Macro::attribute(Runtime& runtime, std::string_view name) {
  if (name == "name") return body_.name.empty() ? Value() : make_text(runtime, body_.name);
  if (name == "caller") return Value::boolean(body_.uses_caller);
  if (name == "catch_kwargs") return Value::boolean(body_.uses_keywords);
  if (name == "catch_varargs") return Value::boolean(body_.uses_rest);
  if (name != "arguments") return std::nullopt;
  std::vector<Value> names;
  for (NameId const parameter : body_.parameters) names.push_back(make_text(runtime, names_[parameter]));
  return make_tuple(runtime, std::move(names));
}

std::string Macro::repr(Runtime&) {
  return "<Macro " + (body_.name.empty() ? std::string("anonymous") : repr_of(body_.name)) + ">";
}

namespace {

std::optional<Value> taken(Arguments& arguments, std::string_view name) {
  auto& keyword = arguments.keyword;
  auto const found =
      std::find_if(keyword.begin(), keyword.end(), [name](auto const& entry) { return entry.first == name; });
  if (found == keyword.end()) return std::nullopt;
  Value value = std::move(found->second);
  keyword.erase(found);
  return value;
}

Value dict_of(Runtime& runtime, Arguments& arguments) {
  std::vector<Dict::Entry> entries;
  for (auto& [key, value] : arguments.keyword) entries.emplace_back(make_text(runtime, key), std::move(value));
  arguments.keyword.clear();
  return make_dict(runtime, std::move(entries));
}

}  // namespace

void Macro::bind_caller(Runtime&, Parameters& parameters, Arguments& left, bool found_caller) const {
  if (!body_.uses_caller || found_caller) return;
  auto caller = taken(left, "caller");
  if (!caller || caller->is_none()) caller = make_undefined("No caller defined");
  parameters.values.emplace_back(interpreter_.known().caller, std::move(caller));
}

Macro::Parameters Macro::bound(Runtime& runtime, Arguments const& arguments) const {
  Arguments left = arguments;
  Parameters parameters;
  std::size_t const count = body_.parameters.size();
  std::size_t const given = std::min(count, arguments.positional.size());
  bool found_caller = false;
  for (std::size_t i = 0; i < count; ++i) {
    NameId const name = body_.parameters[i];
    found_caller = found_caller || (name == interpreter_.known().caller && (i >= given || given == count));
    parameters.values.emplace_back(name, i < given ? arguments.positional[i] : taken(left, names_[name]));
  }
  bind_caller(runtime, parameters, left, found_caller);
  std::string const shown = body_.name.empty() ? "None" : repr_of(body_.name);
  if (body_.uses_keywords) {
    parameters.values.emplace_back(interpreter_.known().keywords, dict_of(runtime, left));
  } else if (!left.keyword.empty()) {
    runtime.fail("macro " + shown + " takes no keyword argument " + repr_of(left.keyword.front().first));
  }
  if (body_.uses_rest) {
    std::vector<Value> rest(arguments.positional.begin() + static_cast<std::ptrdiff_t>(given),
                            arguments.positional.end());
    parameters.values.emplace_back(interpreter_.known().rest, make_tuple(runtime, std::move(rest)));
  } else if (arguments.positional.size() > count) {
    runtime.fail("macro " + shown + " takes not more than " + std::to_string(count) + " argument(s)");
  }
  return parameters;
}

Value Macro::call(Runtime& runtime, Arguments const& arguments) {
  Runtime::Level const level(runtime);
  auto parameters = bound(runtime, arguments);
  auto const around = scope_.lock();
  if (!around) runtime.fail("a macro is called after the scope it was defined in");
  auto const scope = std::make_shared<Scope>(around);
  scope->names = parameters.values;
  std::size_t const first_default = body_.parameters.size() - body_.defaults.size();
  for (std::size_t i = 0; i < body_.parameters.size(); ++i) {
    if (parameters.values[i].second) continue;
    Value value = i >= first_default
                      ? interpreter_.evaluate(*body_.defaults[i - first_default], scope)
                      : make_undefined("parameter " + repr_of(names_[body_.parameters[i]]) + " was not provided");
    scope->names[i].second = std::move(value);
  }
  int const line = runtime.line;
  std::string text = interpreter_.render_frame(body_.frame, scope);
  runtime.line = line;
  return make_text(runtime, std::move(text));
}

}  // namespace grove::text::jinja::detail
