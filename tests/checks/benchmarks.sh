#!/usr/bin/env bash
# An estimator of one's own joins the comparison with one line: its row is in the table, in the JSON and in the plot.
. "$(dirname "$0")/common.sh"
need python3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${CXX:-c++}" -std=c++20 -O1 -Iinclude -Ibenchmarks tests/checks/own_estimator.cpp -o "$work/own" -lbenchmark -lpthread 2>"$work/errors" || {
  grep -qE 'fatal error: benchmark/benchmark.h|cannot find -lbenchmark' "$work/errors" && skip "Google Benchmark is not here"
  cat "$work/errors"
  exit 1
}
python3 benchmarks/table.py "$work/own" --mean_length=8 --benchmark_min_time=0.01 --json "$work/rows.json" --svg "$work/plot.svg" | tee "$work/table"
grep -qE '^name +tokens +ns/token +GB/s +memory GB/s +share$' "$work/table"
grep -qE '^RewardItself +0\.0 M +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9]+ %$' "$work/table"
grep -q '"name": "RewardItself"' "$work/rows.json"
grep -q '>RewardItself</text>' "$work/plot.svg"
python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$work/plot.svg"
python3 benchmarks/table.py "$work/own" --mean_length=8 --benchmark_min_time=0.01 --filter '^Gae' >"$work/table"
[ "$(wc -l <"$work/table")" -eq 2 ]
if python3 benchmarks/table.py "$work/own" --filter nothing 2>"$work/errors"; then exit 1; fi
grep -q "no benchmark's name matches 'nothing'" "$work/errors"
