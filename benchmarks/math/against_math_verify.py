#!/usr/bin/env python3
"""Math-Verify and grove::math in one run: checks a second on the same rows, one core each.

    python3 benchmarks/math/against_math_verify.py BENCH_MATH GOLDEN [ROWS]

BENCH_MATH is the executable bench_math, GOLDEN the file mathverify_bench_dev.jsonl. Needs math-verify[antlr4_13_2] 0.9.
Math-Verify is measured on ROWS rows (default 300), taken evenly, as open-r1 calls it; its caches are cleared for each row.
"""
import functools
import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
import time

from latex2sympy2_extended import NormalizationConfig
from math_verify import LatexExtractionConfig, parse, verify

logging.disable(logging.CRITICAL)
PREDICTION = [LatexExtractionConfig(
    normalization_config=NormalizationConfig(nits=False, malformed_operators=False, basic_latex=True, boxed="all", units=True),
    boxed_match_priority=0, try_extract_without_anchor=False)]


def clear_caches():
    for thing in gc.get_objects():
        if isinstance(thing, functools._lru_cache_wrapper) and thing.__module__.startswith(("math_verify", "latex2sympy2")):
            thing.cache_clear()


def check(gold, text):
    wanted = parse(gold, extraction_mode="first_match")
    return bool(wanted) and verify(wanted, parse(text, extraction_config=PREDICTION, extraction_mode="first_match"))


def rate(rows):
    start = time.process_time()
    for gold, text in rows:
        try:
            check(gold, text)
        except Exception:  # counts as a check
            pass
    return len(rows) / (time.process_time() - start)


def main():
    bench, golden = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 300
    with open(golden, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    rows = rows[:: max(1, len(rows) // count)]
    pairs = [(row["gold"], row["completion"]) for row in rows]
    numbers = [(f"${n * 37 % 2003}$", f"So the result is \\boxed{{{n * 37 % 2003}}}.") for n in range(count)]
    rate(pairs[:5])
    clear_caches()
    peer = {"on_dev_bench": rate(pairs), "on_plain_numbers": rate(numbers)}
    environment = dict(os.environ, GROVE_SHARED=os.path.dirname(os.path.dirname(os.path.abspath(golden))))
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as out:  # stdout also has the table of hostile texts
        subprocess.run([bench, f"--benchmark_out={out.name}", "--benchmark_out_format=json", "--benchmark_min_time=0.2"],
                       env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        entries = json.load(out)["benchmarks"]
    for entry in entries:
        if "items_per_second" not in entry:
            continue
        own = entry["items_per_second"]
        other = peer.get(entry["name"].split("<")[0])
        ratio = f"  ({own / other:,.0f} x Math-Verify's {other:,.1f})" if other and "threads:2" not in entry["name"] else ""
        print(f"{entry['name']}: {own:,.0f} checks a second{ratio}")


if __name__ == "__main__":
    main()
