# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/reward/regex.json: whether Python's re finds random patterns in random texts.

Run from the repository root, no arguments.
"""
import json
import random
import re
import warnings

ATOMS = ["a", "b", "ab", ".", "[ab]", "[^a]", "[a-c1]", "\\d", "\\w", "\\s", "\\W", "\\.", "\\n", "^", "$", "\\b", "\\B",
         "\u00e9", "[\\d-]", "[]a]", "A", "-", "{", "(?:)", "x{", "_"]
QUANTIFIERS = ["", "", "", "*", "+", "?", "*?", "+?", "{2}", "{1,}", "{,2}", "{1,3}", "{0}"]
LETTERS = "aaabbbc1 .\nA\u00e9-]{_x"


def pattern(generator, depth=0):
    parts = []
    for _ in range(generator.randrange(1, 4)):
        group = depth < 3 and generator.random() < 0.3
        atom = f"({pattern(generator, depth + 1)})" if group else generator.choice(ATOMS)
        quantifier = "" if atom in ("^", "$", "\\b", "\\B", "x{", "{") else generator.choice(QUANTIFIERS)
        parts.append(atom + quantifier)
    text = "".join(parts)
    return text + "|" + pattern(generator, depth + 1) if generator.random() < 0.15 else text


if __name__ == "__main__":
    warnings.simplefilter("error")
    generator = random.Random(3)
    cases = []
    while len(cases) < 500:
        source = pattern(generator)
        flags = [generator.random() < 0.3 for _ in range(3)]
        value = re.ASCII | flags[0] * re.IGNORECASE | flags[1] * re.MULTILINE | flags[2] * re.DOTALL
        try:
            compiled = re.compile(source, value)
        except (re.error, Warning):
            continue
        least = 1 if "\\B" in source else 0  # Python before 3.14 does not find \\B in an empty text
        texts = ["".join(generator.choices(LETTERS, k=generator.randrange(least, 9))) for _ in range(6)]
        found = [bool(compiled.search(text)) for text in texts]
        cases.append({"pattern": source, "flags": flags, "texts": texts, "found": found})
    with open("tests/data/reward/regex.json", "w") as file:
        json.dump(cases, file, separators=(",", ":"))
        file.write("\n")
