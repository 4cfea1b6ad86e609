#!/usr/bin/env bash
# A tiny recipe from end to end: train, killed and gone on with, evaluate, report.
# open_rs_tiny.sh PROGRAM MODEL RECIPE [STEPS [PLACEMENT]]; with a placement such as split:1 on four processes, where first all of them are
# killed, then the one that samples.
set -euo pipefail
program=$1 model=$2 recipe=$3 steps=${4:-20} placement=${5:-}
. "$(dirname "$(realpath "$0")")/../support/open_rs_run.sh"
for i in $(seq 1 60); do
  a=$((10 + 37 * i % 90)) b=$((10 + 53 * i % 90))
  echo "{\"problem\":\"$a+$b=\",\"answer\":\"$((a + b))\"}"
done >problems.jsonl

ranks=()
[ -z "$placement" ] || ranks=(--processes 4 --placement "$placement" --deadline 60)
train() {
  ${how:-} "$program" train --model "$model" --recipe "$recipe" --data problems.jsonl --set save_steps=2 --steps "$steps" "${ranks[@]}" "$@" \
    >out 2>log
}
without_times() { sed -E 's/"(timing[^"]*|step_time)":[^,}]*,?//g' "$1"; }
steps_in() { grep -c '"step"' "$1/metrics.jsonl" 2>/dev/null || true; }
# Starts the run `cut` and kills it after $1 steps: the program, or of the processes that it started the one of rank $2.
killed_after() {
  how=exec train --out cut --resume auto &  # so that the signal reaches the program
  local pid=$! one victim
  victim=$pid
  while [ "$(steps_in cut)" -lt "$1" ] 2>/dev/null || [ -z "$(steps_in cut)" ]; do sleep 0.05; done
  if [ $# -gt 1 ]; then
    for one in $(pgrep -P "$pid"); do
      if tr '\0' '\n' <"/proc/$one/environ" | grep -qx "RANK=$2"; then victim=$one; fi
    done
    [ "$victim" != "$pid" ] || fail "there is no process of rank $2"
  fi
  kill -KILL "$victim"
  wait "$pid" 2>/dev/null && fail "the run that was killed ended well"
  [ ! -e cut/final ] || fail "it was not killed"
}

train --out whole || { cat log; fail "train"; }
[ "$(steps_in whole)" = "$steps" ] || fail "not $steps steps"
killed_after $((steps / 4))
if [ -n "$placement" ]; then killed_after $((steps / 2)) 3; fi
train --out cut --resume auto || { cat log; fail "resume"; }
cmp whole/final/model.safetensors cut/final/model.safetensors || fail "the run that was killed ends otherwise"
cmp <(without_times whole/metrics.jsonl) <(without_times cut/metrics.jsonl) || fail "its metrics differ"

head -12 problems.jsonl >test.jsonl
"$program" evaluate --data test.jsonl --model cut/final -n 2 --max-tokens 80 --prompt problem --verifier answer-tag --out evaluation --json >scores 2>log || { cat log; fail "evaluate"; }
grep -q '"pass@1"' scores || { cat scores; fail "no pass@1"; }
"$program" report whole cut evaluation --out report.html >out 2>log || { cat log; fail "report"; }
grep -q '</html>' report.html || fail "the page is not whole"
