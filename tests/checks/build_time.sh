#!/usr/bin/env bash
# build_time.sh BUILD BUDGET: building BUILD from nothing took at most BUDGET seconds of processor time, so that 2 cores need half of that.
# (Not wall time: the machine may be busy. ccache makes it less.)
. "$(dirname "$0")/common.sh"
log=$1/.ninja_log
[ -e "$1/.clean-build-times" ] || skip "$1 was not built from nothing by tests/run or examples/run"
total=$(awk 'NR == 2 {gsub(/[ms]/, " "); printf "%.0f", $1 * 60 + $2 + $3 * 60 + $4}' "$1/.clean-build-times")
echo "$total s of processor time, budget $2 s; the longest, by the clock:"
awk 'NR > 1 && $4 ~ /\.o$/ {last[$4] = $2 - $1} END {for (f in last) printf "%7.1f s  %s\n", last[f] / 1000, f}' "$log" | sort -rn | sed 10q
echo "headers alone, processor time, the longest:"
cat "$1"/tests/headers/times/* 2>/dev/null | sort -rn | sed 10q
[ "$total" -le "$2" ]
