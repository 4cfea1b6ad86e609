#!/usr/bin/env bash
# compile_alone.sh HEADER BUDGET FORBIDDEN RECORD COMPILER FLAGS...: HEADER compiles alone (and twice), without warnings, within BUDGET
# seconds of processor time (not wall: the machine may be busy), and reads no file whose path matches FORBIDDEN. The time goes to RECORD.
set -uo pipefail
header=$1 budget=$2 forbidden=$3 record=$4
shift 4
dependencies=$(mktemp)
trap 'rm -f "$dependencies"' EXIT

TIMEFORMAT='%U'
exec 3>&2
# The compiler keeps the script's stderr; what is caught is the time alone.
seconds=$({ time printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
  "$@" -x c++ -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror -MD -MF "$dependencies" - 2>&3; exit "$?"; } 2>&1)
status=$?
[ $status -eq 0 ] || { echo "$header does not compile alone"; exit 1; }

mkdir -p "$(dirname "$record")"
printf '%s %s\n' "$seconds" "$header" >"$record"
echo "$seconds s of processor time, budget $budget s"
if found=$(tr ' ' '\n' <"$dependencies" | grep -E -m 3 -- "$forbidden"); then
  printf '%s must not include (its layer does without):\n%s\n' "$header" "$found"
  exit 1
fi
if awk -v a="$seconds" -v b="$budget" 'BEGIN {exit !(a > b)}'; then
  echo "$header takes $seconds s to compile alone, more than its $budget s: include less"
  exit 1
fi
