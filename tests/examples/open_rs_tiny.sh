#!/usr/bin/env bash
# A tiny recipe from end to end: train, killed and gone on with, evaluate, report. open_rs_tiny.sh PROGRAM MODEL RECIPE
set -euo pipefail
program=$1 model=$2 recipe=$3
. "$(dirname "$(realpath "$0")")/../support/open_rs_run.sh"
# The reward exact_answer reads <answer>; accuracy and cosine read the gold as LaTeX or text.
for i in $(seq 1 60); do
  echo "{\"problem\":\"$((i + 10))+$((3 * i))=\",\"answer\":\"$((4 * i + 10))\"}"
done >problems.jsonl

train() { ${how:-} "$program" train --model "$model" --recipe "$recipe" --data problems.jsonl --set save_steps=2 "$@" >out 2>log; }
without_times() { sed -E 's/"(timing[^"]*|step_time)":[^,}]*,?//g' "$1"; }
train --out whole || { cat log; fail "train"; }
[ "$(grep -c '"step"' whole/metrics.jsonl)" = 20 ] || fail "not 20 steps"
how=exec train --out cut &  # so that the signal reaches the program
pid=$!
while [ "$(wc -l 2>/dev/null <cut/metrics.jsonl || echo 0)" -lt 5 ]; do sleep 0.05; done
kill -KILL $pid
wait $pid 2>/dev/null || true
[ ! -e cut/final ] || fail "it was not killed"
train --out cut --resume auto || { cat log; fail "resume"; }
cmp whole/final/model.safetensors cut/final/model.safetensors || fail "the run that was killed ends otherwise"
cmp <(without_times whole/metrics.jsonl) <(without_times cut/metrics.jsonl) || fail "its metrics differ"

head -12 problems.jsonl >test.jsonl
"$program" evaluate --data test.jsonl --model cut/final -n 2 --max-tokens 80 --prompt problem --verifier answer-tag --out evaluation --json >scores 2>log || { cat log; fail "evaluate"; }
grep -q '"pass@1"' scores || { cat scores; fail "no pass@1"; }
"$program" report whole cut evaluation --out report.html >out 2>log || { cat log; fail "report"; }
grep -q '</html>' report.html || fail "the page is not whole"
