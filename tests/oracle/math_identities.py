#!/usr/bin/env python3
"""Writes tests/data/math/identities.jsonl: pairs of expressions in plain infix with sympy's verdict.

Equal pairs are an expression and one of sympy's rewritings of it; different ones have one number or sign changed, and sympy's own
evaluation to 60 digits at a rational point tells them apart. Seeded: the same file from the same sympy (written with 1.14.0).
"""
import json
import random
import sys

import sympy as sp

x, y, n = sp.symbols("x y n", positive=True)
rng = random.Random(5)


def integer():
    return sp.Integer(rng.choice([-7, -3, -2, -1, 1, 2, 3, 4, 5, 6, 12]))


def rational():
    return sp.Rational(rng.randint(-9, 9) or 1, rng.randint(1, 9))


def constant(depth):
    if depth == 0:
        return rng.choice([integer(), rational(), sp.pi, sp.E, sp.sqrt(rng.randint(2, 12)), sp.cbrt(rng.randint(2, 9))])
    a, b = constant(depth - 1), constant(depth - 1)
    kind = rng.randrange(9)
    if kind < 3:
        return a + b
    if kind < 5:
        return a * b
    if kind == 5:
        return a / b if b != 0 else a
    if kind == 6:
        return sp.sqrt(a**2 + 1)
    if kind == 7:
        return sp.log(a**2 + 2)
    return rng.choice([sp.sin, sp.cos, sp.atan])(a)


def function(depth):
    if depth == 0:
        return rng.choice([x, x, y, integer(), rational()])
    a, b = function(depth - 1), function(depth - 1)
    kind = rng.randrange(10)
    if kind < 3:
        return a + b
    if kind < 6:
        return a * b
    if kind == 6:
        return a ** rng.choice([2, 3, -1, -2]) if a != 0 else a
    if kind == 7:
        return sp.sqrt(a**2 + 1)
    if kind == 8:
        return rng.choice([sp.sin, sp.cos, sp.exp])(a)
    return a / (b**2 + 1)


REWRITINGS = [sp.expand, sp.factor, sp.simplify, sp.together, sp.radsimp, sp.trigsimp, sp.powsimp,
              lambda e: sp.expand_trig(sp.expand(e)), lambda e: sp.apart(e, x) if e.is_rational_function(x) else e.doit(),
              lambda e: e.rewrite(sp.exp) if not e.has(sp.I) else e]


def infix(e):
    text = sp.sstr(e).replace("**", "^")
    for old, new in (("exp(", "exp("), ("log(", "ln("), ("atan(", "arctan("), ("Abs(", "abs("), ("E", "e"), ("I", "i")):
        text = text.replace(old, new)
    return text


def changed(e):
    leaves = [leaf for leaf in sp.preorder_traversal(e) if leaf.is_Rational and leaf != 0]
    if not leaves:
        return e + 1
    old = rng.choice(leaves)
    return e.subs(old, old + rng.choice([1, -1, sp.Rational(1, 7)]))


def differ(a, b):
    point = {x: sp.Rational(7, 5), y: sp.Rational(3, 4)}
    return abs(sp.N(a.subs(point) - b.subs(point), 60)) > sp.Float("1e-40")


def usable(e):
    return e.is_finite is not False and not e.has(sp.zoo, sp.nan, sp.oo, sp.Piecewise, sp.RootSum) and len(infix(e)) < 300


rows = []
while len(rows) < 500:
    make = constant if rng.random() < 0.4 else function
    e = make(rng.choice([1, 2, 2, 3]))
    if not usable(e):
        continue
    try:
        if rng.random() < 0.65:
            other = rng.choice(REWRITINGS)(e)
            equal = True
            if other == e or not usable(other) or differ(e, other):
                continue
        else:
            other = changed(e)
            equal = False
            if not usable(other) or not differ(e, other):
                continue
    except Exception:  # sympy gives up on some: they are no test
        continue
    rows.append({"a": infix(e), "b": infix(other), "equal": equal})

with open(sys.argv[1], "w", encoding="ascii") as out:
    for row in rows:
        out.write(json.dumps(row) + "\n")
