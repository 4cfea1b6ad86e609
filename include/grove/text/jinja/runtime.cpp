// SPDX-License-Identifier: Apache-2.0
#include "grove/text/jinja/runtime.hpp"

#include "grove/error.hpp"
#include "grove/text/jinja/value.hpp"

namespace grove::text::jinja {

Runtime::~Runtime() {
  for (auto const& value : namespaces_) value->clear();
}

void Runtime::fail(std::string what, std::string expected, std::string fix) const {
  throw Error(line > 0 ? name_ + ", line " + std::to_string(line) : name_, std::move(what), std::move(expected),
              std::move(fix));
}

void Runtime::exhausted() const {
  fail("the template does too much work", "at most " + std::to_string(work_) + " units",
       "shorten the loop, or raise RenderOptions::work");
}

void Runtime::too_deep() {
  --depth_;
  fail("calls and expressions nest too deeply",
       "at most " + std::to_string(static_cast<int>(Depth::evaluation)) + " levels",
       "check the template for a macro that calls itself without end");
}

}  // namespace grove::text::jinja
