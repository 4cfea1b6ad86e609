# SPDX-License-Identifier: Apache-2.0
"""Renders random templates with jinja2 and with Grove, and prints where they differ.

    g++ -std=c++20 -O1 -Iinclude tests/oracle/jinja_driver.cpp include/grove/text/chat_template.cpp \\
        include/grove/text/jinja/*.cpp -lutf8proc -o build/jinja_driver
    python tests/oracle/jinja_differential.py build/jinja_driver [SEED [COUNT]]

Equal means: the same text, or an error on both sides. Where Grove says that something is not supported (or beyond 64
bits), the case is counted apart.
"""
import json
import random
import subprocess
import sys
import warnings

from jinja_peer import render

warnings.simplefilter("ignore")

VARIABLES = {
    "s": "Hello, World",
    "u": "  Grüße\tan ß, ǅ und Ω…\n漢字 😀  ",
    "e": "",
    "lines": "one\n  two\r\n\nthree\n",
    "tag": "<think>\nhm\n</think>\n\nanswer <b>&'\"",
    "n": 7, "z": 0, "neg": -3, "big": 10**12, "x": 2.5, "y": -0.1, "w": 1e20,
    "yes": True, "no": False, "nothing": None,
    "l": [3, 1, 2], "words": ["b", "A", "c", "a"], "mixed": [1, "a", None, 2.0, True, [1]], "none_list": [],
    "nested": [[1, 2], [3, [4, 5]]], "pairs": [["k", 1], ["v", 2]],
    "d": {"b": 1, "a": "x", "c": None}, "empty_dict": {},
    "deep": {"user": {"name": "Ann", "tags": ["p", "q"]}, "items": [1, 2], "n": {"m": 1}},
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "2+2?", "n": 3},
        {"role": "assistant", "content": "<think>\nsum\n</think>\n\n4", "n": 1, "ok": True},
        {"role": "User", "content": "thanks ", "n": 2},
    ],
}
STRINGS = ["s", "u", "e", "lines", "tag"]
NUMBERS = ["n", "z", "neg", "big", "x", "y", "w", "yes", "no"]
LISTS = ["l", "words", "mixed", "none_list", "nested", "pairs", "messages"]
DICTS = ["d", "empty_dict", "deep", "messages[1]", "deep.user"]
LITERALS = ["'a'", '"b c"', "''", "'x\\ny'", "'\\t'", "'ü'", "'{{'", "', '", "' '", "'think'", "'</think>'", "'%s|%d'",
            "'{}-{0}'", "'{:>5}'", "'{a}'", "'\\x41\\u00e9'", "'\\''", "'aAbB'", "'12'", "'-3.5'", "'1_0'"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping",
         "sequence", "iterable", "callable", "odd", "even", "lower", "upper", "divisibleby 3", "divisibleby(2)",
         "eq 3", "equalto('a')", "ne 1", "gt 2", "ge(3)", "lessthan 4", "le 3", "in [1, 'a', none]", "in 'abc'",
         "sameas none", "sameas(true)", "escaped", "filter", "test"]
SIMPLE_FILTERS = ["upper", "lower", "title", "capitalize", "trim", "length", "count", "first", "last", "list", "string",
                  "int", "float", "abs", "sort", "reverse", "unique", "join", "tojson", "min", "max", "sum", "items",
                  "dictsort", "round", "default", "d", "wordcount", "e", "escape", "safe", "forceescape", "indent",
                  "center", "truncate"]


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.names = []
        self.loops = 0
        self.macros = []

    def pick(self, *options):
        return self.r.choice(options)

    def chance(self, p):
        return self.r.random() < p

    # Expressions

    def string(self, depth):
        if depth <= 0 or self.chance(0.25):
            return self.pick(*STRINGS, *LITERALS, "messages[1].content", "messages[0]['role']", "d.a")
        choice = self.r.randrange(12)
        if choice == 0:
            return f"({self.string(depth - 1)} + {self.string(depth - 1)})"
        if choice == 1:
            return f"({self.any(depth - 1)} ~ {self.any(depth - 1)})"
        if choice == 2:
            return f"{self.string(depth - 1)}{self.slice(depth - 1)}"
        if choice == 3:
            return f"({self.string(depth - 1)} * {self.pick('2', '0', '3', 'neg')})"
        if choice in (4, 5, 6):
            return self.string(depth - 1) + self.string_method(depth - 1)
        if choice == 7:
            return f"({self.string(depth - 1)} | {self.filter(depth - 1)})"
        if choice == 8:
            args = ", ".join(self.any(depth - 2) for _ in range(self.r.randrange(3)))
            return f"({self.string(depth - 1)} % ({args}{',' if args else ''}))"
        if choice == 9:
            return f"({self.any(depth - 1)} | string)"
        if choice == 10:
            return f"({self.any(depth - 1)} | tojson{self.pick('', '(indent=2)', '(ensure_ascii=true)', '(sort_keys=true)')})"
        return f"({self.string(depth - 1)} if {self.any(depth - 1)} else {self.string(depth - 1)})"

    def string_method(self, depth):
        s = lambda: self.string(depth - 1)
        k = lambda: self.integer(depth - 1)
        return self.pick(
            ".upper()", ".lower()", ".strip()", ".lstrip()", ".rstrip()", f".strip({s()})", f".lstrip({s()})",
            f".rstrip({s()})", ".title()", ".capitalize()", ".swapcase()", ".casefold()", f".replace({s()}, {s()})",
            f".replace({s()}, {s()}, {k()})", f".split({s()})[0]", ".split()[-1]", f".split({s()}, 1)[-1]",
            f".rsplit({s()}, 1)[0]", f".center({k()})", f".ljust({k()}, '*')", f".rjust({k()}, '-')", f".zfill({k()})",
            f".removeprefix({s()})", f".removesuffix({s()})", f".partition({s()})[2]", f".rpartition({s()})[0]",
            f".join({self.list(depth - 1)})", ".expandtabs(4)", f".format({self.any(depth - 1)}, a={self.any(depth - 1)})",
            "[::-1]", "[0]", "[-1]", f".split({s()}, maxsplit=2) | join('|')", ".splitlines() | join('/')",
            ".rsplit(none, 1) | join('|')", ".split(none, 1) | join('|')")

    def integer(self, depth):
        if depth <= 0 or self.chance(0.3):
            return str(self.pick(0, 1, 2, 3, -1, -2, 5, 10, "n", "neg", "z", "(l | length)", "messages | length"))
        return self.pick(
            f"({self.integer(depth - 1)} {self.pick('+', '-', '*', '//', '%')} {self.integer(depth - 1)})",
            f"({self.any(depth - 1)} | length)", f"({self.any(depth - 1)} | int)", f"-{self.integer(depth - 1)}",
            f"{self.string(depth - 1)}.find({self.string(depth - 1)})", f"{self.string(depth - 1)}.count('a')",
            f"({self.integer(depth - 1)} | abs)", f"({self.string(depth - 1)} | wordcount)",
            f"({self.integer(depth - 1)} if {self.boolean(depth - 1)} else {self.integer(depth - 1)})",
            f"({self.list(depth - 1)} | sum)", f"{self.list(depth - 1)}.index({self.any(depth - 1)})")

    def number(self, depth):
        if depth <= 0 or self.chance(0.3):
            return self.pick(*NUMBERS, "1.5", "2e3", "0.1", "1_000", "0x1f", "3", "-4")
        return self.pick(
            f"({self.number(depth - 1)} {self.pick('+', '-', '*', '/', '//', '%')} {self.number(depth - 1)})",
            f"({self.number(depth - 1)} ** {self.pick('2', '3', '0', '-1', '0.5')})", self.integer(depth),
            f"({self.any(depth - 1)} | float)", f"({self.number(depth - 1)} | round({self.pick('', '1', '2', '-1')}))",
            f"({self.number(depth - 1)} | round(1, {self.pick(repr('ceil'), repr('floor'))}))",
            f"+{self.number(depth - 1)}", f"({self.number(depth - 1)} | abs)")

    def boolean(self, depth):
        if depth <= 0 or self.chance(0.2):
            return self.pick("true", "false", "yes", "no", "n", "nothing", "e", "missing")
        return self.pick(
            f"({self.any(depth - 1)} {self.pick('==', '!=', '<', '>', '<=', '>=')} {self.any(depth - 1)})",
            f"({self.number(depth - 1)} {self.pick('<', '<=', '>')} {self.number(depth - 1)} {self.pick('<', '==', '!=')} {self.number(depth - 1)})",
            f"({self.any(depth - 1)} {self.pick('in', 'not in')} {self.pick(self.list, self.string, self.dict)(depth - 1)})",
            f"({self.boolean(depth - 1)} {self.pick('and', 'or')} {self.boolean(depth - 1)})",
            f"(not {self.boolean(depth - 1)})", f"({self.any(depth - 1)} is {self.pick('', 'not ')}{self.pick(*TESTS)})",
            f"{self.string(depth - 1)}.startswith({self.string(depth - 1)})",
            f"{self.string(depth - 1)}.endswith(('a', {self.string(depth - 1)}))",
            f"{self.string(depth - 1)}.is{self.pick('upper', 'lower', 'digit', 'alpha', 'alnum', 'space', 'title')}()")

    def list(self, depth):
        if depth <= 0 or self.chance(0.3):
            return self.pick(*LISTS, "[]", "[1, 2, 3]", "['x']", "(1, 2)", "('a',)")
        items = ", ".join(self.any(depth - 1) for _ in range(self.r.randrange(4)))
        return self.pick(
            f"[{items}]", f"({items},)" if items else "()", f"{self.list(depth - 1)}{self.slice(depth - 1)}",
            f"({self.list(depth - 1)} + {self.list(depth - 1)})", f"{self.string(depth - 1)}.split({self.string(depth - 1)})",
            f"({self.list(depth - 1)} | {self.list_filter(depth - 1)})", f"({self.list(depth - 1)} | {self.list_filter(depth - 1)} | list)",
            f"{self.dict(depth - 1)}.{self.pick('keys', 'values', 'items')}()", f"({self.dict(depth - 1)} | items)",
            f"({self.dict(depth - 1)} | dictsort{self.pick('', '(true)', '(reverse=true)', '(false, ' + repr('value') + ')')})",
            f"range({self.integer(depth - 1)})", f"range({self.integer(depth - 1)}, {self.integer(depth - 1)}, {self.pick('1', '2', '-1')})",
            f"({self.string(depth - 1)} | list)", f"{self.string(depth - 1)}.splitlines()")

    def list_filter(self, depth):
        return self.pick(
            "sort", "sort(reverse=true)", "sort(attribute='n')", "sort(attribute='role,n')", "sort(case_sensitive=true)",
            "reverse", "unique", "unique(attribute='role')", "map('upper')", "map('string')", "map(attribute='role')",
            "map(attribute='n', default=0)", "map('default', 'x')", "map('length')", "map('int')", "select", "reject",
            "select('string')", "reject('none')", "select('gt', 1)", "select('in', [1, 2])", "selectattr('n')",
            "selectattr('role', 'equalto', 'user')", "selectattr('role', 'in', ['user', 'system'])", "rejectattr('n', 'defined')",
            "rejectattr('ok')", "batch(2)", "batch(3, 'x')", "slice(2)", "slice(3, 0)", "groupby('role')", "list",
            "map('replace', 'a', 'b')", "map(attribute=0)", "map('tojson')", "map(attribute='content.0')",
            f"map({self.string(0)})")

    def filter(self, depth):
        return self.pick(
            *SIMPLE_FILTERS, f"replace({self.string(depth - 1)}, {self.string(depth - 1)})", f"default({self.any(depth - 1)})",
            f"default({self.any(depth - 1)}, true)", f"join({self.string(depth - 1)})", "join(', ', attribute='role')",
            f"indent({self.integer(depth - 1)})", "indent(2, true)", "indent('> ', blank=true)", f"truncate({self.integer(depth - 1)})",
            "truncate(5, true, '…', 0)", "truncate(8, leeway=0)", f"trim({self.string(depth - 1)})", f"center({self.integer(depth - 1)})",
            "int(default=-1)", "int(0, 16)", "int(base=0)", "float(1.5)", f"format({self.any(depth - 1)})",
            f"attr({self.string(depth - 1)})", "first", "last", "tojson(indent=1, separators=(';', '='))", self.list_filter(depth))

    def dict(self, depth):
        if depth <= 0 or self.chance(0.4):
            return self.pick(*DICTS, "{}", "{'k': 1, 2: 'v'}")
        return self.pick(
            f"{{{self.string(depth - 1)}: {self.any(depth - 1)}, 'z': {self.any(depth - 1)}}}", f"dict(a={self.any(depth - 1)}, b=2)",
            f"dict({self.dict(depth - 1)}, c={self.any(depth - 1)})", f"dict({self.list(depth - 1)})", f"{self.dict(depth - 1)}.copy()",
            "{1: 'a', true: 'b', 1.0: 'c', none: 'd', (1, 2): 'e'}")

    def slice(self, depth):
        part = lambda: self.pick("", self.integer(depth - 1))
        return self.pick(f"[{part()}:{part()}]", f"[{part()}:{part()}:{self.pick('1', '2', '-1', '-2')}]", f"[{self.integer(depth)}]")

    def any(self, depth):
        if depth <= 0 and self.names and self.chance(0.4):
            return self.r.choice(self.names)
        if depth <= 0 and self.loops and self.chance(0.3):
            return "loop." + self.pick("index", "index0", "first", "last", "length", "revindex", "revindex0", "previtem",
                                       "nextitem", "depth", "cycle('a', 'b')", "changed(n)", "bogus")
        if depth > 0 and self.macros and self.chance(0.05):
            return self.call(depth - 1)
        return self.pick(
            self.string, self.string, self.number, self.boolean, self.list, self.dict,
            lambda _: self.pick("missing", "nothing", "missing.x", "d.missing", "messages[9]", "s.missing", "l.0", "deep.items",
                                "deep['items']", "deep.user.name", "messages[-1].content", "d['b']", "mixed[5][0]", "none", "n.x"),
            lambda k: f"({self.any(k - 1)} | {self.filter(k - 1)})", lambda k: f"{self.any(k - 1)}{self.slice(k - 1)}",
            lambda k: f"{self.dict(k - 1)}.get({self.string(k - 1)}{self.pick('', ', 5')})",
            lambda k: f"({self.any(k - 1)} {self.pick('or', 'and')} {self.any(k - 1)})",
            lambda k: f"({self.any(k - 1)} if {self.boolean(k - 1)}{self.pick('', ' else ' + self.any(k - 1))})",
            lambda k: f"({self.any(k - 1)} {self.pick('+', '-', '*', '/', '//', '%', '~')} {self.any(k - 1)})")(depth)

    def call(self, depth):
        name, count = self.r.choice(self.macros)
        args = [self.any(depth - 1) for _ in range(self.r.randrange(count + 2))]
        if self.chance(0.3):
            args.append(f"{self.pick('p0', 'p1', 'q')}={self.any(depth - 1)}")
        return f"{name}({', '.join(args)})"

    # Statements

    def open_tag(self):
        return "{%" + self.pick("", "", "-", "+") + " "

    def close_tag(self):
        return " " + self.pick("", "", "-", "+") + "%}"

    def tag(self, text):
        return self.open_tag() + text + self.close_tag()

    def output(self, depth):
        return "{{" + self.pick("", "", "-") + " " + self.any(depth) + " " + self.pick("", "", "-") + "}}"

    def data(self):
        return self.pick("", " ", "\n", "text", "  \n  ", " a b ", "\t", "{ % } }}", "x\n\n", "é ", "# ")

    def body(self, depth):
        before = len(self.names)
        result = "".join(self.statement(depth) for _ in range(self.r.randrange(1, 4)))
        if self.chance(0.5):
            del self.names[before:]
        return result

    def new_name(self):
        name = self.pick("a", "b", "c", "v", "s", "n", "l")
        self.names.append(name)
        return name

    def statement(self, depth):
        if depth <= 0 or self.chance(0.35):
            return self.data() + self.output(2) + self.data()
        kind = self.r.randrange(17)
        if kind <= 2:
            return self.for_loop(depth)
        if kind <= 5:
            return self.if_block(depth)
        if kind <= 7:
            value = self.any(2)
            return self.tag(f"set {self.new_name()} = {value}") + self.data()
        if kind == 8:
            return self.tag(f"set {self.new_name()}{self.pick('', ' | upper', ' | trim | length')}") + self.body(depth - 1) + self.tag("endset")
        if kind == 9:
            return self.macro(depth)
        if kind == 10:
            return "{#" + self.pick("", "-", "+") + " note " + self.pick("", "-", "+") + "#}" + self.data()
        if kind == 11:
            return self.tag("raw").replace("{%+", "{%-").replace("+%}", "%}") + " {{ raw }} {% x %} " + self.tag("endraw")
        if kind == 12:
            value = self.any(2)
            name = self.new_name()
            return self.tag(f"with {name} = {value}, q = {self.any(1)}") + self.body(depth - 1) + self.tag("endwith")
        if kind == 13:
            return self.tag(f"filter {self.pick('upper', 'trim', 'replace(' + repr('a') + ', s)', 'indent | lower')}") + self.body(depth - 1) + self.tag("endfilter")
        if kind == 14:
            return (self.tag(f"set ns = namespace(a={self.any(1)}, count=0)") + self.tag("for i in range(3)") +
                    self.tag(f"set ns.count = ns.count + {self.integer(1)}") + self.tag(f"set ns.a = {self.any(1)}") +
                    self.body(depth - 2) + self.tag("endfor") + "{{ ns.count }}{{ ns.a }}")
        if kind == 15 and self.macros:
            name, _ = self.r.choice(self.macros)
            return self.tag(f"call{self.pick('', '(q)')} {name}({self.any(1)})") + self.body(depth - 1) + self.tag("endcall")
        if kind == 16:
            return self.tag("generation") + self.body(depth - 1) + self.tag("endgeneration")
        return self.data() + self.output(3)

    def for_loop(self, depth):
        target = self.pick("i", "i", "m", "k, v", "(i, j)")
        for name in ("i", "m", "k", "v", "j"):
            if name in target:
                self.names.append(name)
        self.loops += 1
        text = self.tag(f"for {target} in {self.pick(self.list, self.any)(2)}{self.pick('', '', ' if ' + self.boolean(1))}")
        text += self.data() + self.body(depth - 1)
        if self.chance(0.2):
            text += self.tag(f"if {self.boolean(1)}") + self.tag(self.pick("break", "continue")) + self.tag("endif") + self.body(depth - 2)
        self.loops -= 1
        if self.chance(0.25):
            text += self.tag("else") + self.body(depth - 1)
        return text + self.tag("endfor")

    def if_block(self, depth):
        text = self.tag(f"if {self.boolean(2)}") + self.body(depth - 1)
        while self.chance(0.3):
            text += self.tag(f"elif {self.boolean(2)}") + self.body(depth - 1)
        if self.chance(0.5):
            text += self.tag("else") + self.body(depth - 1)
        return text + self.tag("endif")

    def macro(self, depth):
        name = f"m{len(self.macros)}"
        count = self.r.randrange(3)
        parameters = [f"p{i}" + (f"={self.any(1)}" if self.chance(0.3) or i == 1 else "") for i in range(count)]
        if count == 2 and "=" in parameters[0]:
            parameters[1] = "p1=1"
        before = list(self.names)
        self.names = self.names + [p.split("=")[0] for p in parameters]
        loops, self.loops = self.loops, 0
        extra = self.pick("", "", "{{ caller() }}", "{{ caller(1) }}", "{{ varargs }}", "{{ kwargs }}", "{% if caller %}{{ caller() }}{% endif %}")
        text = self.tag(f"macro {name}({', '.join(parameters)})") + self.body(depth - 1) + extra + self.tag("endmacro")
        self.loops = loops
        self.names = before
        self.macros.append((name, count))
        return text

    def template(self):
        if self.chance(0.5):  # one expression, which fails less often
            return "{{ " + self.any(self.r.randrange(2, 4)) + " }}"
        return "".join(self.statement(3) for _ in range(self.r.randrange(1, 5)))


class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, template, variables):
        self.process.stdin.write((json.dumps({"template": template, "variables": variables}) + "\n").encode())
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def main():
    driver = Driver(sys.argv[1])
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
    equal = both_fail = apart = differ = 0
    for seed in range(first, first + count):
        template = Generator(seed).template()
        try:
            expected, failure = render(template, VARIABLES), None
            expected.encode()
        except Exception as error:  # jinja2 lets all of Python's exceptions through
            expected, failure = None, f"{type(error).__name__}: {error}"
        reply = driver(template, VARIABLES)
        error = reply.get("error", "")
        if expected is not None and reply.get("output") == expected:
            equal += 1
        elif expected is None and error:
            both_fail += 1
        elif "not supported" in error or "beyond 64 bits" in error or "cannot be printed" in error:
            apart += 1
        elif expected is not None and (" object at 0x" in expected or ("[" in template and "sliced" in error)):
            apart += 1  # an address, or a slice of a constant that has none, which jinja2 folds to undefined
        else:
            differ += 1
            print(f"--- seed {seed}\n{template}\nexpected: {expected!r}\nfailure:  {failure}\ngrove:    {reply}")
    print(f"{count} templates: {equal} equal, {both_fail} fail in both, {apart} not supported, {differ} differ")


if __name__ == "__main__":
    main()
