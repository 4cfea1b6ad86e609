#!/usr/bin/env bash
# The arithmetic example as a user runs it: arithmetic.sh PROGRAM learns|replay|constant|shuffled|negated
set -euo pipefail
program=$1 what=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

run() { "$program" --out "$folder/run" "$@" 2>"$folder/log" >"$folder/table" || { cat "$folder/log"; exit 1; }; }
tenths() { sed -n "s/^  $1 *\([0-9]*\)\.\([0-9]\) %/\1\2/p" "$folder/table"; }
check() { echo "before $(tenths before), after $(tenths after) (tenths of a percent): $1"; [ "$(($2))" -eq 1 ]; }

case $what in
  learns)  # far enough from the start to be no accident
    run --seed 0 --stop-at 60
    check "at least 60 %" "$(tenths before) < 400 && $(tenths after) >= 600" ;;
  replay)  # repeats the recorded run, whose reward has a weight of 0
    run --steps 2 --problems 4 --group 4 --record "$folder/record"
    mv "$folder/run" "$folder/first"
    run --steps 2 --problems 4 --group 4 --replay "$folder/record"
    cmp "$folder/first/final/model.safetensors" "$folder/run/final/model.safetensors" ;;
  constant)
    run --control constant --steps 20
    cmp "$folder/run/start/model.safetensors" "$folder/run/final/model.safetensors" ;;
  shuffled)
    run --control shuffled --steps 200
    check "no more than 3 points up" "$(tenths after) <= $(tenths before) + 30" ;;
  negated)
    run --control negated --steps 200
    check "at least 10 points down" "$(tenths after) <= $(tenths before) - 100" ;;
esac
