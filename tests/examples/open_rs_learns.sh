#!/usr/bin/env bash
# A tiny recipe learns: after its 200 steps twice as many sums that it did not train on are right. open_rs_learns.sh PROGRAM MODEL RECIPE
set -euo pipefail
program=$1 model=$2 recipe=$3
. "$(dirname "$(realpath "$0")")/../support/open_rs_run.sh"
# 1,200 different ones of the 8,100 sums of numbers of two digits, in no order; the last 200 are kept apart.
for i in $(seq 1 1200); do
  a=$((10 + 2477 * i % 8100 / 90)) b=$((10 + 2477 * i % 8100 % 90))
  echo "{\"problem\":\"$a+$b=\",\"answer\":\"$((a + b))\"}"
done >all.jsonl
head -1000 all.jsonl >train.jsonl
tail -200 all.jsonl >test.jsonl

right() {
  "$program" evaluate --json --data test.jsonl --model "$1" -n 4 --temperature 1 --top-p 1 --max-tokens 80 --prompt problem --verifier answer-tag \
    --out "$2" 2>log | sed -E 's/,"strict":.*//; s/.*"pass@1":([^,]*),.*/\1/'
}
"$program" train --model "$model" --recipe "$recipe" --data train.jsonl --out run >out 2>log || { cat log; fail "train"; }
before=$(right "$model" before)
after=$(right run/final after)
echo "right before $before, after $after"
awk -v before="$before" -v after="$after" 'BEGIN { exit !(before > 0.05 && after > 2 * before) }' || fail "it has not learned"
