#!/usr/bin/env bash
# open_rs train on several processes as a user starts them: open_rs.sh PROGRAM MODEL launcher | dead | hangs | throws | sigterm | zero | record | split | ahead | adapters | torchrun [TORCHRUN]
set -euo pipefail
program=$1 model=$2 what=$3 torchrun=${4:-}
. "$(dirname "$(realpath "$0")")/../support/open_rs_run.sh"

steps=6
deadline=20
case $what in dead | hangs | sigterm) steps=500 ;; esac
if [ "$what" = hangs ]; then deadline=5; fi
arguments=(train --model "$model" --data problems.jsonl --steps "$steps" --threads 1 --deadline $deadline --heartbeat 1
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
    grep -q '^open_rs: rank 1 was ended by signal 9' log || { cat log; fail "what ended the rank"; }
    grep -Eq '\[rank 0\] open_rs: .*rank 0, phase [a-z]+ of step [0-9]+: rank 1 died or hangs, last seen in phase' log || { cat log; fail "message"; } ;;
  hangs)
    "$program" "${arguments[@]}" --out run --processes 4 2>log &
    pid=$!
    wait_for_steps run 1
    ranks=$(pgrep -P $pid)
    start=$(date +%s)
    kill -STOP "$(rank_of $pid 2)"
    code=0
    wait $pid || code=$?
    took=$(($(date +%s) - start))
    [ $code != 0 ] || fail "exit code $code"
    [ $took -le 10 ] || { cat log; fail "it took $took s, with a deadline of 5"; }
    for one in $ranks; do if kill -0 "$one" 2>/dev/null; then fail "process $one is left"; fi; done
    grep -q '^open_rs: rank 2 did not end when another failed' log || { cat log; fail "who hung"; }
    grep -Eq 'rank 2 died or hangs, last seen in phase [a-z]+ of step [0-9]+' log || { cat log; fail "message"; }
    grep -Eq 'open_rs: rank [013] waits in phase [a-z]+ of step [0-9]+ since [0-9]+ s;.* rank 2 is in phase' log || { cat log; fail "heartbeat"; } ;;
  zero)
    "$program" "${arguments[@]}" --out whole --processes 4 --zero 2 2>log >table || { cat log; exit 1; }
    "$program" "${arguments[@]}" --out none --processes 4 --set zero=0 2>log >table || { cat log; exit 1; }
    cmp whole/final/model.safetensors none/final/model.safetensors || fail "dividing the optimizer's state changes results"
    [ "$(find whole/checkpoint-$steps -name 'optimizer-0000?-of-00004.safetensors' | wc -l)" = 4 ] || fail "shards"
    # Killed in the middle, one rank first or all at once; the run goes on as if nothing had been.
    for run in 1 2; do
      "$program" "${arguments[@]}" --out killed --processes 4 --zero 2 2>log >table &
      pid=$!
      wait_for_steps killed $((run + 1))
      if [ $run = 1 ]; then kill -KILL "$(rank_of $pid 1)"; else kill -KILL $pid; fi
      wait $pid || true
      sleep 0.5
      "$program" "${arguments[@]}" --out killed --processes 4 --zero 2 --resume auto 2>log >table || { cat log; exit 1; }
      cmp whole/final/model.safetensors killed/final/model.safetensors || fail "a resumed run differs"
      cmp <(without_times whole/metrics.jsonl) <(without_times killed/metrics.jsonl) || fail "its metrics differ"
      for shard in whole/checkpoint-$steps/*.safetensors; do
        cmp "$shard" "killed/checkpoint-$steps/$(basename "$shard")" || fail "its checkpoint differs"
      done
      rm -rf killed
    done
    "$program" "${arguments[@]}" --out none --processes 2 --zero 1 --resume whole/checkpoint-$((steps - 1)) 2>log >table || { cat log; exit 1; }
    code=0
    "$program" "${arguments[@]}" --out bad --zero 3 2>log || code=$?
    [ $code = 2 ] && grep -q 'zero is 3; expected 0, 1 or 2' log || { cat log; fail "zero 3: exit code $code"; } ;;
  record)
    for key in "--algorithm dapo" ""; do
      # shellcheck disable=SC2086
      "$program" "${arguments[@]}" $key --out run --record recorded --processes 3 2>log >table || { cat log; exit 1; }
      [ "$(find recorded -name 'step-*.jsonl' | wc -l)" = $steps ] || fail "files"
      grep -q '"rank":2' recorded/step-000001.jsonl || fail "rank 2 has no lines"
      # shellcheck disable=SC2086
      "$program" "${arguments[@]}" $key --out again --replay recorded --processes 3 2>log >table || { cat log; exit 1; }
      cmp run/final/model.safetensors again/final/model.safetensors || fail "the replay differs"
      # shellcheck disable=SC2086
      "$program" "${arguments[@]}" $key --out one --replay recorded 2>log >table || { cat log; exit 1; }
      rm -rf run again one recorded
    done ;;
  split)
    "$program" "${arguments[@]}" --out split --processes 3 --placement split:1 2>log >table || { cat log; exit 1; }
    "$program" "${arguments[@]}" --out two --processes 2 2>log >table || { cat log; exit 1; }
    cmp split/final/model.safetensors two/final/model.safetensors || fail "split:1 of three ranks differs from two"
    "$program" "${arguments[@]}" --out split --processes 3 --placement split:1 --resume split/checkpoint-5 2>log >table || { cat log; exit 1; }
    cmp split/final/model.safetensors two/final/model.safetensors || fail "a resumed split differs"
    for bad in "split:1 1" "split:2 2" "split:x 2"; do
      code=0
      # shellcheck disable=SC2086
      set -- $bad
      "$program" "${arguments[@]}" --out bad --placement "$1" --processes "$2" 2>log || code=$?
      [ $code = 2 ] && [ "$(wc -l <log)" = 1 ] && grep -q 'placement' log || { cat log; fail "$bad: exit code $code"; }
      [ ! -e bad ] || fail "$bad: work was done"
    done ;;
  ahead)
    ahead=(--placement split:1 --set one_step_ahead=true --set old_log_probs=sampled)
    "$program" "${arguments[@]}" --out run --processes 2 "${ahead[@]}" --record recorded 2>log >table || { cat log; exit 1; }
    "$program" "${arguments[@]}" --out again --processes 2 "${ahead[@]}" 2>log >table || { cat log; exit 1; }
    cmp run/final/model.safetensors again/final/model.safetensors || fail "two runs ahead differ"
    cmp <(without_times run/metrics.jsonl) <(without_times again/metrics.jsonl) || fail "their metrics differ"
    for step in $(seq 1 $steps); do
      versions=$(grep -o '"policy_version":[0-9]*' "recorded/step-00000$step.jsonl" | sort -u)
      [ "$versions" = "\"policy_version\":$((step > 1 ? step - 2 : 0))" ] || fail "step $step was sampled by $versions"
    done
    # A recording of it needs no ranks that sample, and one that says nothing of the older weights is refused.
    replay=(--replay recorded --placement colocated --set old_log_probs=sampled)
    "$program" "${arguments[@]}" --out replayed "${replay[@]}" --set one_step_ahead=true 2>log >table || { cat log; exit 1; }
    cmp run/final/model.safetensors replayed/final/model.safetensors || fail "a replay of a run ahead differs"
    code=0
    "$program" "${arguments[@]}" --out stale "${replay[@]}" 2>log >table || code=$?
    [ $code = 2 ] && grep -q 'sampled by another version of the policy; .*declare the staleness in the recipe' log || { cat log; fail "a replay of older weights: exit code $code"; }
    code=0
    "$program" "${arguments[@]}" --out bad --processes 2 "${ahead[@]}" --replay recorded 2>log >table || code=$?
    [ $code = 2 ] && [ "$(wc -l <log)" = 1 ] && grep -q 'replay: with placement = split:1; .*one_step_ahead=true' log || { cat log; fail "a replay with split: exit code $code"; }
    # Killed in the middle, the one that trains or all at once; what was under way is trained on as if nothing had been.
    for run in 1 2; do
      "$program" "${arguments[@]}" --out killed --processes 2 "${ahead[@]}" 2>log >table &
      pid=$!
      wait_for_steps killed $((run + 1))
      if [ $run = 1 ]; then kill -KILL "$(rank_of $pid 0)"; else kill -KILL $pid; fi
      wait $pid || true
      sleep 0.5
      "$program" "${arguments[@]}" --out killed --processes 2 "${ahead[@]}" --resume auto 2>log >table || { cat log; exit 1; }
      cmp run/final/model.safetensors killed/final/model.safetensors || fail "a resumed run differs"
      cmp <(without_times run/metrics.jsonl) <(without_times killed/metrics.jsonl) || fail "its metrics differ"
      rm -rf killed
    done
    code=0
    "$program" "${arguments[@]}" --out run --processes 2 --placement split:1 --set old_log_probs=sampled --resume run/checkpoint-5 2>log >table || code=$?
    [ $code = 2 ] && grep -q "one_step_ahead is 'false'; expected 'true'" log || { cat log; fail "a resume that waits: exit code $code"; }
    for bad in "one_step_ahead=true old_log_probs=recomputed" "one_step_ahead=true placement=colocated" "one_step_ahead=true logprob_temperature=0.5"; do
      code=0
      # shellcheck disable=SC2086
      set -- $bad
      "$program" "${arguments[@]}" --out bad --processes 2 --set placement=split:1 --set "$1" --set "$2" 2>log || code=$?
      [ $code = 2 ] && [ "$(wc -l <log)" = 1 ] && grep -q 'one_step_ahead' log || { cat log; fail "$bad: exit code $code"; }
      [ ! -e bad ] || fail "$bad: work was done"
    done ;;
  adapters)
    peft=(--set use_peft=true --set lora_r=4 --set lora_target_modules=all-linear --set learning_rate=1e-2)
    same() {
      for file in final/model.safetensors final-adapter/adapter_model.safetensors; do
        cmp "$1/$file" "$2/$file" || fail "$3: $file"
      done
    }
    "$program" "${arguments[@]}" "${peft[@]}" --out two --processes 2 2>log >table || { cat log; exit 1; }
    "$program" "${arguments[@]}" "${peft[@]}" --out split --processes 3 --placement split:1 2>log >table || { cat log; exit 1; }
    same split two "split:1 of three ranks differs from two"
    "$program" "${arguments[@]}" "${peft[@]}" --out split --processes 3 --placement split:1 --resume split/checkpoint-5 2>log >table || { cat log; exit 1; }
    same split two "a resumed split differs"
    ahead=(--placement split:1 --set one_step_ahead=true --set old_log_probs=sampled)
    "$program" "${arguments[@]}" "${peft[@]}" --out ahead --processes 2 "${ahead[@]}" 2>log >table || { cat log; exit 1; }
    "$program" "${arguments[@]}" "${peft[@]}" --out killed --processes 2 "${ahead[@]}" 2>log >table &
    pid=$!
    wait_for_steps killed 3
    kill -KILL $pid
    wait $pid || true
    sleep 0.5
    "$program" "${arguments[@]}" "${peft[@]}" --out killed --processes 2 "${ahead[@]}" --resume auto 2>log >table || { cat log; exit 1; }
    same ahead killed "a resumed run ahead differs"
    cmp -s ahead/final/model.safetensors two/final/model.safetensors && fail "a run ahead is the same as one that waits"
    # Below the adapters every rank must have the same weights.
    cp -r "$model" other
    python3 - other/model.safetensors <<'PYTHON' || fail "other weights"
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(-2, 2)
    last = f.read(2)
    f.seek(-2, 2)
    f.write(bytes([last[0] ^ 1, last[1]]))
PYTHON
    one=(env WORLD_SIZE=2 MASTER_PORT=29413)
    "${one[@]}" RANK=0 "$program" "${arguments[@]}" "${peft[@]}" --out bad --placement split:1 2>log0 >table &
    pid=$!
    "${one[@]}" RANK=1 "$program" "${arguments[@]/#"$model"/other}" "${peft[@]}" --out bad --placement split:1 2>log1 >table && fail "rank 1 went on"
    wait $pid && fail "rank 0 went on"
    grep -q 'rank 1 has another model below the adapters; expected that of rank 0' log1 || { cat log1; fail "message of rank 1"; }
    grep -q 'rank 1 stopped in phase waiting for the trainers: split: rank 1 has another model' log0 || { cat log0; fail "message of rank 0"; } ;;
  throws)
    code=0
    RANK=0 WORLD_SIZE=2 MASTER_PORT=29411 "$program" "${arguments[@]}" --out run --set seed=1 2>log0 &
    pid=$!
    RANK=1 WORLD_SIZE=2 MASTER_PORT=29411 "$program" "${arguments[@]}" --out run --set seed=2 2>log1 && fail "rank 1 went on" || code=$?
    [ $code = 2 ] || fail "exit code $code of rank 1"
    wait $pid && fail "rank 0 went on" || code=$?
    [ $code = 2 ] || { cat log0; fail "exit code $code of rank 0"; }
    grep -q 'rank 1: has seed = 2; expected seed = 1, as rank 0' log1 || { cat log1; fail "message of rank 1"; }
    grep -q 'rank 1 stopped in phase start: rank 1: has seed = 2' log0 || { cat log0; fail "message of rank 0"; }
    # Rank 1 may write no file of more than 64 kB, and both say so.
    RANK=0 WORLD_SIZE=2 MASTER_PORT=29412 "$program" "${arguments[@]}" --out full --zero 1 2>log0 &
    pid=$!
    (ulimit -f 64 && RANK=1 WORLD_SIZE=2 MASTER_PORT=29412 "$program" "${arguments[@]}" --out full --zero 1 2>log1) && fail "rank 1 went on"
    wait $pid && fail "rank 0 went on"
    for log in log0 log1; do
      grep -q 'checkpoint of step 1: not written: rank 1: .*/optimizer-00001-of-00002.safetensors: cannot be written: File too large' $log || { cat $log; fail "the message of a full disk"; }
    done
    [ -z "$(find full -maxdepth 1 -name '*checkpoint*')" ] || fail "a part of a checkpoint is left" ;;
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
