#!/usr/bin/env bash
# build_time.sh BUILD BUDGET: what the last build of each file in BUILD took, added up, stays within BUDGET seconds (two jobs at once
# share it), so that a clean build with tests takes at most 15 minutes on 2 cores. Files that ccache held count as what they took.
. "$(dirname "$0")/common.sh"
log=$1/.ninja_log
[ -e "$log" ] || skip "no ninja built $1"
total=$(awk 'NR > 1 && $4 ~ /\.(o|gch)$|^(tests|examples|benchmarks)\/[^\/]*$/ {last[$4] = $2 - $1} END {for (f in last) sum += last[f]; printf "%.0f", sum / 1000}' "$log")
echo "$total s of work in all, budget $2 s; the longest:"
awk 'NR > 1 && $4 ~ /\.(o|gch)$/ {last[$4] = $2 - $1} END {for (f in last) printf "%7.1f s  %s\n", last[f] / 1000, f}' "$log" | sort -rn | sed 10q
echo "headers alone, processor time, the longest:"
cat "$1"/tests/headers/times/* 2>/dev/null | sort -rn | sed 10q
[ "$total" -le "$2" ]
