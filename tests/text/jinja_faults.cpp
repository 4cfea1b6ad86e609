// SPDX-License-Identifier: Apache-2.0
// What templates must not do: hang, exhaust memory or the stack, or fail without saying where.
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/text/chat_template.hpp"
#include "support/catch.hpp"

namespace {

using grove::text::ChatTemplate;
using nlohmann::ordered_json;

std::string error_of(std::string const& source, ordered_json const& variables = ordered_json::object()) {
  try {
    ChatTemplate::parse(source, "templates/my.jinja").render(variables);
  } catch (grove::Error const& error) {
    return error.what();
  }
  return "no error";
}

bool holds(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

std::string repeated(std::string const& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

}  // namespace

TEST_CASE("an error names the construct, the template and the line") {
  CHECK(error_of("a\n\n{% include 'x' %}") == "templates/my.jinja, line 3: the tag `include` is not supported");
  CHECK(error_of("{{ 1 }}\n{{ s | wordwrap }}") ==
        "templates/my.jinja, line 2: the filter 'wordwrap' is not supported");
  CHECK(error_of("{% if true %}\n{{ 's' | nope }}\n{% endif %}") ==
        "templates/my.jinja, line 2: no filter is named 'nope'");
  CHECK(error_of("\n{{ 'x'.encode() }}") ==
        "templates/my.jinja, line 2: the attribute 'encode' of str is not supported");
  CHECK(error_of("{% macro m() %}\n\n{{ missing.x }}{% endmacro %}{{ m() }}") ==
        "templates/my.jinja, line 3: 'missing' is undefined");
  CHECK(error_of("{% for i in [1] %}\n{{ i + 'a' }}{% endfor %}") ==
        "templates/my.jinja, line 2: unsupported operand type(s) for +: 'int' and 'str'");
  CHECK(error_of("{{ 'a' ~\n   raise_exception('Stop: ' ~ 1) }}") == "templates/my.jinja, line 2: Stop: 1");
  CHECK(error_of("{% for i in [1] %}\n{% if i %}") ==
        "templates/my.jinja, line 2: the template ends within a block; expected elif or else or endif");
  CHECK(error_of("{{ [1] | select }}") ==
        "templates/my.jinja, line 1: a value of type 'generator' cannot be printed; make a list of it first: (...) | "
        "list");
  CHECK(error_of("\n\n{{ self.x() }}") == "templates/my.jinja, line 3: `self` is not supported");
  CHECK(error_of("{{ lipsum() }}") == "templates/my.jinja, line 1: lipsum() is not supported");
}

TEST_CASE("integers beyond 64 bits are errors") {
  for (std::string const source :
       {"{{ 9223372036854775807 + 1 }}", "{{ 2 ** 64 }}", "{{ 9223372036854775808 }}", "{{ 1e300 | int }}",
        "{{ -9223372036854775807 - 2 }}", "{{ 4611686018427387904 * 2 }}", "{{ (-9223372036854775807 - 1) // -1 }}"}) {
    CAPTURE(source);
    CHECK(holds(error_of(source), "64 bits"));
  }
  CHECK(ChatTemplate::parse("{{ -9223372036854775807 - 1 }}").render(ordered_json::object()) == "-9223372036854775808");
  CHECK(holds(error_of("{{ x }}", ordered_json::object({{"x", 18446744073709551615ULL}})), "64 bits"));
}

TEST_CASE("work and memory are bounded") {
  std::string const loop = "{% for i in range(100000) %}";
  for (std::string const& source : std::vector<std::string>{
           loop + loop + "{% endfor %}{% endfor %}",
           "{{ 'x' * 100000000000 }}",
           "{{ [1] * 100000000000 }}",
           "{% set ns = namespace(s='x') %}" + loop + "{% set ns.s = ns.s + ns.s %}{% endfor %}",
           "{% set ns = namespace(l=[1]) %}" + loop + "{% set ns.l = ns.l + ns.l %}{% endfor %}",
           "{{ 'a' | center(100000000000) }}",
           "{{ '{:>60000000}'.format(1) * 100 }}",
           "{{ ('x' * 1000000).replace('x', 'y' * 1000000) }}",
           "{{ 'a'.zfill(99999999999) }}",
           "{{ ('\\t' * 100000).expandtabs(100000000) }}",
           "{{ 'a\\nb' | indent(100000000000) }}",
           "{{ [1] | batch(100000000000, 'x') | list }}",
           "{{ [1] | slice(100000000000) | list }}",
           "{% set s = 'a' * 1000000 %}" + loop + "{{ s == 'a' * 1000000 }}{% endfor %}",
           "{% set s = 'a' * 1000000 %}" + loop + "{{ 'b' in s }}{% endfor %}",
           "{{ ('a' * 4000000).rfind('b' ~ 'a' * 1000000) }}",
           "{{ {'a': [[[]]]} | tojson(indent=1000000000) }}",
           // A list of a list ..., each twice: two to the power of 150 items if written out.
           "{% set ns = namespace(l=[1]) %}{% for i in range(150) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l "
           "}}",
           "{% set ns = namespace(l=(1,)) %}{% for i in range(150) %}{% set ns.l = (ns.l, ns.l) %}{% endfor %}"
           "{{ {ns.l: 1} }}",
       }) {
    CAPTURE(source);
    std::clock_t const start = std::clock();
    CHECK(holds(error_of(source), "work"));
    CHECK(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC < 30);  // of computing, not of waiting
  }
  CHECK(holds(error_of("{{ '%100000000000d' % 1 }}"), "width too big"));
  auto const parsed = ChatTemplate::parse("{% for i in range(1000) %}x{% endfor %}");
  CHECK(parsed.render(ordered_json::object()).size() == 1000);
  CHECK_THROWS_AS(parsed.render(ordered_json::object(), {.work = 500}), grove::Error);
}

TEST_CASE("nesting is bounded") {
  CHECK(holds(error_of("{{ " + repeated("(", 10000) + "1" + repeated(")", 10000) + " }}"), "nest too deeply"));
  CHECK(holds(error_of("{{ " + repeated("-", 10000) + "1 }}"), "nest too deeply"));
  CHECK(holds(error_of("{{ " + repeated("not ", 10000) + "1 }}"), "nest too deeply"));
  CHECK(holds(error_of("{{ 1" + repeated(" + 1", 10000) + " }}"), "nest too deeply"));
  CHECK(holds(error_of("{{ 'a'" + repeated("|upper", 10000) + " }}"), "nest too deeply"));
  CHECK(holds(error_of("{{ a" + repeated(".b", 10000) + " }}"), "nest too deeply"));
  CHECK(holds(error_of("{{ 1" + repeated(" if 1 else 1", 10000) + " }}"), "nest too deeply"));
  CHECK(holds(error_of(repeated("{% if 1 %}", 10000) + repeated("{% endif %}", 10000)), "nest too deeply"));
  CHECK(holds(error_of("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), "nest too deeply"));
  CHECK(holds(error_of("{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}"), "nest too deeply"));
  std::string const loop = "{% set ns = namespace(v=[1]) %}{% for i in range(10000) %}{% set ns.v = ";
  for (std::string const value :
       {"[ns.v]", "(ns.v,)", "{'a': ns.v}", "ns.v | map('string')", "[1] | map('default', ns.v)",
        "[1] | batch(2, ns.v)", "cycler(ns.v)", "ns.v | select('in', [])"}) {
    CAPTURE(value);
    CHECK(holds(error_of(loop + value + " %}{% endfor %}"), "nest too deeply"));
  }
  ordered_json deep = 1;
  for (int i = 0; i < 1000; ++i) deep = ordered_json::array({deep});
  CHECK(holds(error_of("{{ deep }}", ordered_json::object({{"deep", deep}})), "nest too deeply"));
}

TEST_CASE("values that hold themselves are let go of") {
  // Under a leak checker, these leave nothing behind.
  for (std::string const source :
       {"{% set ns = namespace() %}{% set ns.me = ns %}{% set ns.list = [ns, {'a': ns}] %}ok",
        "{% set ns = namespace() %}{% macro m() %}{{ ns }}{% endmacro %}{% set ns.m = m %}ok",
        "{% for i in [1] %}{{ '' if loop.changed(loop) }}{% endfor %}ok",
        "{% set ns = namespace() %}{% for i in [1] %}{% set ns.loop = loop %}{% endfor %}ok",
        "{% set ns = namespace() %}{% set ns.c = cycler(ns) %}{% set ns.g = [ns] | map('string') %}ok"}) {
    CAPTURE(source);
    CHECK(ChatTemplate::parse(source).render(ordered_json::object()) == "ok");
  }
  CHECK(holds(error_of("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}"), "nest too deeply"));
}

TEST_CASE("bytes that are no UTF-8 are kept") {
  std::string const text = "a\xff\x80 \xc3\xa9\xe2\x82";
  ordered_json const variables = {{"s", text}};
  CHECK(ChatTemplate::parse("{{ s }}|{{ s | length }}|{{ s[::-1] }}").render(variables) ==
        text + "|7|\x82\xe2\xc3\xa9 \x80\xff" + "a");
}
