#!/usr/bin/env bash
# open_rs train on several processes as a user starts them: open_rs.sh PROGRAM MODEL launcher | dead | throws | sigterm | torchrun [TORCHRUN]
set -euo pipefail
program=$1 model=$2 what=$3 torchrun=${4:-}
. "$(dirname "$(realpath "$0")")/../support/open_rs_run.sh"

steps=6
case $what in dead | sigterm) steps=500 ;; esac
arguments=(train --model "$model" --data problems.jsonl --steps "$steps" --threads 1 --deadline 20
  "${settings[@]}" --set "max_steps=$steps")
steps_in() { grep -c '"step"' "$1/metrics.jsonl" 2>/dev/null || true; }
column() { sed -E "s/.*\"$2\":([^,}]*).*/\1/" "$1/metrics.jsonl"; }
without_times() { sed -E 's/"(timing[^"]*|step_time)":[^,}]*,?//g' "$1"; }
# The process of a rank of the launcher $1.
rank_of() {
  for pid in $(pgrep -P "$1"); do
    if tr '\0' '\n' <"/proc/$pid/environ" | grep -qx "RANK=$2"; then echo "$pid"; fi
  done
}
wait_for_steps() { while [ "$(steps_in "$1")" -lt "$2" ] 2>/dev/null || [ -z "$(steps_in "$1")" ]; do sleep 0.1; done; }

case $what in
  launcher)
    "$program" "${arguments[@]}" --out one 2>log || { cat log; exit 1; }
    "$program" "${arguments[@]}" --out two --processes 2 2>log >table || { cat log; exit 1; }
    "$program" "${arguments[@]}" --out again --processes 2 2>>log >>table || { cat log; exit 1; }
    [ "$(head -1 table)" = "[rank 0] two" ] || { cat table; fail "the folder is not printed once"; }
    cmp two/final/model.safetensors again/final/model.safetensors || fail "two runs on two processes differ"
    cmp <(without_times two/metrics.jsonl) <(without_times again/metrics.jsonl) || fail "their metrics differ"
    [ "$(steps_in two)" = $steps ] && [ "$(steps_in two/rank-1)" = $steps ] || fail "steps are missing"
    # The first step samples the same completions; later weights differ in the last bits.
    for name in reward grad_norm; do
      paste <(column one $name | head -1) <(column two $name | head -1) |
        awk '{ d = $1 - $2; if (d < 0) d = -d; exit !(d <= 1e-6 * $1) }' || fail "$name of step 1 differs"
    done
    # Another number of ranks goes on from a checkpoint.
    "$program" "${arguments[@]}" --out two --resume two/checkpoint-5 2>log || { cat log; exit 1; }
    [ "$(steps_in two)" = $steps ] || fail "a step stands twice" ;;
  dead)
    "$program" "${arguments[@]}" --out run --processes 2 2>log &
    pid=$!
    wait_for_steps run 1
    kill -KILL "$(rank_of $pid 1)"
    start=$(date +%s)
    code=0
    wait $pid || code=$?
    [ $code = 137 ] || { cat log; fail "exit code $code"; }
    [ $(($(date +%s) - start)) -le 25 ] || fail "it took $(($(date +%s) - start)) s"
    grep -Eq '\[rank 0\] open_rs: .*rank 0, phase [a-z]+ of step [0-9]+: rank 1 died or hangs, last seen in phase' log || { cat log; fail "message"; } ;;
  throws)
    code=0
    RANK=0 WORLD_SIZE=2 MASTER_PORT=29411 "$program" "${arguments[@]}" --out run --set seed=1 2>log0 &
    pid=$!
    RANK=1 WORLD_SIZE=2 MASTER_PORT=29411 "$program" "${arguments[@]}" --out run --set seed=2 2>log1 && fail "rank 1 went on" || code=$?
    [ $code = 2 ] || fail "exit code $code of rank 1"
    wait $pid && fail "rank 0 went on" || code=$?
    [ $code = 2 ] || { cat log0; fail "exit code $code of rank 0"; }
    grep -q 'rank 1: has seed = 2; expected seed = 1, as rank 0' log1 || { cat log1; fail "message of rank 1"; }
    grep -q 'rank 1 stopped in phase start: rank 1: has seed = 2' log0 || { cat log0; fail "message of rank 0"; } ;;
  sigterm)
    "$program" "${arguments[@]}" --out run --processes 2 2>log &
    pid=$!
    wait_for_steps run 2
    kill -TERM $pid
    wait $pid || { cat log; fail "exit code $?"; }
    [ -n "$(find run -maxdepth 1 -name "checkpoint-$(steps_in run)")" ] || fail "no checkpoint of the last step" ;;
  torchrun)
    OMP_NUM_THREADS=1 "$torchrun" --no-python --nproc-per-node 2 "$program" "${arguments[@]}" --out run >log 2>&1 || { cat log; exit 1; }
    "$program" "${arguments[@]}" --out own --processes 2 2>log || { cat log; exit 1; }
    cmp run/final/model.safetensors own/final/model.safetensors || fail "torchrun's run differs from --processes'" ;;
esac
