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
# refused SENTENCE ARGUMENTS...: exit code 2 and one line that says why.
refused() {
  local sentence=$1 code=0
  shift
  python3 benchmarks/table.py "$@" >/dev/null 2>"$work/errors" || code=$?
  [ "$code" -eq 2 ] && [ "$(wc -l <"$work/errors")" -eq 1 ] && grep -qF -- "$sentence" "$work/errors" ||
    { echo "$*: exit code $code, expected 2 with '$sentence'; it said:"; cat "$work/errors"; exit 1; }
}
refused "no benchmark's name matches 'nothing'" "$work/own" --filter nothing
refused "/nonexistent: cannot be started: No such file or directory" /nonexistent
refused "$work: cannot be started" "$work"
refused "/bin/false: exit code 1" /bin/false
refused "/bin/echo: printed no JSON of Google Benchmark" /bin/echo
refused "/nonexistent/plot.svg: cannot be written" "$work/own" --mean_length=8 --benchmark_min_time=0.01 --filter '^Gae' --svg /nonexistent/plot.svg
