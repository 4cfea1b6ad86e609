#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Labels of math-verify 0.9 in lighteval's configuration for the rows of the dev bench.

usage: math_lighteval.py mathverify_bench_dev.jsonl > tests/data/math/lighteval_labels.txt

One line a row: its id and 1 or 0. Gold: LaTeX targets with their defaults. Answer: plain expressions and LaTeX with
boxes first; candidates are tried until one parses; five decimals; a gold that is not found is compared as a text.
"""
import json
import sys

from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

GOLD = [LatexExtractionConfig()]
ANSWER = [ExprExtractionConfig(), LatexExtractionConfig(boxed_match_priority=0)]


def label(row):
    gold = parse(row["gold"], GOLD, extraction_mode="any_match", fallback_mode="first_match")
    answer = parse(row["completion"], ANSWER, extraction_mode="any_match", fallback_mode="first_match")
    if not gold:
        gold = [row["gold"]]
    return int(verify(gold, answer, float_rounding=5))


for line in open(sys.argv[1]):
    row = json.loads(line)
    print(row["id"], label(row), flush=True)
