#!/usr/bin/env bash
# Checkpoints of open_rs train as a user meets them: open_rs.sh PROGRAM MODEL kills N [KEY=VALUE...] | sigterm | faults | settings
set -euo pipefail
program=$1 model=$2 what=$3 times=${4:-0}
. "$(dirname "$(realpath "$0")")/../support/open_rs_run.sh"

for setting in "${@:5}"; do settings+=(--set "$setting"); done

steps=12
# The controller moves its coefficient and the reference follows: both are state.
train() {
  local out=$1
  shift
  ${how:-} "$program" train --model "$model" --data problems.jsonl --out "$out" --steps "${until:-$steps}" --algorithm "${algorithm:-grpo_token_mean}" \
    "${settings[@]}" --set minibatches=2 \
    --set max_steps=$steps --set save_total_limit=2 "$@"
}

# metrics.jsonl without what a clock says
without_times() { sed -E 's/"(timing[^"]*|step_time)":[^,}]*,?//g' "$1"; }
same_run() {
  cmp "$1/final/model.safetensors" "$2/final/model.safetensors" || fail "parameters differ"
  cmp "$1/completions.jsonl" "$2/completions.jsonl" || fail "completions differ"
  cmp <(without_times "$1/metrics.jsonl") <(without_times "$2/metrics.jsonl") || fail "metrics differ"
  cmp "$1/checkpoint-$steps/model.safetensors" "$2/checkpoint-$steps/model.safetensors" || fail "checkpoints differ"
  [ "$(grep -c '"step"' "$2/metrics.jsonl")" = $steps ] || fail "a step stands twice"
}

case $what in
  kills)
    start=$(date +%s%N)
    train whole 2>log || { cat log; exit 1; }
    took=$((($(date +%s%N) - start) / 1000000))
    RANDOM=7
    for run in $(seq 1 "$times"); do
      out=killed$run
      how="exec" train "$out" >/dev/null 2>log &  # so that the signal reaches the program
      pid=$!
      # at most of the whole run, so that moments within writes, in steps and at the start all occur
      sleep "$(printf '%d.%03d' $((took * (RANDOM % 90 + 5) / 100 / 1000)) $((took * (RANDOM % 90 + 5) / 100 % 1000)))"
      kill -KILL $pid 2>/dev/null || true
      wait $pid 2>/dev/null || true
      at=$(find "$out" -maxdepth 1 -name 'checkpoint-*' 2>/dev/null | sed 's/.*-//' | sort -n | tail -1) || true
      echo "kill $run: after $(cat "$out/metrics.jsonl" 2>/dev/null | wc -l) steps, newest checkpoint ${at:-none}"
      train "$out" --resume auto 2>log || { cat log; exit 1; }
      same_run whole "$out"
      [ "$(find "$out" -maxdepth 1 -name '.*grove-tmp*' | wc -l)" = 0 ] || fail "a temporary is left"
      rm -rf "$out"
    done ;;
  sigterm)
    train whole 2>log
    how="exec" train stopped >/dev/null 2>log &
    pid=$!
    while [ "$(wc -l 2>/dev/null <stopped/metrics.jsonl || echo 0)" -lt 3 ]; do sleep 0.05; done
    kill -TERM $pid
    wait $pid || fail "SIGTERM: exit code $?"
    [ ! -e stopped/final ] || fail "the run was not stopped"
    train stopped --resume auto 2>log
    same_run whole stopped ;;
  faults)
    until=2 train run 2>log || { cat log; exit 1; }
    before=$(cat run/checkpoint-2/state.json)
    code=0
    (ulimit -f 64 && train run --resume auto 2>log) || code=$?  # 64 KiB: a model does not fit
    [ $code = 2 ] || fail "full disk: exit code $code"
    grep -q 'cannot be written: File too large; expected a writable folder with room' log || { cat log; fail "full disk: message"; }
    [ "$before" = "$(cat run/checkpoint-2/state.json)" ] || fail "full disk: the old checkpoint is gone"
    train run --resume auto 2>log || { cat log; fail "the old checkpoint does not load"; }
    printf x >afile
    code=0
    train afile/run 2>log || code=$?
    [ $code = 2 ] || fail "unwritable output: exit code $code"
    grep -q 'afile/run: cannot be made' log || { cat log; fail "unwritable output: message"; }
    truncate -s 1000 run/checkpoint-12/state.safetensors
    code=0
    train run --resume auto 2>log || code=$?
    [ $code = 2 ] && grep -q 'state.safetensors' log || { cat log; fail "cut file: exit code $code"; } ;;
  settings)
    until=2 train run 2>log || { cat log; exit 1; }
    code=0
    train run 2>log || code=$?
    [ $code = 2 ] && grep -q 'holds a run that reached step 2; go on with it by --resume auto' log || { cat log; fail "second run"; }
    code=0
    train run --resume auto --set learning_rate=2e-3 2>log || code=$?
    [ $code = 2 ] && grep -q "learning_rate is '0.002'; expected '0.001', as in the checkpoint" log || { cat log; fail "setting"; }
    code=0
    train run --resume auto --set optim=adamw_8bit 2>log || code=$?
    [ $code = 2 ] && grep -q "optim is 'adamw_8bit'; expected 'adamw_torch', as in the checkpoint" log || { cat log; fail "moments"; }
    code=0
    train run --resume auto --resume-allow optim --set optim=adamw_8bit 2>log || code=$?
    [ $code = 2 ] && grep -q "is F32.*expected U8.*resume with the model and options" log || { cat log; fail "moments allowed"; }
    code=0
    algorithm=gspo train run --resume auto 2>log || code=$?
    [ $code = 2 ] && grep -q 'composition is ' log || { cat log; fail "composition"; }
    echo '{"problem":"1+1=","answer":"2"}' >>problems.jsonl
    code=0
    train run --resume auto 2>log || code=$?
    [ $code = 2 ] && grep -q 'data is ' log || { cat log; fail "data"; }
    train run --resume auto --resume-allow data,learning_rate --set learning_rate=2e-3 2>log || { cat log; fail "override"; }
    [ "$(grep -c '"step"' run/metrics.jsonl)" = $steps ] || fail "a step stands twice" ;;
esac
